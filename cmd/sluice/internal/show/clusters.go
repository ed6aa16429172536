package show

import (
	"cmp"
	"io"
	"slices"
	"strings"

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
	Peers    []string `json:"peers"` // other clusters that its flows lead to
	Sources  int      `json:"sources"`
	Lost     int64    `json:"lost"` // events that its sources say they lost
	Gaps     int      `json:"gaps"` // times from which records may be missing
}

var clusters = list[clusterView]{
	kind: "ClusterList", field: "clusters",
	head: []string{"CLUSTER", "ROWS", "BYTES", "OLDEST", "NEWEST", "PEERS", "SOURCES", "LOST", "GAPS"},
	row: func(t *table, v clusterView) {
		t.row(cmp.Or(v.Cluster, "(not known)"), text.Count(v.Rows), sizeOf(v.Bytes, text.Size), v.First, v.Last,
			strings.Join(v.Peers, ","), text.Count(v.Sources), text.Count(v.Lost), text.Count(v.Gaps))
	},
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
		v := clusterView{Cluster: of.Cluster, Segments: len(of.Segments), Sources: len(of.Sources), Peers: []string{}}
		var first, last model.Micros
		for i := range of.Segments {
			g := &of.Segments[i]
			v.Rows += g.Rows
			v.Bytes += g.Bytes
			v.Peers = append(v.Peers, g.Peers...)
			if first == 0 || g.First < first {
				first = g.First
			}
			last = max(last, g.Last)
		}
		slices.Sort(v.Peers)
		v.Peers = slices.Compact(v.Peers)
		v.First, v.Last = model.Stamp(first), model.Stamp(last)
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
