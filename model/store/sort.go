package store

import (
	"cmp"
	"math/bits"
	"slices"

	"sluice/model"
)

// sorter brings rows into the order they are stored in: cluster, window, source, destination, and the rest of the key.
// Rows refer to tables in canonical order.
type sorter struct {
	cluster []uint32 // of an endpoint: rank of its cluster's name, 0 for none
	names   []string // by rank; 0 is UnknownCluster
	home    uint32   // rank of the cluster of rows whose ends name none
	entries []entry
	spare   []entry
	order   []uint32 // of each place the row that belongs there
}

// entry is a row with the front of its key packed into one number, so that most of the sorting touches no row.
type entry struct {
	key uint64
	row uint32
}

// clusters finds the clusters of the endpoints. Clusters of names sort by name after the rows without one, which are
// filed under home where that has a name.
func (s *sorter) clusters(endpoints []*model.Endpoint, home string) {
	seen := map[string]uint32{}
	if home != "" {
		seen[home] = 0
	}
	for _, e := range endpoints {
		if e.Cluster != "" {
			seen[e.Cluster] = 0
		}
	}
	s.names = append(s.names[:0], UnknownCluster)
	for name := range seen {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names[1:])
	for i, name := range s.names[1:] {
		seen[name] = uint32(i + 1)
	}
	s.home = seen[home]
	s.cluster = s.cluster[:0]
	for _, e := range endpoints {
		s.cluster = append(s.cluster, seen[e.Cluster])
	}
}

// clusterOf is the rank of the cluster that a row is filed under: the source's, else the destination's, else home.
func (s *sorter) clusterOf(o *model.Observation) uint32 {
	return cmp.Or(s.cluster[o.Src], s.cluster[o.Dst], s.home)
}

// MaxPeers is how many other clusters a segment names: more, and it is read for every one.
const MaxPeers = 64

// peers returns the other clusters that destinations of rows of one cluster are of, sorted; nil: too many.
func (s *sorter) peers(rows []model.Observation) []string {
	own, seen := s.clusterOf(&rows[0]), map[uint32]bool{}
	for i := range rows {
		c := s.cluster[rows[i].Dst]
		if c == 0 || c == own || seen[c] {
			continue
		}
		if len(seen) == MaxPeers {
			return nil
		}
		seen[c] = true
	}
	names := make([]string, 0, len(seen))
	for c := range seen {
		names = append(names, s.names[c])
	}
	slices.Sort(names)
	return names
}

// sort brings rows in order. Rows that are nearly so are sorted sooner.
func (s *sorter) sort(rows []model.Observation) {
	s.entries = slices.Grow(s.entries[:0], len(rows))[:len(rows)]
	s.pack(rows)
	s.radix()
	for i := 0; i < len(s.entries); {
		j := i + 1
		for j < len(s.entries) && s.entries[j].key == s.entries[i].key {
			j++
		}
		if j > i+1 {
			slices.SortFunc(s.entries[i:j], func(a, b entry) int { return compareRows(&rows[a.row], &rows[b.row]) })
		}
		i = j
	}
	s.place(rows)
}

// place moves rows to where the entries say that they belong: along each circle of those that take each other's place.
// Each step waits for the one before, so the order is in a table of its own, small enough for a near cache.
func (s *sorter) place(rows []model.Observation) {
	s.order = slices.Grow(s.order[:0], len(rows))[:len(rows)]
	order := s.order
	for i := range order {
		order[i] = s.entries[i].row
	}
	for i := range order {
		if order[i] == uint32(i) {
			continue
		}
		first, at := rows[i], uint32(i)
		for {
			from := order[at]
			order[at] = at
			if from == uint32(i) {
				break
			}
			rows[at], at = rows[from], from
		}
		rows[at] = first
	}
}

// pack fills the entries: the keys with as many of the leading fields as go into 64 bits, each with the bits that it
// needs here.
func (s *sorter) pack(rows []model.Observation) {
	lo, hi := ^uint32(0), uint32(0)
	var all model.Observation // of each field all bits that are set in any row
	for i := range rows {
		r := &rows[i]
		lo, hi = min(lo, r.Window), max(hi, r.Window)
		all.Port, all.SrcPort, all.Proto = all.Port|r.Port, all.SrcPort|r.SrcPort, all.Proto|r.Proto
		all.Verdict, all.Observer, all.Fate = all.Verdict|r.Verdict, all.Observer|r.Observer, all.Fate|r.Fate
	}
	end := bits.Len(uint(len(s.cluster)))
	left := 64 - bits.Len(uint(len(s.names))) - bits.Len32(hi-lo)
	widths := [...]int{end, end, bits.Len16(all.Port), bits.Len16(all.SrcPort), bits.Len8(uint8(all.Proto)),
		bits.Len8(uint8(all.Verdict)), bits.Len8(uint8(all.Observer)), bits.Len8(uint8(all.Fate))}
	for i := range rows {
		r := &rows[i]
		k := uint64(s.clusterOf(r))<<bits.Len32(hi-lo) | uint64(r.Window-lo)
		n := left
		for f, v := range [...]uint64{uint64(r.Src), uint64(r.Dst), uint64(r.Port), uint64(r.SrcPort), uint64(r.Proto),
			uint64(r.Verdict), uint64(r.Observer), uint64(r.Fate)} {
			if n < widths[f] {
				break
			}
			k, n = k<<widths[f]|v, n-widths[f]
		}
		s.entries[i] = entry{k, uint32(i)}
	}
}

// radix sorts the entries by key, eleven bits at a time, passing over digits that are the same in all.
func (s *sorter) radix() {
	const digit = 11
	var all, none uint64 = 0, ^uint64(0)
	for i := range s.entries {
		all |= s.entries[i].key
		none &= s.entries[i].key
	}
	s.spare = slices.Grow(s.spare[:0], len(s.entries))[:len(s.entries)]
	for shift := 0; shift < 64; shift += digit {
		const mask = 1<<digit - 1
		if (all^none)>>shift&mask == 0 {
			continue
		}
		var at [1 << digit]uint32
		for i := range s.entries {
			at[s.entries[i].key>>shift&mask]++
		}
		sum := uint32(0)
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, e := range s.entries {
			d := e.key >> shift & mask
			s.spare[at[d]] = e
			at[d]++
		}
		s.entries, s.spare = s.spare, s.entries
	}
}

// compareRows orders rows of one cluster by key, then by everything else, so that the order is total.
func compareRows(a, b *model.Observation) int {
	if c := compareKey(a, b); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.First, b.First),
		cmp.Compare(a.SrcPod, b.SrcPod), cmp.Compare(a.DstPod, b.DstPod),
		cmp.Compare(a.Last, b.Last),
		cmp.Compare(a.Records, b.Records), cmp.Compare(a.Conns, b.Conns), cmp.Compare(a.Marks, b.Marks))
}

func compareKey(a, b *model.Observation) int {
	switch {
	case a.Window != b.Window:
		return cmp.Compare(a.Window, b.Window)
	case a.Src != b.Src:
		return cmp.Compare(a.Src, b.Src)
	case a.Dst != b.Dst:
		return cmp.Compare(a.Dst, b.Dst)
	case a.Port != b.Port:
		return cmp.Compare(a.Port, b.Port)
	case a.SrcPort != b.SrcPort:
		return cmp.Compare(a.SrcPort, b.SrcPort)
	}
	return cmp.Compare(keyEnd(a), keyEnd(b))
}

// keyEnd is what a key has behind the ports, in one number.
func keyEnd(r *model.Observation) uint64 {
	return uint64(r.Proto)<<48 | uint64(r.Verdict)<<40 | uint64(r.Observer)<<32 | uint64(r.Fate)<<24 |
		uint64(r.Reason)<<16 | uint64(r.Marks&model.KeyMarks)
}

// merge has add add up neighbours of one key, in the first of them, and gives the rows that are left. Rows whose sum
// would not fit stay apart: readers add them.
func merge(rows []model.Observation, add func(a, b *model.Observation) bool) []model.Observation {
	n := 0
	for i := range rows {
		if n > 0 && add(&rows[n-1], &rows[i]) {
			continue
		}
		if n < i {
			rows[n] = rows[i]
		}
		n++
	}
	return rows[:n]
}

// Add adds b to a where they are of one key and the sums fit, and reports whether it did. a stands before b: its pods
// are the earlier ones.
func Add(a, b *model.Observation) bool {
	if compareKey(a, b) != 0 {
		return false
	}
	records, carry := bits.Add32(a.Records, b.Records, 0)
	conns, carry2 := bits.Add32(a.Conns, b.Conns, 0)
	if carry+carry2 > 0 {
		return false
	}
	a.Records, a.Conns = records, conns
	a.Marks |= b.Marks
	a.Last = a.LastWith(b)
	return true
}
