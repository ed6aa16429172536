package store

import (
	"cmp"
	"maps"
	"slices"

	"sluice/model"
)

// unnamedCluster is what Cilium calls the cluster of who did not name it.
const unnamedCluster = "default"

// InCluster returns an endpoint that was seen in a cluster with the name of that cluster, as far as it lies in it and
// names no other. With the name "" it is returned as it is.
func InCluster(e *model.Endpoint, cluster string) *model.Endpoint {
	if cluster == "" || e.Cluster != "" && e.Cluster != unnamedCluster {
		return e
	}
	switch e.Kind {
	case model.KindPod, model.KindService, model.KindHost, model.KindNetworkSet:
		placed := *e
		placed.Cluster = cluster
		return &placed
	default:
		return e
	}
}

// Filed returns the cluster that a row of two endpoints is filed under, home where they name none, and the other one
// that it leads to, "" if there is none.
func Filed(src, dst *model.Endpoint, home string) (cluster, peer string) {
	cluster = cmp.Or(src.Cluster, dst.Cluster, home, UnknownCluster)
	if dst.Cluster != cluster {
		peer = dst.Cluster
	}
	return cluster, peer
}

// near says which clusters have to do with one: itself, and those that rows lead to from it or to it from. Their rows
// are read whole, since they tell what those peers are. Rows without a cluster belong to all.
type near struct {
	all  bool // nothing is left out
	near map[string]bool
}

func newNear(segments []Segment, cluster string) *near {
	n := &near{all: cluster == "", near: map[string]bool{cluster: true, UnknownCluster: true}}
	for i := range segments {
		g := &segments[i]
		switch own := g.Cluster == cluster; {
		case g.Peers == nil && own:
			n.all = true
		case g.Peers == nil || slices.Contains(g.Peers, cluster):
			n.near[g.Cluster] = true
		case own:
			for _, p := range g.Peers {
				n.near[p] = true
			}
		}
	}
	return n
}

func (n *near) segment(g *Segment) bool { return n.all || n.near[g.Cluster] }

// source reports whether what is told of a source concerns the cluster: its losses, its gaps.
func (n *near) source(s *Source) bool { return n.all || s.Cluster == "" || n.near[s.Cluster] }

// Part is what of a store has to do with a cluster.
type Part struct {
	Segments []Segment
	Sources  []Source
}

// Part returns what Scan reads for a cluster, "" for all of it, and the sources that it came from.
func (s *Store) Part(cluster string) Part {
	return Part{Segments: s.Segments(), Sources: s.Sources()}.Of(cluster)
}

// Of returns what of a part has to do with a cluster, "" for all of it.
func (p Part) Of(cluster string) (of Part) {
	n := newNear(p.Segments, cluster)
	for i := range p.Segments {
		if n.segment(&p.Segments[i]) {
			of.Segments = append(of.Segments, p.Segments[i])
		}
	}
	for i := range p.Sources {
		if n.source(&p.Sources[i]) {
			of.Sources = append(of.Sources, p.Sources[i])
		}
	}
	return of
}

// OfCluster is what a store holds that is filed under a cluster, "" for what names none.
type OfCluster struct {
	Cluster string
	Part
}

// ByCluster returns what there is, sorted by cluster. Sources of several clusters, and those of which nobody knows it,
// are of none.
func (p Part) ByCluster() []OfCluster {
	parts := map[string]*OfCluster{}
	of := func(cluster string) *OfCluster {
		if parts[cluster] == nil {
			parts[cluster] = &OfCluster{Cluster: cluster}
		}
		return parts[cluster]
	}
	for _, g := range p.Segments {
		name := g.Cluster
		if name == UnknownCluster {
			name = ""
		}
		c := of(name)
		c.Segments = append(c.Segments, g)
	}
	for _, src := range p.Sources {
		c := of(src.Cluster)
		c.Sources = append(c.Sources, src)
	}
	var out []OfCluster
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		out = append(out, *parts[name])
	}
	return out
}

// Clusters returns the names of the clusters that rows are filed under or lead to, sorted.
func (s *Store) Clusters() []string { return s.Part("").Clusters() }

// Clusters returns the names of the clusters that rows are filed under or lead to, sorted.
func (p Part) Clusters() []string {
	seen := map[string]bool{}
	for _, g := range p.Segments {
		seen[g.Cluster] = true
		for _, p := range g.Peers {
			seen[p] = true
		}
	}
	delete(seen, UnknownCluster)
	return slices.Sorted(maps.Keys(seen))
}

// SourceCluster returns the cluster that a source of these segments is of: the one that it was told to be of, if all
// rows have to do with that; else the only one that they are of, "" where there are several or none.
func SourceCluster(segments []Segment, told string) string {
	stranger := func(g Segment) bool {
		return g.Cluster != UnknownCluster && g.Cluster != told && !slices.Contains(g.Peers, told)
	}
	if told != "" && !slices.ContainsFunc(segments, stranger) {
		return told
	}
	of := ""
	for i := range segments {
		switch g := &segments[i]; {
		case g.Cluster == UnknownCluster:
		case g.Peers == nil || len(g.Peers) > 0 || of != "" && of != g.Cluster:
			return ""
		default:
			of = g.Cluster
		}
	}
	return of
}
