package workload

import (
	"slices"
	"strings"

	"sluice/model"
)

// describe chooses selectors and names, and says why.
func (sp *space) describe(j *judge) {
	x := newSetIndex(sp.groups)
	model.Each(len(sp.groups), func(i int) { // the index is read alone
		g := sp.groups[i]
		g.out = Workload{Cluster: sp.cluster, Namespace: sp.namespace}
		sel := sp.ownSelector(g)
		g.out.OwnSelector = x.exact(sel, i)
		if !g.out.OwnSelector {
			sel = x.selectorFor(g.common, g.owner(), i)
		}
		if x.exact(sel, i) {
			g.out.Selector = map[string]string{}
			for _, kv := range sel {
				k, v, _ := strings.Cut(kv, "=")
				g.out.Selector[k] = v
			}
		}
	})
	nameAll(sp.groups)
	model.Each(len(sp.groups), func(i int) { sp.detail(sp.groups[i], j) })
}

func (sp *space) detail(g *group, j *judge) {
	w := &g.out
	w.ID = w.Namespace + "/" + w.Name
	if w.Cluster != "" {
		w.ID = w.Cluster + "/" + w.ID
	}
	owners := g.owners()
	for i, o := range owners {
		if i == 0 || o.Kind == w.Kind {
			w.Kind = o.Kind
		} else {
			w.Kind = ""
			break
		}
	}
	for _, p := range g.pods {
		w.Observed = w.Observed || p.index != unseenPod
		if n := len(w.LabelSets); len(p.Labels) > 0 && (n == 0 || !same(w.LabelSets[n-1], p.Labels)) {
			w.LabelSets = append(w.LabelSets, p.Labels)
		}
	}
	w.LabelSets = distinct(w.LabelSets)
	w.Common = intersection(w.LabelSets)
	w.ServiceAccount = g.serviceAccount()
	w.space, w.group, w.judge = sp, g, j
	w.Merged = g.merged()
	if g.odd {
		w.Outlier = owners[0].Name
	}
	if len(w.Selector) == 0 {
		w.Refusal = g.refusal()
	}
}

// Generated returns the labels of Selector whose values look made for one release or run, sorted: pods of the next one
// have other values.
func (w *Workload) Generated() (labels []string) {
	for k, v := range w.Selector {
		if looksRandom(v) {
			labels = append(labels, label(k, v))
		}
	}
	slices.Sort(labels)
	return labels
}

// serviceAccount returns the account that the group's pods run as, "" if unknown or several.
func (g *group) serviceAccount() (name string) {
	for _, p := range g.pods {
		switch {
		case p.ServiceAccount == "" || name == p.ServiceAccount:
		case name == "":
			name = p.ServiceAccount
		default:
			return ""
		}
	}
	return name
}

// maxFrom is the number of names that a reader can take in.
const maxFrom = 10

// separates finds for each label of the selector the workloads that only it keeps out.
func (sp *space) separates(g *group) []Separation {
	var sel model.Labels
	for k, v := range g.out.Selector {
		sel = append(sel, label(k, v))
	}
	sel = model.MakeLabels(sel)
	var out []Separation
	for i, kv := range sel {
		rest := slices.Delete(slices.Clone(sel), i, i+1)
		k, v, _ := strings.Cut(kv, "=")
		s := Separation{Key: k, Value: v}
		for _, h := range sp.groups {
			if h != g && slices.ContainsFunc(h.sets, func(l model.Labels) bool { return contains(l, rest) }) {
				s.From = append(s.From, h.out.Name)
			}
		}
		slices.Sort(s.From)
		if len(s.From) > maxFrom {
			s.From, s.More = slices.Clone(s.From[:maxFrom]), len(s.From)-maxFrom
		}
		out = append(out, s)
	}
	return out
}

// merged names what the group unites, if that is more than one thing: its owners, those that only pod names tell of
// among them, what its label sets name that no owner was seen with, and the pods that bear no owner's name.
func (g *group) merged() []string {
	var names []string
	owned := map[string]bool{}
	var last model.Labels // of those in owned
	for i, p := range g.pods {
		if i > 0 && p.owner.Name != "" && p.owner == g.pods[i-1].owner && same(p.stable, g.pods[i-1].stable) {
			continue
		}
		if o := p.knownOwners(); len(o) > 0 {
			names = append(names, o...)
			if len(owned) == 0 || !same(last, p.stable) {
				owned[strings.Join(p.stable, "\x00")], last = true, p.stable
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	names = append(names, g.strangers(names)...)
	for _, s := range g.sets {
		if owned[strings.Join(s, "\x00")] {
			continue
		}
		if n := labelName(s); n != "" {
			names = append(names, n)
		} else if len(s) > 0 {
			names = append(names, strings.Join(s, ","))
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 2 {
		return nil
	}
	return names
}

// strangers names the pods without owner whose names none of the owners gives. An owner with pods of other names shows
// that names tell nothing here.
func (g *group) strangers(owners []string) (names []string) {
	if len(owners) == 0 {
		return nil
	}
	is := map[string]bool{}
	for _, o := range owners {
		is[o] = true
	}
	given := func(name string) bool {
		return is[name] || slices.ContainsFunc(stems(name), func(s string) bool { return is[s] })
	}
	for _, p := range g.pods {
		for _, s := range p.samples {
			switch {
			case given(s) || len(p.Labels) == 0: // that one is here for its name
			case p.owner.Name != "":
				return nil
			default:
				names = append(names, ownerName(s))
			}
		}
	}
	return names
}

func (g *group) refusal() string {
	advice := "; add app.kubernetes.io/name: " + g.out.Name + " to its pod template"
	switch {
	case len(g.sets) == 0:
		return "the log has no labels for its pods" + advice
	case g.odd:
		return "its labels are on pods of other workloads as well, and it bears the name of " + g.owners()[0].Name + advice
	case len(g.out.Merged) > 0:
		return "no label selects its pods and no others: " + strings.Join(g.out.Merged, ", ") + " overlap" + advice
	}
	return "all its labels change with rollouts, runs or replicas" + advice
}
