package show

import (
	"io"
	"maps"
	"slices"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
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

var streams = list[streamView]{
	kind: "StreamList", field: "streams",
	head: []string{"SOURCE", "NODE", "NEWEST", "RECORDS", "LOST", "GAPS", "BREAKS"},
	row: func(t *table, v streamView) {
		t.row(v.Source, "", v.Watermark, text.Count(v.Records), text.Count(v.Lost), text.Count(len(v.Gaps)), "")
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
			t.row("", n.Node, n.Last, "", text.Count(lost), text.Count(gaps), text.Count(n.Breaks))
		}
	},
}

// Streams prints what a store holds of servers.
func Streams(w io.Writer, format string, p store.Part) error {
	return streams.print(w, format, slices.Values(streamViews(p)))
}

// segmentView is a segment as printed: its times are text like all times.
type segmentView struct {
	store.Segment
	First string `json:"first"`
	Last  string `json:"last"`
}

var segments = list[segmentView]{
	kind: "SegmentList", field: "segments",
	head: []string{"SEGMENT", "ROWS", "BYTES", "FIRST", "LAST"},
	row: func(t *table, g segmentView) {
		t.row(g.Path, text.Count(g.Rows), sizeOf(g.Bytes, text.Count[int64]), g.First, g.Last)
	},
}

// Segments prints the segments of a store.
func Segments(w io.Writer, format string, p store.Part) error {
	return segments.print(w, format, func(yield func(segmentView) bool) {
		for _, g := range p.Segments {
			if !yield(segmentView{g, model.Stamp(g.First), model.Stamp(g.Last)}) {
				return
			}
		}
	})
}

// streamViews adds the parts of each stream up, by name.
func streamViews(p store.Part) []streamView {
	records, events := map[string]int64{}, map[string]int64{}
	for _, src := range p.Sources {
		if src.Stream != nil {
			records[src.Name] += src.Records
			events[src.Name] += src.Lost
		}
	}
	list := []streamView{}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		sum := p.Stream(name)
		v := streamView{
			Source:    name,
			Watermark: model.Stamp(sum.Watermark),
			Records:   records[name],
			Lost:      events[name],
			Resent:    sum.Resent,
			Opened:    sum.Opened,
			Nodes:     []streamNodeView{},
			Gaps:      []streamGapView{},
		}
		lost := map[string]map[string]int64{}
		for _, l := range sum.Lost {
			if lost[l.Node] == nil {
				lost[l.Node] = map[string]int64{}
			}
			lost[l.Node][l.Cause] = l.Events
		}
		for _, node := range slices.Sorted(maps.Keys(sum.Last)) {
			v.Nodes = append(v.Nodes, streamNodeView{node, model.Stamp(sum.Last[node]), sum.Breaks[node], lost[node]})
		}
		for _, g := range sum.Gaps {
			v.Gaps = append(v.Gaps, streamGapView{g.Node, model.Stamp(g.From), model.Stamp(g.To), g.Cause})
		}
		list = append(list, v)
	}
	return list
}
