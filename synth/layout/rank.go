package layout

import (
	"cmp"
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
	for range sweeps {
		for r := 1; r < len(levels); r++ {
			arrange(levels, r, in)
		}
		for r := len(levels) - 2; r >= 0; r-- {
			arrange(levels, r, out)
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
	outs, ins := make([]int, n), make([]int, n)
	for i := range n {
		outs[i], ins[i] = len(out[i]), len(in[i])
	}
	taken := make([]bool, n)
	take := func(node int) {
		taken[node] = true
		for _, to := range out[node] {
			ins[to]--
		}
		for _, from := range in[node] {
			outs[from]--
		}
	}
	var first, rest []int
	for len(first)+len(rest) < n {
		best, sink := -1, -1
		for i := range n {
			switch {
			case taken[i]:
			case outs[i] == 0:
				sink = i
			case best < 0, ins[i] == 0 && ins[best] > 0,
				(ins[i] == 0) == (ins[best] == 0) && outs[i]-ins[i] > outs[best]-ins[best]:
				best = i
			}
		}
		if sink >= 0 {
			take(sink)
			rest = append(rest, sink)
			continue
		}
		take(best)
		first = append(first, best)
	}
	slices.Reverse(rest)
	return append(first, rest...)
}

// arrange orders a rank by the middle of each node's neighbours; who has none stays where it is.
func arrange(levels [][]int, r int, of [][]int) {
	place := map[int]float64{}
	for _, level := range levels {
		for k, node := range level {
			place[node] = (float64(k) + 0.5) / float64(len(level))
		}
	}
	middle := map[int]float64{}
	for _, node := range levels[r] {
		middle[node] = place[node]
		if len(of[node]) > 0 {
			sum := 0.0
			for _, other := range of[node] {
				sum += place[other]
			}
			middle[node] = sum / float64(len(of[node]))
		}
	}
	slices.SortStableFunc(levels[r], func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
}
