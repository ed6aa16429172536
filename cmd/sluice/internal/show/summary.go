package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
)

// fateCount is a fate with its reasons, as JSON.
type fateCount struct {
	Fate    string            `json:"fate"`
	Records uint64            `json:"records"`
	Reasons map[string]uint64 `json:"reasons,omitempty"`
}

func fateCounts(l *run.Log) []fateCount {
	all := l.Counts()
	var out []fateCount
	for _, f := range run.Fates {
		c := fateCount{Fate: f.String(), Records: all.Fate(f)}
		for r, n := range all.Reasons(f) {
			if c.Reasons == nil {
				c.Reasons = map[string]uint64{}
			}
			c.Reasons[r.String()] = n
		}
		out = append(out, c)
	}
	return out
}

// Summary tells a tired person what was read and what became of it.
func Summary(w io.Writer, l *run.Log) {
	fmt.Fprintf(w, "Read %s %s", text.Plural(l.Report.Total(), "record", "records"), whence(l))
	if l.Graph.First != 0 {
		fmt.Fprintf(
			w,
			", %s to %s (%s)",
			model.StampSecond(l.Graph.First),
			model.StampSecond(l.Graph.Last),
			time.Duration((l.Graph.Last-l.Graph.First)*1000).Round(time.Second),
		)
	}
	fmt.Fprintln(w)
	for _, c := range fateCounts(l) {
		if c.Records > 0 {
			fmt.Fprintf(w, "  %-11s %10s  %s\n", c.Fate, text.Count(c.Records), text.Reasons(c.Reasons))
		}
	}
	for _, s := range l.Losses() {
		fmt.Fprintf(w, "  %s%s.\n", strings.ToUpper(s[:1]), s[1:])
	}
	if n := l.Graph.Ahead; n > 0 {
		fmt.Fprintf(
			w,
			"  %s after the clock of this machine, %s: set the one that is wrong. No time counts as watched for them.\n",
			text.Plural(n, "record is dated", "records are dated"),
			model.StampSecond(l.Graph.AsOf),
		)
	}
	if l.Report.OutOfRange > 0 {
		fmt.Fprintf(w, "  %s outside --since/--until.\n", text.Plural(l.Report.OutOfRange, "record", "records"))
	}
	n := map[graph.State]int{}
	for i := range l.Graph.Edges {
		n[l.Graph.Edges[i].State]++
	}
	fmt.Fprintf(
		w,
		"Found %s between %s",
		text.Plural(n[graph.Allowed]+n[graph.Mixed], "edge", "edges"),
		text.Plural(len(l.Graph.Workloads), "workload", "workloads"),
	)
	for _, s := range []graph.State{graph.Mixed, graph.Pending, graph.Denied, graph.Refused} {
		if n[s] > 0 {
			fmt.Fprintf(w, ", %s %s", text.Count(n[s]), s)
		}
	}
	fmt.Fprintln(w, ".")
	samples(w, l)
}

// whence says what the records were read from. What a source has of one cluster of a store nobody measured.
func whence(l *run.Log) string {
	if l.Scanned.Segments < l.Scanned.Of {
		return "that have to do with cluster " + text.Printable(l.Scanned.Cluster, 80)
	}
	var bytes int64
	for _, s := range l.Sources {
		bytes += s.Bytes
	}
	return fmt.Sprintf("(%s) from %s", text.Size(bytes), text.Plural(len(l.Sources), "source", "sources"))
}

// samples shows the first bad records.
func samples(w io.Writer, l *run.Log) {
	const most = 5
	for i, s := range l.Report.Samples {
		if i == most {
			fmt.Fprintf(w, "  ... (-o json lists more)\n")
			break
		}
		fmt.Fprintf(
			w,
			"  %s:%d: %s: %s\n",
			text.Printable(s.Source, 200),
			s.Line,
			model.FateText(s.Fate, s.Reason),
			text.Printable(s.Detail, 200),
		)
	}
}

// Stored tells what was added to a store, and how much of it was there already.
func Stored(w io.Writer, l *run.Log, dir string) {
	var bytes int64
	n := 0
	for i := range l.Sources {
		if src := &l.Sources[i]; run.Stored(src) {
			bytes += src.Bytes
			n++
		}
	}
	fmt.Fprintf(
		w,
		"Stored %s (%s) from %s in %s",
		text.Plural(l.Report.Total(), "record", "records"),
		text.Size(bytes),
		text.Plural(n, "source", "sources"),
		dir,
	)
	if skipped := l.Skipped(); skipped > 0 {
		fmt.Fprintf(w, "; %s already there", text.Plural(skipped, "source was", "sources were"))
	}
	fmt.Fprintln(w, ".")
	for _, f := range []model.Fate{model.Used, model.Reply, model.Denied, model.Undecided, model.Irrelevant,
		model.Refused, model.Malformed} {
		if c := l.Report.Fate(f); c > 0 {
			why := map[string]uint64{}
			for r, k := range l.Report.Counts.Reasons(f) {
				why[r.String()] = k
			}
			fmt.Fprintf(w, "  %-11s %10s  %s\n", f, text.Count(c), text.Reasons(why))
		}
	}
	samples(w, l)
}
