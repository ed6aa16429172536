package store

import (
	"cmp"
	"math"
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
	key   uint64
	row   uint32
	first uint32 // microseconds from the start of its window to its first record, as far as they fit
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
	whole := s.pack(rows)
	s.radix()
	for i := 0; i < len(s.entries); {
		j := i + 1
		for j < len(s.entries) && s.entries[j].key == s.entries[i].key {
			j++
		}
		if j > i+1 {
			slices.SortFunc(s.entries[i:j], func(a, b entry) int {
				if whole && a.first != b.first {
					return cmp.Compare(a.first, b.first)
				}
				return compareRows(&rows[a.row], &rows[b.row])
			})
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
// needs here. It reports whether all of them did.
func (s *sorter) pack(rows []model.Observation) (whole bool) {
	lo, hi := ^uint32(0), uint32(0)
	for i := range rows {
		lo, hi = min(lo, rows[i].Window), max(hi, rows[i].Window)
	}
	end := bits.Len(uint(len(s.cluster)))
	rank := s.tails(rows)
	left := 64 - bits.Len(uint(len(s.names))) - bits.Len32(hi-lo)
	widths := [...]int{end, end, bits.Len(uint(len(rank)))}
	for i := range rows {
		r, e := &rows[i], &s.entries[i]
		tail := uint64(0)
		if rank != nil {
			tail = uint64(rank[e.key])
		}
		k := uint64(s.clusterOf(r))<<bits.Len32(hi-lo) | uint64(r.Window-lo)
		n := left
		for f, v := range [...]uint64{uint64(r.Src), uint64(r.Dst), tail} {
			if n < widths[f] {
				break
			}
			k, n = k<<widths[f]|v, n-widths[f]
		}
		first := r.First - int64(r.Window)*60e6
		*e = entry{k, uint32(i), uint32(min(max(first, 0), math.MaxUint32))}
	}
	return rank != nil && left >= widths[0]+widths[1]+widths[2]
}

// tail is what a key has behind its ends.
type tail struct {
	ports uint32
	end   uint64
}

// mostTails is of how many tails the order is found first. Logs have few, those of who tries ports aside.
const mostTails = 1 << 12

// tails gives the tail of each row a number, in place of the key of its entry, and returns the place of each number in
// the order of tails, nil where they are too many.
func (s *sorter) tails(rows []model.Observation) []uint32 {
	var index [2 * mostTails]uint16 // open addressing: number of a tail + 1, 0 is free
	var list []tail
	for i := range rows {
		r := &rows[i]
		t := tail{uint32(r.Port)<<16 | uint32(r.SrcPort), keyEnd(r)}
		hi, lo := bits.Mul64(t.end^uint64(t.ports)<<20, 0x9E3779B97F4A7C15)
		at := (hi ^ lo) % uint64(len(index))
		for index[at] != 0 && list[index[at]-1] != t {
			at = (at + 1) % uint64(len(index))
		}
		if index[at] == 0 {
			if len(list) == mostTails {
				return nil
			}
			list = append(list, t)
			index[at] = uint16(len(list))
		}
		s.entries[i].key = uint64(index[at] - 1)
	}
	order := identity(len(list))
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(list[a].ports, list[b].ports), cmp.Compare(list[a].end, list[b].end))
	})
	return ranks(order)
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
