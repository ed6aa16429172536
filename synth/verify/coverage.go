package verify

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Cover says how far policies isolate the pods of a namespace. Pods that no selector tells apart are counted as the
// workload that they belong to: a log does not count pods.
type Cover struct {
	Namespace string
	Workloads int // that were seen
	// Open are the workloads that some pods of are isolated by nothing, sorted.
	Open policy.ByDirection[[]string]
	// Whole says that a direction is isolated for every pod, also for those that nobody has seen yet.
	Whole policy.ByDirection[bool]
}

// Enforced reports whether every pod of the namespace is isolated in both directions, those to come among them.
func (c *Cover) Enforced() bool { return c.Whole.Ingress && c.Whole.Egress }

// Coverage looks at every workload that was seen, by namespace.
func Coverage(g *graph.Graph, set policy.PolicySet, cfg Config) []Cover {
	ev := eval.New(set, cfg.Semantics)
	u := newUniverse(g, ev, cfg)
	opened := openings(set)
	at := map[string]*Cover{}
	for _, w := range g.AllWorkloads() {
		if !w.Observed || cfg.foreign(w.Cluster) {
			continue
		}
		c := at[w.Namespace]
		if c == nil {
			c = &Cover{Namespace: w.Namespace, Whole: policy.ByDirection[bool]{Ingress: true, Egress: true}}
			at[w.Namespace] = c
		}
		c.Workloads++
	}
	for i := range u.members {
		m := &u.members[i]
		c := at[m.end.Namespace]
		if c == nil || !m.end.IsPod {
			continue
		}
		for _, d := range policy.Directions() {
			open := m.end.Isolated(d) != model.Yes || slices.ContainsFunc(opened, func(o Opening) bool {
				return o.Direction == d && (o.Namespace == c.Namespace || o.Namespace == "")
			})
			if !open {
				continue
			}
			*c.Whole.At(d) = false
			if m.peer >= 0 {
				*c.Open.At(d) = append(*c.Open.At(d), m.name)
			}
		}
	}
	var out []Cover
	for _, c := range at {
		for _, d := range policy.Directions() {
			slices.Sort(*c.Open.At(d))
			*c.Open.At(d) = slices.Compact(*c.Open.At(d))
		}
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Cover) int { return cmp.Compare(a.Namespace, b.Namespace) })
	return out
}
