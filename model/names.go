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

// The bounds of PolicyNames: how many, and how long one is. A kind, a namespace and a name have some 400 bytes at most.
const (
	maxPolicyNames = 1 << 14
	maxPolicyName  = 1 << 9
)

// Add notes more. Those beyond a bound are left out: a policy of so long a name cannot be.
func (n *PolicyNames) Add(more ...string) {
	for _, name := range more {
		if (*n)[name] || len(*n) == maxPolicyNames || len(name) > maxPolicyName {
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
