package layout

import (
	"cmp"
	"container/heap"
	"slices"
)

// sweeps is how often the order in the ranks is improved, there and back.
const sweeps = 4

// ranks puts n nodes into ranks so that most arrows go to a later one, those without arrows into the last. In a rank
// they are ordered by where their neighbours are.
func ranks(n int, arrows []Arrow) [][]int {
	out, in := neighbours(n, arrows)
	at := make([]int, n) // places in a line in which few arrows go back
	line := inLine(out, in)
	for i, node := range line {
		at[node] = i
	}
	rank := make([]int, n)
	last := 0
	for _, node := range line {
		for _, from := range in[node] {
			if at[from] < at[node] {
				rank[node] = max(rank[node], rank[from]+1)
			}
		}
		last = max(last, rank[node])
	}
	levels := make([][]int, last+2)
	for node := range n {
		if len(out[node]) == 0 && len(in[node]) == 0 {
			rank[node] = last + 1
		}
		levels[rank[node]] = append(levels[rank[node]], node)
	}
	place, middle := make([]float64, n), make([]float64, n)
	for _, level := range levels {
		placesIn(level, place)
	}
	for range sweeps {
		for r := 1; r < len(levels); r++ {
			arrange(levels[r], in, place, middle)
		}
		for r := len(levels) - 2; r >= 0; r-- {
			arrange(levels[r], out, place, middle)
		}
	}
	return slices.DeleteFunc(levels, func(l []int) bool { return len(l) == 0 })
}

// neighbours lists for each node where its arrows go and come from, each once and sorted, those to itself left out.
func neighbours(n int, arrows []Arrow) (out, in [][]int) {
	out, in = make([][]int, n), make([][]int, n)
	sorted := slices.Clone(arrows)
	slices.SortFunc(sorted, func(a, b Arrow) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for _, a := range slices.Compact(sorted) {
		if a.From != a.To {
			out[a.From] = append(out[a.From], a.To)
			in[a.To] = append(in[a.To], a.From)
		}
	}
	return out, in
}

// inLine orders nodes so that few arrows go back (the greedy way of Eades, Lin and Smyth): sinks to the end, sources to
// the beginning, and where there is neither, the node that has most more arrows going out than coming in.
func inLine(out, in [][]int) []int {
	n := len(out)
	l := &line{outs: make([]int, n), ins: make([]int, n), taken: make([]bool, n)}
	for i := range n {
		l.outs[i], l.ins[i] = len(out[i]), len(in[i])
		l.waits(i)
	}
	var first, rest []int
	for len(first)+len(rest) < n {
		node, sink := l.next()
		l.taken[node] = true
		for _, to := range out[node] {
			l.ins[to]--
			l.waits(to)
		}
		for _, from := range in[node] {
			l.outs[from]--
			l.waits(from)
		}
		if sink {
			rest = append(rest, node)
		} else {
			first = append(first, node)
		}
	}
	slices.Reverse(rest)
	return append(first, rest...)
}

// line is a line being formed: who is not in it yet, by who should be next.
type line struct {
	outs, ins []int // arrows to and from others that are not in it
	taken     []bool
	queue     []waiting // a heap; a node stands in it once for each of its numbers, of which the last counts
}

// waiting is a node that may be next.
type waiting struct{ kind, more, node, outs, ins int }

// The order of kinds.
const (
	aSink = iota
	aSource
	neither
)

func (l *line) waits(node int) {
	if l.taken[node] {
		return
	}
	w := waiting{neither, l.outs[node] - l.ins[node], node, l.outs[node], l.ins[node]}
	switch {
	case w.outs == 0:
		w.kind, w.more = aSink, node // the last of them
	case w.ins == 0:
		w.kind = aSource
	}
	heap.Push(l, w)
}

// next takes who is next out of the queue.
func (l *line) next() (node int, sink bool) {
	for {
		w, _ := heap.Pop(l).(waiting)
		if !l.taken[w.node] && w.outs == l.outs[w.node] && w.ins == l.ins[w.node] {
			return w.node, w.kind == aSink
		}
	}
}

// Len, Less, Swap, Push and Pop make the line a heap.
func (l *line) Len() int { return len(l.queue) }

// Less reports whether one is before another.
func (l *line) Less(i, j int) bool {
	a, b := &l.queue[i], &l.queue[j]
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(b.more, a.more), cmp.Compare(a.node, b.node)) < 0
}

// Swap exchanges two.
func (l *line) Swap(i, j int) { l.queue[i], l.queue[j] = l.queue[j], l.queue[i] }

// Push adds one at the end.
func (l *line) Push(x any) {
	if w, ok := x.(waiting); ok {
		l.queue = append(l.queue, w)
	}
}

// Pop takes the last.
func (l *line) Pop() any {
	w := l.queue[len(l.queue)-1]
	l.queue = l.queue[:len(l.queue)-1]
	return w
}

// placesIn notes where the nodes of a rank are in it, from 0 to 1.
func placesIn(level []int, place []float64) {
	for k, node := range level {
		place[node] = (float64(k) + 0.5) / float64(len(level))
	}
}

// arrange orders a rank by the middle of each node's neighbours; who has none stays where it is.
func arrange(level []int, of [][]int, place, middle []float64) {
	for _, node := range level {
		middle[node] = place[node]
		if len(of[node]) > 0 {
			sum := 0.0
			for _, other := range of[node] {
				sum += place[other]
			}
			middle[node] = sum / float64(len(of[node]))
		}
	}
	slices.SortStableFunc(level, func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
	placesIn(level, place)
}

// Arrow goes from the node of one index to that of another.
type Arrow struct{ From, To int }
