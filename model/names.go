package model

import (
	"maps"
	"slices"
)

// AnyPolicy is the kind of a policy whose kind the log does not say.
const AnyPolicy = "policy"

// PolicyNames are the policies that a log shows deciding, each as "KIND NAMESPACE/NAME", where KIND begins with the
// version of its API: "networking.k8s.io/v1 NetworkPolicy shop/web".
type PolicyNames map[string]bool

// maxPolicyNames bounds them.
const maxPolicyNames = 1 << 14

// Add notes more. Those beyond a bound are left out.
func (n *PolicyNames) Add(more ...string) {
	for _, name := range more {
		if (*n)[name] || len(*n) == maxPolicyNames {
			continue
		}
		if *n == nil {
			*n = PolicyNames{}
		}
		(*n)[name] = true
	}
}

// List returns them sorted, nil for none.
func (n PolicyNames) List() []string {
	return slices.Sorted(maps.Keys(n))
}
