package bundle

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// taken names what the cluster has already under a name that the bundle uses, and that is not of this bundle or of its
// former state: kind, namespace and name, sorted by them.
func (w *written) taken(in *Input, former *Former) []synth.Taken {
	kinds, names := map[string]bool{}, map[string]bool{}
	for _, p := range w.set.Policies {
		kinds[p.Kind] = true
	}
	for _, ns := range append(in.Result.Namespaces(), "") {
		for _, f := range forms {
			for _, p := range f.of(in.Result, ns) {
				names[p.Namespace+"/"+p.Name] = true
			}
		}
	}
	var out []synth.Taken
	for i := range in.Cluster.Policies {
		q := &in.Cluster.Policies[i]
		if kinds[q.Kind] && names[q.Namespace+"/"+q.Name] && q.Bundle != in.name() {
			out = append(out, synth.Taken{Namespace: q.Namespace, What: nameOf(q)})
		}
	}
	given, had := in.given(), former.filed()
	for _, text := range in.Decided {
		i := strings.LastIndexByte(text, ' ')
		kind, name := text[:max(i, 0)], text[i+1:]
		if (kinds[kind] || kind == model.AnyPolicy) && names[name] && !given.knows(kind, name) && !had[name] {
			ns, _, _ := strings.Cut(name, "/")
			out = append(out, synth.Taken{Namespace: ns, What: text, Decided: true})
		}
	}
	for _, q := range in.Cluster.Networks {
		for _, p := range w.set.Networks {
			if p.Name == q.Name && !slices.Equal(p.CIDRs, q.CIDRs) {
				out = append(out, synth.Taken{What: "network " + q.Name})
			}
		}
	}
	slices.SortFunc(out, func(a, b synth.Taken) int { return cmp.Compare(a.What, b.What) })
	return slices.Compact(out)
}

// reopened names the policies that isolate in a namespace which the bundle opens for a while, by namespace: those that
// the log shows deciding, and those that are given. What an open policy stands over already is open.
func (in *Input) reopened() map[string][]string {
	out := map[string][]string{}
	for _, text := range in.Decided {
		name := text[strings.LastIndexByte(text, ' ')+1:]
		ns, _, _ := strings.Cut(name, "/")
		out[ns] = append(out[ns], name)
	}
	for i := range in.Cluster.Policies {
		if p := &in.Cluster.Policies[i]; p.Ingress || p.Egress {
			out[p.Namespace] = append(out[p.Namespace], p.Namespace+"/"+p.Name)
		}
	}
	maps.DeleteFunc(out, func(ns string, names []string) bool {
		return len(in.Result.Open(ns)) == 0 || in.Result.IsolatedToday(ns) ||
			slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, policy.OpenName) })
	})
	for ns, names := range out {
		slices.Sort(names)
		out[ns] = slices.Compact(names)
	}
	return out
}

// givenKinds are the kinds of the policies that are given, by their namespaces and names.
type givenKinds map[string][]string

func (in *Input) given() givenKinds {
	out := givenKinds{}
	for i := range in.Cluster.Policies {
		q := &in.Cluster.Policies[i]
		out[q.Namespace+"/"+q.Name] = append(out[q.Namespace+"/"+q.Name], q.Kind)
	}
	return out
}

// knows reports whether a policy that the log shows is among those given: then its labels say whose it is.
func (g givenKinds) knows(kind, name string) bool {
	return kind == model.AnyPolicy && len(g[name]) > 0 || slices.Contains(g[name], kind)
}

// filed are the policies that a bundle has files of, by their namespaces and names.
func (f *Former) filed() map[string]bool {
	out := map[string]bool{}
	if f == nil {
		return out
	}
	for file := range f.files {
		name, ok := strings.CutSuffix(file, ".yaml")
		parts := strings.Split(name, "/")
		if n := len(parts); ok && n > 2 {
			out[strings.TrimPrefix(parts[n-2], render.ClusterDir)+"/"+parts[n-1]] = true
		}
	}
	return out
}
