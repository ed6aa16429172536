package eval

import "fmt"

// Semantics says whose reading of NetworkPolicy decides. They differ where Kubernetes leaves room:
//
//	                             spec       cilium           calico
//	ipBlock and pods             address    never            address
//	ipBlock and nodes            address    never            address
//	own node's host to its pods  allowed    allowed          allowed
//	a pod to its own node's host allowed    needs a rule     needs a rule
//
// ClusterNetworkPolicies stand before and after them in all three: around.go says where they differ.
// Cilium is 1.20: lint tells of the policies that versions before it read otherwise.
// To Cilium a rule that denies is stronger than what is allowed between a node and its pods. In all of them only a rule
// without ports lets ICMP in or out, and a hostNetwork pod is its node.
type Semantics uint8

// The semantics.
const (
	Spec   Semantics = iota // what the Kubernetes documentation promises
	Cilium                  // policy-cidr-match-mode empty, as installed
	Calico
)

var semanticsNames = [...]string{"spec", "cilium", "calico"}

// String is the lower-case name.
func (s Semantics) String() string { return semanticsNames[s] }

// ParseSemantics is the reverse of Semantics.String.
func ParseSemantics(name string) (Semantics, error) {
	for i, n := range semanticsNames {
		if n == name {
			return Semantics(i), nil
		}
	}
	return 0, fmt.Errorf("no semantics %q (spec, cilium, calico)", name)
}
