package run

import (
	"slices"

	"sluice/model/graph"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// lifted names the ends of edges at which a rule in force lets some requests of the connection pass alone, and a
// proposed rule, which looks at no requests, lets all of them: policies allow together.
func lifted(g *graph.Graph, proposed policy.PolicySet, inForce *Policies, cfg verify.Config) []string {
	narrow, rest := byRequests(inForce)
	if len(narrow.Policies) == 0 {
		return nil
	}
	asked := verify.Granted(g, narrow, cfg)
	was := verify.Granted(g, rest, cfg) // some other rule lets all requests pass today
	will := verify.Granted(g, rest.Apply(proposed), cfg)
	var out []string
	for i, e := range g.AllEdges() {
		for _, d := range policy.Directions() {
			if e.State.Worked() && *asked[i].At(d) && !*was[i].At(d) && *will[i].At(d) {
				out = append(out, edgeName(g, e)+", "+d.String()+
					": a policy in force looks at its requests, and beside these policies all of them pass")
			}
		}
	}
	return out
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
		if !p.Requests || !begins(r.Source, p.At) {
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
