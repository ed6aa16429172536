package model

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Nodes count the records of each node by the hour (since 1970 UTC) of the node's own clock.
type Nodes map[string]map[uint32]uint64

// The bounds of Nodes: of more nodes those whose names come first count, and of more hours of a node the earliest, in
// whatever order they are added. A log of a year has 8,784 hours; a cluster has 5,000 nodes, and others each day.
const (
	MaxNodes     = 1 << 14
	maxNodeHours = 1 << 14
)

// Add counts records of a node at a time. Up to twice the bounds are held until Bounded.
func (n *Nodes) Add(name string, hour uint32, records uint64) {
	if *n == nil {
		*n = Nodes{}
	}
	of := (*n)[name]
	if of == nil {
		of = map[uint32]uint64{}
		(*n)[name] = of
		if len(*n) >= 2*MaxNodes {
			keepFirst(*n, MaxNodes)
		}
	}
	of[hour] += records
	if len(of) >= 2*maxNodeHours {
		keepFirst(of, maxNodeHours)
	}
}

// Bounded returns them without what is beyond the bounds.
func (n Nodes) Bounded() Nodes {
	keepFirst(n, MaxNodes)
	for _, hours := range n {
		keepFirst(hours, maxNodeHours)
	}
	return n
}

// keepFirst removes what is beyond so many keys, in their order.
func keepFirst[K cmp.Ordered, V any](of map[K]V, most int) {
	if len(of) > most {
		for _, k := range slices.Sorted(maps.Keys(of))[most:] {
			delete(of, k)
		}
	}
}

// Merge adds others.
func (n *Nodes) Merge(o Nodes) {
	for name, hours := range o {
		for hour, records := range hours {
			n.Add(name, hour, records)
		}
	}
}

// Records is how many were counted in all.
func (n Nodes) Records() (sum uint64) {
	for _, hours := range n {
		for _, records := range hours {
			sum += records
		}
	}
	return sum
}

// NodeHours are Nodes as a store keeps them: of each node stretches of hours in their order, of each the first hour and
// behind it the records of that hour and of those that follow it.
type NodeHours map[string][][]uint64

// Stretches returns Nodes as a store keeps them, nil for none.
func (n Nodes) Stretches() NodeHours {
	if len(n) == 0 {
		return nil
	}
	out := make(NodeHours, len(n))
	for name, counts := range n.Bounded() {
		hours := make([]uint32, 0, len(counts))
		for hour := range counts {
			hours = append(hours, hour)
		}
		slices.Sort(hours)
		var all [][]uint64
		for i, hour := range hours {
			if i == 0 || hour != hours[i-1]+1 {
				all = append(all, []uint64{uint64(hour)})
			}
			last := &all[len(all)-1]
			*last = append(*last, counts[hour])
		}
		out[name] = all
	}
	return out
}

// Within returns what lies in hours that reach into a time: from the one on, before the other; 0 is no bound.
func (h NodeHours) Within(since, until Micros) NodeHours {
	const hour = Micros(time.Hour / time.Microsecond)
	var out NodeHours
	for name, all := range h {
		var kept [][]uint64
		for _, stretch := range all {
			if len(stretch) < 2 || max(stretch[0], stretch[0]+uint64(len(stretch))) >= 1<<31 {
				continue // no hour, or one that no time has
			}
			first, counts := stretch[0], stretch[1:]
			for len(counts) > 0 && Micros(first+1)*hour <= since {
				first, counts = first+1, counts[1:]
			}
			for n := len(counts); n > 0 && until != 0 && Micros(first)*hour+Micros(n-1)*hour >= until; n-- {
				counts = counts[:n-1]
			}
			switch {
			case len(counts) == 0:
			case len(counts) == len(stretch)-1:
				kept = append(kept, stretch)
			default:
				kept = append(kept, append([]uint64{first}, counts...))
			}
		}
		if len(kept) > 0 {
			if out == nil {
				out = NodeHours{}
			}
			out[name] = kept
		}
	}
	return out
}

// Hours is how many hours of nodes there are.
func (h NodeHours) Hours() (n int) {
	for _, all := range h {
		for _, stretch := range all {
			n += max(0, len(stretch)-1)
		}
	}
	return n
}

// Take adds what a store kept.
func (n *Nodes) Take(kept NodeHours) {
	for name, all := range kept.Within(0, 0) {
		for _, stretch := range all {
			for i, records := range stretch[1:] {
				if records > 0 {
					n.Add(name, uint32(stretch[0])+uint32(i), records)
				}
			}
		}
	}
}
