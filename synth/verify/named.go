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
	for i := range policies {
		p := &policies[i]
		if p.Namespace != "" {
			u.pods(ev, []string{p.Namespace}, p.Subject)
		}
		for j := range p.Rules {
			r := &p.Rules[j]
			eachPeer(r.Peers, func(x *policy.Peer) {
				if names, ok := namesOf(x.Namespaces); ok && x.Kind == policy.PeerPods {
					u.pods(ev, names, x.Pods)
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

// pods adds the pods of namespaces that a selector asks for, as far as none was seen that it selects.
func (u *universe) pods(ev *eval.Evaluator, namespaces []string, s policy.Selector) {
	if len(s) == 0 {
		return
	}
	for _, labels := range combinations(s) {
		text := policy.MatchLabels(labels).String()
		list := make([]string, 0, len(labels))
		for k, v := range labels {
			list = append(list, k+"="+v)
		}
		f := eval.Facts{IsPod: true, Labels: model.MakeLabels(list)}
		for _, ns := range namespaces {
			if f.Namespace = ns; !u.has(&f, labels) {
				u.members = append(u.members, member{-1, ns + "/(pods " + text + ")", ev.End(f)})
			}
		}
	}
}

// has reports whether a pod of a namespace has labels.
func (u *universe) has(f *eval.Facts, labels map[string]string) bool {
	sel := policy.MatchLabels(labels)
	return slices.ContainsFunc(u.members, func(m member) bool {
		return m.end.IsPod && m.end.Namespace == f.Namespace && sel.Matches(m.end.Labels)
	})
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
