package workload

import (
	"cmp"
	"slices"

	"sluice/model"
)

// Config adjusts what counts as a volatile label. A key is exact,
// "prefix*", or "*/name" for a name under any prefix or none.
type Config struct {
	AddVolatile  []string // keys never to select by
	KeepVolatile []string // keys to trust whatever the built-in list or the data say; wins over AddVolatile
	Declared     []Declared
	// Times gives when an endpoint was seen, microseconds since 1970 UTC; nil: it is not known.
	Times func(i int) (first, last model.Micros)
}

// Workload is a set of pods that one selector names.
type Workload struct {
	ID             string // "namespace/name", "cluster/namespace/name" where the log has several clusters; unique
	Cluster        string // "" unless the log has several clusters
	Namespace      string
	Name           string            // a DNS label, unique within the namespace
	Kind           string            // of the owner: Deployment, StatefulSet, ...; "" if unknown
	Selector       map[string]string // matchLabels; empty exactly where Refusal is set
	Observed       bool              // false: no pod of it is in the log, only its manifest is known
	OwnSelector    bool              // Selector is the one that its manifest has, as far as it is stable
	ServiceAccount string            // the one all its pods run as, "" if unknown or several
	Common         model.Labels      // labels with one value on every pod, volatile ones among them
	LabelSets      []model.Labels    // every label set seen on its pods, sorted
	Merged         []string          // names of two or more owners that no stable label tells apart; else empty
	// Outlier is the owner whose name its pods bear although they have other labels than that owner's, "" if none.
	Outlier string
	Refusal string // why nothing selects it, with advice; "" where Selector does
	space   *space
	group   *group
	judge   *judge
}

// Separates returns a line for each label of Selector, sorted by key. It is worked out when it is asked for.
func (w *Workload) Separates() []Separation { return w.space.separates(w.group) }

// Dropped returns every label key seen that Selector does not use, sorted. It is worked out when it is asked for.
func (w *Workload) Dropped() []DroppedLabel { return w.judge.dropped(w.space, w) }

// Separation says what a label of a selector is there for.
type Separation struct {
	Key, Value string
	From       []string // names of the first workloads, sorted, that the rest of the selector would select too
	More       int      // how many there are besides From
}

// DroppedLabel is a label key that the selector leaves out, and why.
type DroppedLabel struct {
	Key string
	Why Why
}

// Refusal is a pod endpoint that belongs to no workload.
type Refusal struct {
	Endpoint int // index into the endpoints given to Build
	Reason   model.Reason
	Detail   string // what to do about it
}

// Set is the result: the workloads and where each endpoint went.
type Set struct {
	Workloads []Workload // sorted by cluster, namespace and name
	Refused   []Refusal  // sorted by endpoint
	of        []int
	places    []uint32
}

// Of returns the index in Workloads of endpoint i, -1 if it is no pod or was refused.
func (s *Set) Of(i int) int { return s.of[i] }

// Place returns where endpoint i, which is of a workload, stands among those of its namespace in the order of
// model.Endpoint.Compare, from 1 on.
func (s *Set) Place(i int) uint32 { return s.places[i] }

// Build groups the pods among eps into workloads. pods gives the pod names seen for endpoint i, in any order, in a
// slice that Build keeps; it is asked by several goroutines, and may be nil.
func Build(eps []*model.Endpoint, pods func(i int) []string, cfg Config) *Set {
	if pods == nil {
		pods = func(int) []string { return nil }
	}
	s := &Set{of: make([]int, len(eps)), places: make([]uint32, len(eps))}
	spaces := split(eps, pods, cfg.Times)
	for _, sp := range spaces {
		for n, p := range sp.pods {
			s.places[p.index] = uint32(n + 1)
		}
	}
	spaces = declare(spaces, cfg.Declared)
	slices.SortFunc(spaces, func(a, b *space) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.namespace, b.namespace))
	})
	j := learn(spaces, cfg)
	model.Each(len(spaces), func(i int) { // side by side: none knows of another
		spaces[i].form(j)
		spaces[i].describe(j)
	})
	for i := range s.of {
		s.of[i] = -1
	}
	n := 0
	for _, sp := range spaces {
		n += len(sp.groups)
	}
	s.Workloads = make([]Workload, 0, n)
	for _, sp := range spaces {
		sp.collect(s)
	}
	slices.SortFunc(s.Refused, func(a, b Refusal) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return s
}

// collect appends the workloads of a space to s in the order of their names.
func (sp *space) collect(s *Set) {
	slices.SortFunc(sp.groups, func(a, b *group) int { return cmp.Compare(a.out.Name, b.out.Name) })
	for _, g := range sp.groups {
		for _, p := range g.pods {
			if p.index != unseenPod {
				s.of[p.index] = len(s.Workloads)
			}
		}
		s.Workloads = append(s.Workloads, g.out)
	}
	for _, p := range sp.refused {
		s.Refused = append(s.Refused, Refusal{p.index, model.Unlabelled, p.why})
	}
}
