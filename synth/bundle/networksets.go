package bundle

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// selectable are the NetworkSets of namespaces that are known: from the cluster, and by the log, whose addresses the
// configuration names. To Calico a selector of pods finds them by their labels as well.
func (in *Input) selectable() []policy.Network {
	if in.Semantics != eval.Calico || in.Result.Dialect.Name() != "calico" {
		return nil
	}
	var out []policy.Network
	for _, n := range in.Cluster.Networks {
		if n.Namespace != "" {
			out = append(out, n)
		}
	}
	for id, p := range in.Graph.Tables.Endpoints.Snapshot() {
		known := func(n policy.Network) bool { return n.Namespace == p.Namespace && n.Name == p.Name }
		if in.Graph.PeerOf[id] < 0 || p.Kind != model.KindNetworkSet || p.Namespace == "" || slices.ContainsFunc(out, known) {
			continue
		}
		n := policy.Network{Name: p.Name, Namespace: p.Namespace, Labels: p.Labels}
		for _, c := range in.Config.Networks {
			if c.Name == p.Name {
				n.CIDRs = c.CIDRs
			}
		}
		out = append(out, n)
	}
	return out
}

// selects names the rules of the bundle whose selector of pods finds a NetworkSet as well, sorted.
func (w *written) selects(in *Input) []synth.Selects {
	sets := in.selectable()
	var out []synth.Selects
	for i := range w.set.Policies {
		p := &w.set.Policies[i]
		for j := range p.Rules {
			for k := range p.Rules[j].Peers {
				q := &p.Rules[j].Peers[k]
				for _, n := range sets {
					own := model.MakeLabels([]string{policy.NamespaceName + "=" + n.Namespace})
					if q.Kind == policy.PeerPods && q.Namespaces.Matches(own) && q.Pods.Matches(n.Labels) {
						out = append(out, synth.Selects{Namespace: p.Namespace, Direction: p.Rules[j].Direction,
							Rule: p.RuleID(j), Policy: p.Namespace + "/" + p.Name, Set: n.Namespace + "/" + n.Name})
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b synth.Selects) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Set, b.Set))
	})
	return slices.Compact(out)
}
