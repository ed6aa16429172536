package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ingest/live"
	"sluice/model"
	"sluice/model/store"
)

// operations answer those who operate a collector: /metrics, /healthz and /readyz.
type operations struct {
	store   *store.Store
	edges   *newEdges
	sources []Source
}

// listen serves until ctx ends. The address is bound before it returns.
func (o *operations) listen(ctx context.Context, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", o.metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	}()
	return nil
}

// ready says whether every source is read and the store takes what comes.
func (o *operations) ready(w http.ResponseWriter, _ *http.Request) {
	var why []string
	for _, s := range o.sources {
		st := s.Stats()
		switch {
		case st.StoreError != "":
			why = append(why, s.Name+": "+st.StoreError)
		case !st.Connected && st.LastError != "":
			why = append(why, s.Name+": not connected: "+st.LastError)
		case !st.Connected:
			why = append(why, s.Name+": not connected")
		}
	}
	if len(why) > 0 {
		http.Error(w, strings.Join(why, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// metric writes one family of Prometheus' text format.
type metric struct{ b strings.Builder }

func (m *metric) family(name, kind, help string) {
	fmt.Fprintf(&m.b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

var labelEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m *metric) value(name string, v float64, labels ...string) {
	m.b.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		m.b.WriteByte("{,"[min(i, 1)])
		m.b.WriteString(labels[i] + `="` + labelEscape.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		m.b.WriteByte('}')
	}
	m.b.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

func (o *operations) metrics(w http.ResponseWriter, _ *http.Request) {
	stats := make([]live.Stats, len(o.sources))
	for i, s := range o.sources {
		stats[i] = s.Stats()
	}
	var m metric
	o.recordMetrics(&m, stats)
	o.streamMetrics(&m, stats)
	o.storeMetrics(&m)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(m.b.String()))
}

func (o *operations) recordMetrics(m *metric, stats []live.Stats) {
	m.family("sluice_records_total", "counter", "Records stored, by what became of them.")
	for i := range stats {
		for f := range stats[i].Records {
			for r, n := range stats[i].Records[f] {
				if n > 0 {
					m.value("sluice_records_total", float64(n), "source", o.sources[i].Name, "fate", model.Fate(f).String(), "reason", model.Reason(r).String())
				}
			}
		}
	}
	for _, c := range []struct {
		name, help string
		of         func(*live.Stats) uint64
	}{
		{"sluice_records_resent_total", "Records dropped because they had been received before.", func(s *live.Stats) uint64 { return s.Resent }},
		{"sluice_gaps_total", "Times from which records of a node may be missing.", func(s *live.Stats) uint64 { return s.Gaps }},
		{"sluice_streams_opened_total", "Times that the stream was opened.", func(s *live.Stats) uint64 { return s.Streams }},
		{"sluice_commits_total", "Commits to the store.", func(s *live.Stats) uint64 { return s.Commits }},
		{"sluice_blocked_total", "Times that the server had to wait for the store.", func(s *live.Stats) uint64 { return s.Blocked }},
	} {
		m.family(c.name, "counter", c.help)
		for i := range stats {
			m.value(c.name, float64(c.of(&stats[i])), "source", o.sources[i].Name)
		}
	}
	m.family("sluice_events_lost_total", "counter", "Events that servers say were lost, by node and cause.")
	for i := range stats {
		for _, n := range stats[i].Nodes {
			for _, cause := range slices.Sorted(maps.Keys(n.Lost)) {
				m.value("sluice_events_lost_total", float64(n.Lost[cause]), "source", o.sources[i].Name, "node", n.Name, "cause", cause)
			}
		}
	}
}

func (o *operations) streamMetrics(m *metric, stats []live.Stats) {
	m.family("sluice_connected", "gauge", "1 while the server answers.")
	for i := range stats {
		up := 0.0
		if stats[i].Connected {
			up = 1
		}
		m.value("sluice_connected", up, "source", o.sources[i].Name)
	}
	m.family("sluice_node_unavailable", "gauge", "1 for a node that the server says is unavailable, gone or in error.")
	for i := range stats {
		for _, n := range stats[i].Nodes {
			if n.State != live.NodeConnected {
				m.value("sluice_node_unavailable", 1, "source", o.sources[i].Name, "node", n.Name, "state", n.State.String())
			}
		}
	}
	m.family("sluice_watermark_timestamp_seconds", "gauge", "Time of the newest record: all that was received up to then is stored.")
	for i := range stats {
		m.value("sluice_watermark_timestamp_seconds", float64(stats[i].Watermark)/1e6, "source", o.sources[i].Name)
	}
	m.family("sluice_lag_seconds", "gauge", "How far the store is behind the newest record received.")
	for i := range stats {
		m.value("sluice_lag_seconds", float64(max(0, stats[i].Newest-stats[i].Watermark))/1e6, "source", o.sources[i].Name)
	}
}

func (o *operations) storeMetrics(m *metric) {
	var bytes, rows int64
	segments := o.store.Segments()
	for _, g := range segments {
		bytes += g.Bytes
		rows += g.Rows
	}
	e := o.edges.stats()
	age := 0.0
	if !e.last.IsZero() {
		age = time.Since(e.last).Seconds()
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	for _, g := range []struct {
		name, kind, help string
		v                float64
	}{
		{"sluice_store_bytes", "gauge", "Bytes of the segments that count.", float64(bytes)},
		{"sluice_store_rows", "gauge", "Rows of the segments that count.", float64(rows)},
		{"sluice_store_segments", "gauge", "Segments that count.", float64(len(segments))},
		{"sluice_edges", "gauge", "Connections in the store: pairs of names with a port.", float64(e.known)},
		{"sluice_new_edges_total", "counter", "Connections seen for the first time.", float64(e.found)},
		{"sluice_new_edges_recent", "gauge", "Connections seen for the first time in this hour and the one before.", float64(e.lastHour)},
		{"sluice_new_edge_age_seconds", "gauge", "Time since the last connection was seen for the first time, 0 before the first.", age},
		{"sluice_memory_bytes", "gauge", "Memory taken from the system.", float64(mem.Sys - mem.HeapReleased)},
	} {
		m.family(g.name, g.kind, g.help)
		m.value(g.name, g.v)
	}
}
