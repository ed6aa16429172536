package policy

import (
	"fmt"
	"slices"

	"sluice/model"
)

// PolicySet is a proposal or what somebody's files say. Its meaning does not depend on the order of its parts;
// Canonical gives the one order to write and compare in.
type PolicySet struct {
	Policies []Policy
	Tiers    []Tier    // Calico's; the default tier is always there
	Networks []Network // what PeerNetwork can name
}

// Policy says for the pods it selects which connections may come in or go out.
type Policy struct {
	Name      string
	Namespace string // "" is cluster-wide
	// Kind is the API kind that it was read from: names are unique for each kind only. No part of its meaning.
	Kind string
	// Subject selects pods of Namespace; empty selects all of them.
	Subject Selector
	// SubjectNamespaces narrows a cluster-wide policy to some namespaces; empty is all. Unused in others.
	SubjectNamespaces Selector
	// Ingress and Egress say which directions the policy isolates: what no rule allows there is denied. Rules of a
	// direction that is not isolated count only where another policy isolates the pod (enableDefaultDeny: false).
	Ingress, Egress bool
	Rules           []Rule
	// Tier and Order are Calico's places in the evaluation: nil is last. Without a tier it is no Calico policy, and
	// Calico takes it as one of the default tier with order 1000.
	Tier  string
	Order *float64
	// Staged says that it is there for its effect to be watched and decides nothing.
	Staged bool
	Source Position // where it was read; no part of its meaning
}

// Isolates says whether the policy isolates its subject in direction d.
func (p *Policy) Isolates(d model.Direction) bool {
	return d == model.Ingress && p.Ingress || d == model.Egress && p.Egress
}

// Position is a place in a file of YAML documents. The zero value means that the policy was never in a file.
type Position struct {
	File     string
	Document int // 1-based
	Line     int // 1-based line of the file; 0 is all of it
}

// String is "file:line (document n)" or "file", "" for the zero value.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d (document %d)", p.File, p.Line, p.Document)
}

// Join takes in everything of another set.
func (s *PolicySet) Join(t PolicySet) {
	s.Policies = append(s.Policies, t.Policies...)
	s.Tiers = append(s.Tiers, t.Tiers...)
	s.Networks = append(s.Networks, t.Networks...)
}

// Add gives the set with more policies.
func (s PolicySet) Add(more ...Policy) PolicySet {
	s.Policies = append(slices.Clip(s.Policies), more...)
	return s
}
