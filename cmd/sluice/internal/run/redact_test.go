package run

import (
	"fmt"
	"strings"
	"testing"

	"sluice/model/redact"
	"sluice/model/store"
)

// TestHideNodes: of the nodes of a stream, and of those that reported the records of a file, only pseudonyms are left,
// one for each; the cluster that was asked for has its own.
func TestHideNodes(t *testing.T) {
	r, err := redact.New([]byte("an entirely secret sentence"))
	if err != nil {
		t.Fatal(err)
	}
	l := NewLog(&Config{})
	l.Redact, l.Scanned.Cluster = r, "zmark"
	l.Report.Nodes.Add("zmark/znode", 7, 3)
	l.Stored = []store.Source{{Name: "hubble://zmark:4245", Stream: &store.Stream{
		Last: map[string]int64{"zmark/znode": 5, "zmark/znext": 6}, Breaks: map[string]int64{"zmark/znode": 2},
		Lost: []store.Lost{{Node: "zmark/znode", Cause: "rate", Events: 4}},
		Gaps: []store.Gap{{Node: "zmark/znode", From: 1, To: 2}}}}}
	if err := l.hide(); err != nil {
		t.Fatal(err)
	}
	s, node := l.Stored[0].Stream, r.Text("zmark/znode")
	if said := fmt.Sprint(l.Stored, *s, l.Report.Nodes, l.Scanned); strings.Contains(said, "zmark") ||
		strings.Contains(said, "znode") || strings.Contains(said, "znext") {
		t.Error(said)
	}
	if len(s.Last) != 2 || s.Last[node] != 5 || s.Breaks[node] != 2 || s.Lost[0].Node != node || s.Gaps[0].Node != node ||
		l.Report.Nodes[node][7] != 3 {
		t.Errorf("%+v, %v", s, l.Report.Nodes)
	}
}
