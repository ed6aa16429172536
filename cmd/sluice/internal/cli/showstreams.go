package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"sluice/model/store"
)

// streamView is what a store holds of a server, as printed. Times are RFC 3339 UTC.
type streamView struct {
	Source    string           `json:"source"`
	Watermark string           `json:"watermark"` // the newest record
	Records   int64            `json:"records"`
	Resent    int64            `json:"resent"` // dropped, since they came again
	Opened    int64            `json:"opened"` // times that the stream was opened
	Lost      int64            `json:"lost"`   // events that the server says it lost
	Nodes     []streamNodeView `json:"nodes"`
	Gaps      []streamGapView  `json:"gaps"`
}

// streamNodeView is what came from a node.
type streamNodeView struct {
	Node   string           `json:"node"`
	Last   string           `json:"last"`           // its newest record
	Breaks int64            `json:"breaks"`         // times that it was said to be unavailable, gone or in error
	Lost   map[string]int64 `json:"lost,omitempty"` // events by cause
}

// streamGapView is a time in which records of a node may be missing.
type streamGapView struct {
	Node  string `json:"node"`
	From  string `json:"from"`
	To    string `json:"to"`
	Cause string `json:"cause"`
}

func newShowStreams(s Streams) *cobra.Command {
	var dir, format string
	c := &cobra.Command{
		Use: "streams --store DIR", Short: "The servers that were read into a store: where they stand, what was lost", Args: cobra.NoArgs,
		Example: "  sluice show streams --store flows -o yaml",
		RunE: func(*cobra.Command, []string) error {
			st, err := openShown(dir, format)
			if err != nil {
				return err
			}
			list := streamViews(st)
			if format != "table" {
				return printObject(s.Out, format, struct {
					header
					Streams []streamView `json:"streams"`
				}{newHeader("StreamList"), list})
			}
			t := newTable(s.Out, "SOURCE", "NODE", "NEWEST", "RECORDS", "LOST", "GAPS", "BREAKS")
			for _, v := range list {
				t.row(v.Source, "", v.Watermark, count(v.Records), count(v.Lost), count(len(v.Gaps)), "")
				for _, n := range v.Nodes {
					lost, gaps := int64(0), 0
					for _, e := range n.Lost {
						lost += e
					}
					for _, g := range v.Gaps {
						if g.Node == n.Node {
							gaps++
						}
					}
					t.row("", n.Node, n.Last, "", count(lost), count(gaps), count(n.Breaks))
				}
			}
			return t.flush()
		},
	}
	c.Flags().StringVar(&dir, "store", "", "the store's `DIR`")
	c.Flags().StringVarP(&format, "output", "o", "table", "print as table, json or yaml")
	return c
}

// streamViews adds the parts of each stream up, by name.
func streamViews(st *store.Store) []streamView {
	records := map[string]int64{}
	for _, src := range st.Sources() {
		if src.Stream != nil {
			records[src.Name] += src.Records
		}
	}
	list := []streamView{}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		sum := st.Stream(name)
		v := streamView{Source: name, Watermark: timestamp(sum.Watermark), Records: records[name], Resent: sum.Resent, Opened: sum.Opened, Nodes: []streamNodeView{}, Gaps: []streamGapView{}}
		lost := map[string]map[string]int64{}
		for _, l := range sum.Lost {
			if lost[l.Node] == nil {
				lost[l.Node] = map[string]int64{}
			}
			lost[l.Node][l.Cause] = l.Events
			v.Lost += l.Events
		}
		for _, node := range slices.Sorted(maps.Keys(sum.Last)) {
			v.Nodes = append(v.Nodes, streamNodeView{node, timestamp(sum.Last[node]), sum.Breaks[node], lost[node]})
		}
		for _, g := range sum.Gaps {
			v.Gaps = append(v.Gaps, streamGapView{g.Node, timestamp(g.From), timestamp(g.To), g.Cause})
		}
		list = append(list, v)
	}
	return list
}
