package show

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/store"
)

// clusterView is what a store holds of a cluster, as printed. Times are RFC 3339 UTC.
type clusterView struct {
	Cluster  string   `json:"cluster"` // "": of no cluster that is known
	Segments int      `json:"segments"`
	Rows     int64    `json:"rows"`
	Bytes    int64    `json:"bytes,omitempty"` // 0: a database keeps them as it likes
	First    string   `json:"first"`
	Last     string   `json:"last"`
	Ahead    int64    `json:"ahead,omitempty"` // rows after this machine's clock, which last leaves out
	Peers    []string `json:"peers"`           // other clusters that its flows lead to
	Sources  int      `json:"sources"`
	Lost     int64    `json:"lost"` // events that its sources say they lost
	Gaps     int      `json:"gaps"` // times from which records may be missing
}

var clusters = list[clusterView]{
	kind: "ClusterList", field: "clusters",
	head: []string{"CLUSTER", "ROWS", "BYTES", "OLDEST", "NEWEST", "PEERS", "SOURCES", "LOST", "GAPS"},
	row: func(t *table, v clusterView) {
		t.row(cmp.Or(v.Cluster, "(not known)"), text.Count(v.Rows), sizeOf(v.Bytes, text.Size), v.First, v.lastText(),
			strings.Join(v.Peers, ","), text.Count(v.Sources), text.Count(v.Lost), text.Count(v.Gaps))
	},
}

// lastText is the time of the newest record, with how many rows of clocks that run ahead it leaves out.
func (v *clusterView) lastText() string {
	if v.Ahead == 0 {
		return v.Last
	}
	return v.Last + " (" + text.Plural(v.Ahead, "row", "rows") + " after the clock)"
}

// newest returns the time of the newest record of segments, and how many rows are in those that begin after the clock.
// A record is never of tomorrow: they make no time, unless there are no others.
func newest(of []store.Segment, now time.Time) (last model.Micros, ahead int64) {
	all := model.Micros(0)
	for i := range of {
		g := &of[i]
		all = max(all, g.Last)
		if g.First > now.UnixMicro() {
			ahead += g.Rows
			continue
		}
		last = max(last, g.Last)
	}
	if last == 0 {
		return all, ahead
	}
	return last, ahead
}

// sizeOf is the text of a size, "-" where nobody knows it.
func sizeOf(bytes int64, in func(int64) string) string {
	if bytes == 0 {
		return "-"
	}
	return in(bytes)
}

// Clusters prints what a store holds of each cluster.
func Clusters(w io.Writer, format string, p store.Part) error {
	return clusters.print(w, format, slices.Values(clusterViews(p)))
}

func clusterViews(p store.Part) []clusterView {
	var out []clusterView
	for _, of := range p.ByCluster() {
		of.Sources = store.MergeSources(of.Sources) // of a stream each commit that nobody compacted yet has one
		v := clusterView{Cluster: of.Cluster, Segments: len(of.Segments), Sources: len(of.Sources), Peers: []string{}}
		var first model.Micros
		for i := range of.Segments {
			g := &of.Segments[i]
			v.Rows += g.Rows
			v.Bytes += g.Bytes
			v.Peers = append(v.Peers, g.Peers...)
			if first == 0 || g.First < first {
				first = g.First
			}
		}
		slices.Sort(v.Peers)
		v.Peers = slices.Compact(v.Peers)
		last, ahead := newest(of.Segments, time.Now())
		v.First, v.Last, v.Ahead = model.Stamp(first), model.Stamp(last), ahead
		for i := range of.Sources {
			s := &of.Sources[i]
			v.Lost += s.Lost
			if s.Stream != nil {
				v.Gaps += len(s.Stream.Gaps)
			}
		}
		out = append(out, v)
	}
	return out
}
