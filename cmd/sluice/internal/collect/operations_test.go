package collect

import (
	"bytes"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/ingest/live"
	"sluice/model"
	"sluice/model/store"
)

func testOperations(t *testing.T, st live.Stats) *operations {
	s, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	edges, err := openNewEdges(t.Context(), place.InFiles(s), "")
	if err != nil {
		t.Fatal(err)
	}
	return &operations{store: place.InFiles(s), edges: edges, sources: []Source{{Name: `hubble://a"b`, Stats: func() live.Stats { return st }}}}
}

// TestMetrics: every sample belongs to a family that is declared once, and counts are what the collector says.
func TestMetrics(t *testing.T) {
	st := live.Stats{Lost: 7, Gaps: 2, Resent: 3, Connected: true, Watermark: 2_500_000, Newest: 3_000_000, Nodes: []live.NodeStats{
		{Name: "n1", Lost: map[string]uint64{"queue": 4, "perf": 3}}, {Name: "n2", State: live.NodeUnavailable},
		{Name: "\xff", State: live.NodeUnavailable}, {Name: "\xfe", State: live.NodeUnavailable}}} // a server may say anything
	st.Records[model.Used][0], st.Records[model.Refused][model.BadTime] = 10, 1
	w := httptest.NewRecorder()
	testOperations(t, st).metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	families := map[string]bool{}
	for line := range strings.Lines(w.Body.String()) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(rest, " ")
			if families[name] {
				t.Errorf("%s is declared twice", name)
			}
			families[name] = true
			continue
		}
		if name, _, _ = strings.Cut(name, "{"); name != "#" && !families[name] {
			t.Errorf("%s is not declared", line)
		}
	}
	for _, want := range []string{
		`sluice_records_total{fate="used",reason="",source="hubble://a\"b"} 10`, `sluice_records_total{fate="refused",reason="bad-time",source="hubble://a\"b"} 1`,
		`sluice_events_lost_total{cause="perf",node="n1",source="hubble://a\"b"} 3`, `sluice_gaps_total{source="hubble://a\"b"} 2`,
		`sluice_node_unavailable{node="n2",source="hubble://a\"b",state="unavailable"} 1`, `sluice_watermark_timestamp_seconds{source="hubble://a\"b"} 2.5`,
		`sluice_lag_seconds{source="hubble://a\"b"} 0.5`, `sluice_connected{source="hubble://a\"b"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, w.Body.String())
		}
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		c := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		c.Stdin = bytes.NewReader(w.Body.Bytes())
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestReady(t *testing.T) {
	for _, c := range []struct {
		st   live.Stats
		code int
		say  string
	}{
		{live.Stats{Connected: true}, 200, "ok"},
		{live.Stats{}, 503, "not connected"},
		{live.Stats{LastError: "connection refused"}, 503, "connection refused"},
		{live.Stats{Connected: true, StoreError: "no space left on device"}, 503, "no space left"},
		{live.Stats{Connected: true, LastError: "broken an hour ago"}, 200, "ok"},
	} {
		w := httptest.NewRecorder()
		testOperations(t, c.st).ready(w, nil)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.say) {
			t.Errorf("%+v: %d %s", c.st, w.Code, w.Body)
		}
	}
}

// TestNewEdges: an edge is new once, under whichever tables, and not what is no dependency.
func TestNewEdges(t *testing.T) {
	o := testOperations(t, live.Stats{})
	var found []FoundEdge
	for range 2 {
		tables := model.NewTables()
		tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "other"})
		a := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: []string{"app=web"}})
		b := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "b", Owner: model.Owner{Kind: "Deployment", Name: "db"}})
		rows := []model.Observation{{Src: a, Dst: b, Port: 5432, Proto: model.TCP, Fate: model.Used}, {Src: a, Dst: b, Port: 5432, Proto: model.TCP, Fate: model.Reply},
			{Src: b, Dst: a, Port: 1, Proto: model.TCP, Fate: model.Irrelevant}}
		o.edges.add(tables, rows, func(e FoundEdge) { found = append(found, e) })
	}
	if len(found) != 1 || found[0].Source != "a/web" || found[0].Destination != "b/db" || found[0].Port != "5432/tcp" {
		t.Errorf("%+v", found)
	}
	if st := o.edges.stats(); st.known != 1 || st.found != 1 || st.lastHour != 1 || time.Since(st.last) > time.Minute {
		t.Errorf("%+v", st)
	}
}
