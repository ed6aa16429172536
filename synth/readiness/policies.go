package readiness

import (
	"maps"
	"slices"

	"sluice/model/graph"
	"sluice/synth/verify"
)

// Denied is what a set of policies would have denied on a day.
type Denied struct {
	Day   int64    // its start
	Edges []string // those that talked on it and of which at least one connection is lost; sorted
}

// ByDay spreads what a replay found lost over the days, from the first on which anything talked to the last. What is
// dated far outside of the others has a clock that lies, and makes no day.
func ByDay(g *graph.Graph, r *verify.Report) []Denied {
	lost := map[graph.EdgeID]bool{}
	for _, c := range r.Cases {
		if c.Verdict == verify.Lost {
			lost[c.Edge] = true
		}
	}
	first, last := g.Begin/dayMicros, g.End/dayMicros
	days := map[uint32]map[string]bool{}
	var seen []uint32
	for i, e := range g.AllEdges() {
		for _, h := range e.Windows {
			if day := int64(h / 24); day < first || day > last {
				continue
			}
			seen = append(seen, h/24)
			if lost[i] {
				if days[h/24] == nil {
					days[h/24] = map[string]bool{}
				}
				days[h/24][g.EdgeText(e)] = true
			}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	var out []Denied
	for d := slices.Min(seen); d <= slices.Max(seen); d++ {
		out = append(out, Denied{int64(d) * dayMicros, slices.Sorted(maps.Keys(days[d]))})
	}
	return out
}
