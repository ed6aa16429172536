package run

import (
	"slices"
	"strings"

	"sluice/model/graph"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// lifted names the ends of edges at which a rule lets some requests of the connection pass alone before, and one that
// looks at no requests lets all of them pass after: policies allow together.
func lifted(g *graph.Graph, before, after *Policies, cfg verify.Config) []string {
	narrow, rest := byRequests(before)
	if len(narrow.Policies) == 0 {
		return nil
	}
	_, then := byRequests(after)
	asked := verify.Granted(g, narrow, cfg)
	was := verify.Granted(g, rest, cfg)
	will := verify.Granted(g, then, cfg)
	var out []string
	for i, e := range g.AllEdges() {
		for _, d := range policy.Directions() {
			if e.State.Worked() && *asked[i].At(d) && !*was[i].At(d) && *will[i].At(d) {
				out = append(out, edgeName(g, e)+", "+d.String()+": a policy looks at its requests, and then all of them pass")
			}
		}
	}
	return out
}

// otherRequests names the policies of two sets that let other requests pass, as their texts tell: what a proxy makes of
// requests is not evaluated.
func otherRequests(before, after *Policies) []string {
	was, is := requestsOf(before), requestsOf(after)
	var out []string
	for _, pol := range after.Set.Policies {
		name := policyKey(&pol)
		if old, ok := was[name]; ok && !slices.Equal(old, is[name]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// requestsOf are the texts about requests of each policy, in any order, none for most.
func requestsOf(p *Policies) map[string][]string {
	out := map[string][]string{}
	for i := range p.Set.Policies {
		pol := &p.Set.Policies[i]
		list := []string{}
		for k := range p.Problems {
			if x := &p.Problems[k]; x.Requests != "" && x.At.File == pol.Source.File && x.At.Document == pol.Source.Document {
				list = append(list, x.Requests)
			}
		}
		slices.Sort(list)
		out[policyKey(pol)] = list
	}
	return out
}

// policyKey is "CiliumNetworkPolicy shop/cart".
func policyKey(p *policy.Policy) string {
	return p.Kind[strings.LastIndexByte(p.Kind, ' ')+1:] + " " + p.Namespace + "/" + p.Name
}

// byRequests splits the rules in force: those that let some requests pass alone, in the policies that have such, and
// all others. Each policy isolates what it isolates in both.
func byRequests(p *Policies) (narrow, rest policy.PolicySet) {
	narrow, rest = p.Set, p.Set
	narrow.Policies, rest.Policies = nil, nil
	for _, pol := range p.Set.Policies {
		some, all := pol, pol
		some.Rules, all.Rules = nil, nil
		for i := range pol.Rules {
			if asksRequests(&pol, &pol.Rules[i], p.Problems) {
				some.Rules = append(some.Rules, pol.Rules[i])
			} else {
				all.Rules = append(all.Rules, pol.Rules[i])
			}
		}
		rest.Policies = append(rest.Policies, all)
		if len(some.Rules) > 0 {
			narrow.Policies = append(narrow.Policies, some)
		}
	}
	return narrow, rest
}

// asksRequests reports whether a field of the rule is of requests: it stands behind the rule's begin and before that of
// the next.
func asksRequests(pol *policy.Policy, r *policy.Rule, problems []render.Problem) bool {
	return slices.ContainsFunc(problems, func(p render.Problem) bool {
		if p.Requests == "" || !begins(r.Source, p.At) {
			return false
		}
		return !slices.ContainsFunc(pol.Rules, func(next policy.Rule) bool {
			return next.Source != r.Source && begins(r.Source, next.Source) && begins(next.Source, p.At)
		})
	})
}

// begins reports whether b stands behind a in the same document.
func begins(a, b policy.Position) bool {
	return a.File == b.File && a.Document == b.Document && (a.Line < b.Line || a.Line == b.Line && a.Column <= b.Column)
}
