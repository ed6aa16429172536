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

	"sluice/cmd/sluice/internal/place"
	"sluice/ingest/live"
	"sluice/model"
)

// operations answer those who operate a collector: /metrics, /healthz and /readyz.
type operations struct {
	store   place.Store
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

// Metric is one that a collector declares.
type Metric struct {
	Name, Help string
	Counter    bool // else a gauge
	Labels     []string
	desc       *prometheus.Desc
}

func counter(name, help string, labels ...string) Metric { return metric(name, help, true, labels) }
func gauge(name, help string, labels ...string) Metric   { return metric(name, help, false, labels) }

func metric(name, help string, counter bool, labels []string) Metric {
	return Metric{name, help, counter, labels, prometheus.NewDesc(name, help, labels, nil)}
}

func (m *Metric) put(v float64, labels ...string) prometheus.Metric {
	kind := prometheus.GaugeValue
	if m.Counter {
		kind = prometheus.CounterValue
	}
	return prometheus.MustNewConstMetric(m.desc, kind, v, labels...)
}

// Metrics are all that a collector declares.
func Metrics() []Metric {
	list := []Metric{recordsMetric, lostMetric, unavailableMetric}
	for i := range sourceMetrics {
		list = append(list, sourceMetrics[i].Metric)
	}
	for i := range storeMetrics {
		list = append(list, storeMetrics[i].Metric)
	}
	return list
}

// The metrics that are asked for at each scrape.
var (
	recordsMetric     = counter("sluice_records_total", "Records stored, by what became of them.", "source", "fate", "reason")
	lostMetric        = counter("sluice_events_lost_total", "Events that servers say were lost, by node and cause.", "source", "node", "cause")
	unavailableMetric = gauge("sluice_node_unavailable",
		"1 for a node that the server says is unavailable, gone or in error.", "source", "node", "state")
)

// sourceMetrics have one value a source.
var sourceMetrics = []struct {
	Metric
	of func(*live.Stats) float64
}{
	{counter("sluice_records_resent_total", "Records dropped because they had been received before.", "source"),
		func(s *live.Stats) float64 { return float64(s.Resent) }},
	{counter("sluice_gaps_total", "Times from which records of a node may be missing.", "source"),
		func(s *live.Stats) float64 { return float64(s.Gaps) }},
	{counter("sluice_streams_opened_total", "Times that the stream was opened.", "source"),
		func(s *live.Stats) float64 { return float64(s.Streams) }},
	{counter("sluice_commits_total", "Commits to the store.", "source"),
		func(s *live.Stats) float64 { return float64(s.Commits) }},
	{counter("sluice_blocked_total", "Times that the server had to wait for the store.", "source"),
		func(s *live.Stats) float64 { return float64(s.Blocked) }},
	{counter("sluice_clock_jumps_total", "Times that the collector's clock was found set to another time.", "source"),
		func(s *live.Stats) float64 { return float64(s.Jumps) }},
	{gauge("sluice_connected", "1 while the server answers.", "source"),
		func(s *live.Stats) float64 { return one(s.Connected) }},
	{gauge("sluice_watermark_timestamp_seconds", "Time of the newest record: all that was received up to then is stored.", "source"),
		func(s *live.Stats) float64 { return float64(s.Watermark) / 1e6 }},
	{gauge("sluice_lag_seconds", "How far the store is behind the newest record received.", "source"),
		func(s *live.Stats) float64 { return float64(max(0, s.Newest-s.Watermark)) / 1e6 }},
}

// storeState is what the metrics of the store are made of.
type storeState struct {
	bytes, rows int64
	segments    int
	edges, new  float64
	recent, age float64
}

// storeMetrics have one value.
var storeMetrics = []struct {
	Metric
	of func(*storeState) float64
}{
	{gauge("sluice_store_bytes", "Bytes of the segments that count."), func(s *storeState) float64 { return float64(s.bytes) }},
	{gauge("sluice_store_rows", "Rows of the segments that count."), func(s *storeState) float64 { return float64(s.rows) }},
	{gauge("sluice_store_segments", "Segments that count."), func(s *storeState) float64 { return float64(s.segments) }},
	{gauge("sluice_edges", "Connections in the store: pairs of names with a port."), func(s *storeState) float64 { return s.edges }},
	{counter("sluice_new_edges_total", "Connections seen for the first time."), func(s *storeState) float64 { return s.new }},
	{gauge("sluice_new_edges_recent", "Connections seen for the first time in this hour and the one before."),
		func(s *storeState) float64 { return s.recent }},
	{gauge("sluice_new_edge_age_seconds", "Time since the last connection was seen for the first time, 0 before the first."),
		func(s *storeState) float64 { return s.age }},
	{gauge("sluice_memory_bytes", "Memory taken from the system."), func(*storeState) float64 { return memory() }},
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
	put := func(m *Metric, v float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "\uFFFD") // servers name their nodes as they like
		}
		out <- m.put(v, labels...)
	}
	for _, src := range o.sources {
		st := src.Stats()
		for f := range st.Records {
			for r, n := range st.Records[f] {
				if n > 0 {
					put(&recordsMetric, float64(n), src.Name, model.Fate(f).String(), model.Reason(r).String())
				}
			}
		}
		for i := range sourceMetrics {
			put(&sourceMetrics[i].Metric, sourceMetrics[i].of(&st), src.Name)
		}
		for _, n := range st.Nodes {
			for cause, events := range n.Lost {
				put(&lostMetric, float64(events), src.Name, n.Name, cause)
			}
			if n.State != live.NodeConnected {
				put(&unavailableMetric, 1, src.Name, n.Name, n.State.String())
			}
		}
	}
	o.collectStore(out)
}

func (o *operations) collectStore(out chan<- prometheus.Metric) {
	segments := o.store.Part("").Segments
	s := storeState{segments: len(segments)}
	for _, g := range segments {
		s.bytes += g.Bytes
		s.rows += g.Rows
	}
	e := o.edges.stats()
	s.edges, s.new, s.recent = float64(e.known), float64(e.found), float64(e.lastHour)
	if !e.last.IsZero() {
		s.age = time.Since(e.last).Seconds()
	}
	for i := range storeMetrics {
		out <- storeMetrics[i].put(storeMetrics[i].of(&s))
	}
}

// memory reads what the runtime has taken from the system, without stopping the world.
func memory() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
