package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
	mux.Handle("GET /metrics", o.metrics())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	srv := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	}()
	return nil
}

// ready reports whether every source is read and the store takes what comes.
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

// metrics answers scrapes.
func (o *operations) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(o)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// The metrics that are asked for at each scrape.
var (
	bySource = []string{"source"}

	recordsDesc = prometheus.NewDesc(
		"sluice_records_total",
		"Records stored, by what became of them.",
		[]string{"source", "fate", "reason"},
		nil,
	)
	lostDesc = prometheus.NewDesc(
		"sluice_events_lost_total",
		"Events that servers say were lost, by node and cause.",
		[]string{"source", "node", "cause"},
		nil,
	)
	unavailableDesc = prometheus.NewDesc(
		"sluice_node_unavailable",
		"1 for a node that the server says is unavailable, gone or in error.",
		[]string{"source", "node", "state"},
		nil,
	)
)

// sourceMetrics have one value a source.
var sourceMetrics = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*live.Stats) float64
}{
	{
		prometheus.NewDesc(
			"sluice_records_resent_total",
			"Records dropped because they had been received before.",
			bySource,
			nil,
		),
		prometheus.CounterValue,
		func(s *live.Stats) float64 { return float64(s.Resent) },
	},
	{prometheus.NewDesc("sluice_gaps_total", "Times from which records of a node may be missing.", bySource, nil),
		prometheus.CounterValue, func(s *live.Stats) float64 { return float64(s.Gaps) }},
	{prometheus.NewDesc("sluice_streams_opened_total", "Times that the stream was opened.", bySource, nil),
		prometheus.CounterValue, func(s *live.Stats) float64 { return float64(s.Streams) }},
	{prometheus.NewDesc("sluice_commits_total", "Commits to the store.", bySource, nil),
		prometheus.CounterValue, func(s *live.Stats) float64 { return float64(s.Commits) }},
	{prometheus.NewDesc("sluice_blocked_total", "Times that the server had to wait for the store.", bySource, nil),
		prometheus.CounterValue, func(s *live.Stats) float64 { return float64(s.Blocked) }},
	{prometheus.NewDesc("sluice_connected", "1 while the server answers.", bySource, nil),
		prometheus.GaugeValue, func(s *live.Stats) float64 { return one(s.Connected) }},
	{
		prometheus.NewDesc(
			"sluice_watermark_timestamp_seconds",
			"Time of the newest record: all that was received up to then is stored.",
			bySource,
			nil,
		),
		prometheus.GaugeValue,
		func(s *live.Stats) float64 { return float64(s.Watermark) / 1e6 },
	},
	{prometheus.NewDesc("sluice_lag_seconds", "How far the store is behind the newest record received.", bySource, nil),
		prometheus.GaugeValue, func(s *live.Stats) float64 { return float64(max(0, s.Newest-s.Watermark)) / 1e6 }},
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe says nothing: which metrics there are is seen when they are collected.
func (o *operations) Describe(chan<- *prometheus.Desc) {}

// Collect returns the state of all sources and of the store.
func (o *operations) Collect(out chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "\uFFFD") // servers name their nodes as they like
		}
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, src := range o.sources {
		st := src.Stats()
		for f := range st.Records {
			for r, n := range st.Records[f] {
				if n > 0 {
					put(
						recordsDesc,
						prometheus.CounterValue,
						float64(n),
						src.Name,
						model.Fate(f).String(),
						model.Reason(r).String(),
					)
				}
			}
		}
		for _, m := range sourceMetrics {
			put(m.desc, m.kind, m.of(&st), src.Name)
		}
		for _, n := range st.Nodes {
			for cause, events := range n.Lost {
				put(lostDesc, prometheus.CounterValue, float64(events), src.Name, n.Name, cause)
			}
			if n.State != live.NodeConnected {
				put(unavailableDesc, prometheus.GaugeValue, 1, src.Name, n.Name, n.State.String())
			}
		}
	}
	o.collectStore(out)
}

func (o *operations) collectStore(out chan<- prometheus.Metric) {
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
	for _, g := range []struct {
		name string
		kind prometheus.ValueType
		help string
		v    float64
	}{
		{"sluice_store_bytes", prometheus.GaugeValue, "Bytes of the segments that count.", float64(bytes)},
		{"sluice_store_rows", prometheus.GaugeValue, "Rows of the segments that count.", float64(rows)},
		{"sluice_store_segments", prometheus.GaugeValue, "Segments that count.", float64(len(segments))},
		{"sluice_edges", prometheus.GaugeValue, "Connections in the store: pairs of names with a port.", float64(e.known)},
		{"sluice_new_edges_total", prometheus.CounterValue, "Connections seen for the first time.", float64(e.found)},
		{"sluice_new_edges_recent", prometheus.GaugeValue, "Connections seen for the first time in this hour and the one before.", float64(e.lastHour)},
		{"sluice_new_edge_age_seconds", prometheus.GaugeValue, "Time since the last connection was seen for the first time, 0 before the first.", age},
		{"sluice_memory_bytes", prometheus.GaugeValue, "Memory taken from the system.", memory()},
	} {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, g.help, nil, nil), g.kind, g.v)
	}
}

// memory reads what the runtime has taken from the system, without stopping the world.
func memory() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
