package main

import (
	slimnet "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/policy/types"
)

// mendBlocks takes back what Cilium adds to a NetworkPolicy. Where the cluster has a name, as it always has, 1.19.1
// reads an ipBlock below "from" as if an empty podSelector stood beside it, and so lets in every pod of the policy's
// namespace too; below "to" it asks first whether there is a selector. Neither the API nor any test of Cilium's wants
// that. Every peer becomes one entry, in order, with the selector of pods first.
func mendBlocks(np *slimnet.NetworkPolicy, entries types.PolicyEntries) {
	i := 0
	for _, r := range np.Spec.Ingress {
		for _, p := range r.From {
			if p.PodSelector == nil && p.NamespaceSelector == nil && p.IPBlock != nil {
				entries[i].L3 = entries[i].L3[1:]
			}
			i++
		}
		if len(r.From) == 0 {
			i++
		}
	}
}
