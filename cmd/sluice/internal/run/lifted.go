package run

import (
	"cmp"
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
				out = append(out, g.EdgeText(e)+", "+d.String()+": a policy looks at its requests, and then all of them pass")
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
		name := policyText(&pol)
		if old, ok := was[name]; ok && !slices.Equal(old, is[name]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// requestsOf are the texts about requests of each policy, each once, none for most.
func requestsOf(p *Policies) map[string][]string {
	out := map[string][]string{}
	asked := askedOf(p)
	for i := range p.Set.Policies {
		texts := asked[i].texts
		slices.Sort(texts)
		out[policyText(&p.Set.Policies[i])] = slices.Compact(texts)
	}
	return out
}

// policyText is "CiliumNetworkPolicy shop/cart", and "ClusterNetworkPolicy admin" without a namespace.
func policyText(p *policy.Policy) string {
	return p.Kind[strings.LastIndexByte(p.Kind, ' ')+1:] + " " + strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
}

// byRequests splits the rules in force: those that let some requests pass alone, in the policies that have such, and
// all others. Each policy isolates what it isolates in both.
func byRequests(p *Policies) (narrow, rest policy.PolicySet) {
	narrow, rest = p.Set, p.Set
	narrow.Policies, rest.Policies = nil, nil
	of := askedOf(p)
	for i, pol := range p.Set.Policies {
		some, all := pol, pol
		some.Rules, all.Rules = nil, nil
		for k := range pol.Rules {
			if slices.Contains(of[i].rules, pol.Rules[k].Source) {
				some.Rules = append(some.Rules, pol.Rules[k])
			} else {
				all.Rules = append(all.Rules, pol.Rules[k])
			}
		}
		rest.Policies = append(rest.Policies, all)
		if len(some.Rules) > 0 {
			narrow.Policies = append(narrow.Policies, some)
		}
	}
	return narrow, rest
}

// asked is what a policy asks of requests: the texts, and where the rules begin that do.
type asked struct {
	texts []string
	rules []policy.Position
}

// askedOf finds to which policy and rule a field about requests belongs: the last that begins before it in its
// document, which may be a list of policies.
func askedOf(p *Policies) map[int]asked {
	type document struct {
		file string
		n    int
	}
	fields := map[document][]*render.Problem{}
	for i := range p.Problems {
		if x := &p.Problems[i]; x.Requests != "" {
			d := document{x.At.File, x.At.Document}
			fields[d] = append(fields[d], x)
		}
	}
	out := map[int]asked{}
	if len(fields) == 0 {
		return out
	}
	type begin struct {
		at     policy.Position
		policy int
		rule   bool
	}
	begins := map[document][]begin{}
	for i := range p.Set.Policies {
		pol := &p.Set.Policies[i]
		d := document{pol.Source.File, pol.Source.Document}
		if fields[d] == nil {
			continue
		}
		begins[d] = append(begins[d], begin{pol.Source, i, false})
		for k := range pol.Rules {
			begins[d] = append(begins[d], begin{pol.Rules[k].Source, i, true})
		}
	}
	for d, list := range begins {
		slices.SortStableFunc(list, func(a, b begin) int { return inOrder(a.at, b.at) })
		for _, x := range fields[d] {
			k, _ := slices.BinarySearchFunc(list, x.At, func(b begin, at policy.Position) int {
				return cmp.Or(inOrder(b.at, at), -1) // the first that begins behind it
			})
			if k == 0 {
				continue
			}
			of, is := list[k-1], out[list[k-1].policy]
			is.texts = append(is.texts, x.Requests)
			if of.rule {
				is.rules = append(is.rules, of.at)
			}
			out[of.policy] = is
		}
	}
	return out
}

// inOrder compares two places of one document.
func inOrder(a, b policy.Position) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
