package bundle

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Need is something that the policies need of the cluster, and what its objects say of that.
type Need struct {
	What    string    // "enableDefaultDeny (Cilium 1.16 or later)"
	Without string    // what happens without it
	Met     model.Tri // Yes or No
	Why     string    // "Cilium v1.17.3"
}

// NeedsOf are the needs of the policies of a result that objects of the cluster speak of.
func NeedsOf(r *synth.Result, m *policy.Manifests) []Need {
	var out []Need
	for _, n := range r.Dialect.Rollout().Needs {
		if !asksFor(r, &n) {
			continue
		}
		met, why := n.Met(m)
		if met == model.Unknown || n.Rare && met == model.Yes {
			continue
		}
		_, without, _ := strings.Cut(n.Text, ". ")
		out = append(out, Need{n.What(), strings.ReplaceAll(strings.TrimSuffix(without, "."), "\n", " "), met, why})
	}
	return out
}

// lacks are the needs that the cluster does not meet.
func lacks(needs []Need) []synth.Lack {
	var out []synth.Lack
	for _, n := range needs {
		if n.Met == model.No {
			out = append(out, synth.Lack{Text: "the cluster does not have " + n.What + ": " + n.Why, Consequence: n.Without})
		}
	}
	return out
}

// asksFor reports whether some policy has what a need is for.
func asksFor(r *synth.Result, n *render.Need) bool {
	named := func(r policy.Rule) bool {
		return slices.ContainsFunc(r.Peers, func(p policy.Peer) bool { return p.Kind == policy.PeerFQDN })
	}
	elsewhere := func(r policy.Rule) bool {
		return slices.ContainsFunc(r.Peers, func(p policy.Peer) bool {
			return slices.ContainsFunc(p.Pods, func(q policy.Requirement) bool { return q.Key == policy.ClusterName })
		})
	}
	ofProtocol := func(r policy.Rule) bool {
		return slices.ContainsFunc(r.Ports, func(q policy.Port) bool {
			return slices.Contains(n.Protocols, q.Proto.String())
		})
	}
	some := func(has func(policy.Rule) bool) bool {
		return slices.ContainsFunc(r.Policies.Policies, func(p policy.Policy) bool {
			return slices.ContainsFunc(p.Rules, has)
		})
	}
	return (!n.Names || some(named)) && (!n.Mesh || some(elsewhere)) && (len(n.Protocols) == 0 || some(ofProtocol))
}
