package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
)

// fateOrder is how fates are listed: what counts first.
var fateOrder = []model.Fate{model.Used, model.Reply, model.Duplicate, model.Denied, model.Irrelevant, model.Refused, model.Malformed}

// fateCount is a fate with its reasons, as JSON.
type fateCount struct {
	Fate    string            `json:"fate"`
	Records uint64            `json:"records"`
	Reasons map[string]uint64 `json:"reasons,omitempty"`
}

func (l *loaded) fateCounts() []fateCount {
	all := l.fates()
	var out []fateCount
	for _, f := range fateOrder {
		c := fateCount{Fate: f.String()}
		for r, n := range all[f] {
			c.Records += n
			if n > 0 && r != 0 {
				if c.Reasons == nil {
					c.Reasons = map[string]uint64{}
				}
				c.Reasons[model.Reason(r).String()] = n
			}
		}
		out = append(out, c)
	}
	return out
}

// summary tells a tired person what was read and what became of it.
func (l *loaded) summary(w io.Writer) {
	var bytes int64
	for _, s := range l.sources {
		bytes += s.Bytes
	}
	fmt.Fprintf(w, "Read %s (%s) from %s", plural(l.report.Total(), "record", "records"), size(bytes), plural(len(l.sources), "source", "sources"))
	if l.graph.First != 0 {
		fmt.Fprintf(w, ", %s to %s (%s)", clock(l.graph.First), clock(l.graph.Last), time.Duration((l.graph.Last-l.graph.First)*1000).Round(time.Second))
	}
	fmt.Fprintln(w)
	for _, c := range l.fateCounts() {
		if c.Records > 0 {
			fmt.Fprintf(w, "  %-11s %10s  %s\n", c.Fate, count(c.Records), reasons(c.Reasons))
		}
	}
	if l.report.Lost > 0 {
		fmt.Fprintf(w, "  The log says that %s: edges may be missing.\n", plural(l.report.Lost, "event was lost", "events were lost"))
	}
	if l.gaps > 0 {
		fmt.Fprintf(w, "  Collectors found %s: edges may be missing.\n", plural(l.gaps, "time with possible gaps", "times with possible gaps"))
	}
	if l.report.OutOfRange > 0 {
		fmt.Fprintf(w, "  %s outside --since/--until.\n", plural(l.report.OutOfRange, "record", "records"))
	}
	n := map[graph.State]int{}
	for i := range l.graph.Edges {
		n[l.graph.Edges[i].State]++
	}
	fmt.Fprintf(w, "Found %s between %s", plural(n[graph.Allowed]+n[graph.Mixed], "edge", "edges"), plural(len(l.graph.Workloads), "workload", "workloads"))
	for _, s := range []graph.State{graph.Mixed, graph.Pending, graph.Denied, graph.Refused} {
		if n[s] > 0 {
			fmt.Fprintf(w, ", %s %s", count(n[s]), s)
		}
	}
	fmt.Fprintln(w, ".")
	l.samples(w)
}

// samples shows the first bad records.
func (l *loaded) samples(w io.Writer) {
	const most = 5
	for i, s := range l.report.Samples {
		if i == most {
			fmt.Fprintf(w, "  ... (-o json lists more)\n")
			break
		}
		fmt.Fprintf(w, "  %s:%d: %s: %s\n", printable(s.Source, 200), s.Line, model.FateText(s.Fate, s.Reason), printable(s.Detail, 200))
	}
}

func reasons(m map[string]uint64) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%s %s", k, count(m[k]))
	}
	return strings.Join(keys, ", ")
}

func clock(us model.Micros) string { return model.StampSecond(us) }
