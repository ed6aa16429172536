package bundle

import (
	"fmt"
	"slices"
	"strings"

	"sluice/synth"
)

// Others says which other dialects have rules for what the bundle's has none for, "" where it has one for everything or
// they have none either. able names those for an edge; of are the namespaces, none: all.
func (m *Manifest) Others(able func(*Edge) []string, of ...string) string {
	says, all := map[string]int{}, 0
	var order []string
	told := map[int]bool{}
	for i := range m.Findings {
		f := &m.Findings[i]
		if f.Kind != string(synth.KindInexpressible) || f.Edge == nil || told[*f.Edge] ||
			len(of) > 0 && !slices.Contains(of, f.Namespace) {
			continue
		}
		told[*f.Edge] = true
		e := &m.Edges[*f.Edge]
		all += e.Count()
		for _, d := range able(e) {
			if says[d] == 0 {
				order = append(order, d)
			}
			says[d] += e.Count()
		}
	}
	best := 0
	for _, n := range says {
		best = max(best, n)
	}
	order = slices.DeleteFunc(order, func(d string) bool { return says[d] < best })
	slices.Sort(order)
	switch names := "--dialect " + strings.Join(order, " or --dialect "); {
	case best == 0:
		return ""
	case best == all && all == 1:
		return names + " can say it"
	case best == all:
		return names + " can say all of them"
	default:
		return fmt.Sprintf("%s can say %d of them", names, best)
	}
}
