package verify

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// mostCombinations bounds the pods that one selector is taken for: those of a few names.
const mostCombinations = 64

// name adds what policies name and the flows do not have: pods by their labels, and ports. Without them a rule for a
// workload that is gone would decide nothing.
func (u *universe) name(ev *eval.Evaluator, policies []policy.Policy) {
	ports := map[port]bool{}
	for _, p := range u.ports {
		ports[p] = true
	}
	add := naming{u, ev, map[string][]int{}, map[string]bool{}}
	for i := range u.members {
		add.add(i)
	}
	for i := range policies {
		p := &policies[i]
		if p.Namespace != "" {
			add.pods([]string{p.Namespace}, p.Subject)
		}
		for j := range p.Rules {
			r := &p.Rules[j]
			eachPeer(r.Peers, func(x *policy.Peer) {
				if names, ok := namesOf(x.Namespaces); ok && x.Kind == policy.PeerPods {
					add.pods(names, x.Pods)
				}
			})
			for _, x := range r.Ports {
				for _, n := range []uint16{x.First, x.Last} {
					if at := (port{x.Proto, n}); x.Name == "" && n != 0 && n != policy.LastPort && !ports[at] {
						ports[at] = true
						u.ports = append(u.ports, at)
					}
				}
			}
		}
	}
	slices.SortFunc(u.ports, comparePorts)
	slices.SortStableFunc(u.members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
}

// namesOf returns the namespaces that a selector names.
func namesOf(s policy.Selector) ([]string, bool) {
	if len(s) != 1 || s[0].Key != policy.NamespaceName || s[0].Op != policy.In {
		return nil, false
	}
	return s[0].Values, true
}

// naming adds pods to a universe.
type naming struct {
	u     *universe
	ev    *eval.Evaluator
	in    map[string][]int // pods by namespace
	asked map[string]bool  // selectors that were added already, with their namespaces
}

func (x *naming) add(i int) {
	if end := x.u.members[i].end; end.IsPod {
		x.in[end.Namespace] = append(x.in[end.Namespace], i)
	}
}

// pods adds the pods of namespaces that a selector asks for, as far as none was seen that it selects.
func (x *naming) pods(namespaces []string, s policy.Selector) {
	if len(s) == 0 {
		return
	}
	key := policy.PeersKey([]policy.Peer{{Namespaces: policy.Namespace(namespaces...), Pods: s}})
	if x.asked[key] {
		return
	}
	x.asked[key] = true
	for _, labels := range combinations(s) {
		list := make([]string, 0, len(labels))
		for k, v := range labels {
			list = append(list, k+"="+v)
		}
		f := eval.Facts{IsPod: true, Labels: model.MakeLabels(list)}
		for _, ns := range namespaces {
			if sel := policy.MatchLabels(labels); !x.has(ns, sel) {
				f.Namespace = ns
				x.u.members = append(x.u.members, member{-1, ns + "/(pods " + sel.String() + ")", x.ev.End(f)})
				x.add(len(x.u.members) - 1)
			}
		}
	}
}

// has reports whether a pod of a namespace has labels.
func (x *naming) has(namespace string, labels policy.Selector) bool {
	return slices.ContainsFunc(x.in[namespace], func(i int) bool { return labels.Matches(x.u.members[i].end.Labels) })
}

// combinations are the labels that a selector names: one of each list of values, nil where it asks for something else
// or for too many.
func combinations(s policy.Selector) []map[string]string {
	out := []map[string]string{{}}
	for _, r := range s {
		if r.Op != policy.In || len(out)*len(r.Values) > mostCombinations {
			return nil
		}
		var next []map[string]string
		for _, have := range out {
			for _, v := range r.Values {
				labels := map[string]string{r.Key: v}
				for k, w := range have {
					labels[k] = w
				}
				next = append(next, labels)
			}
		}
		out = next
	}
	return out
}
