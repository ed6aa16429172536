package cli

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"sluice/model"
	"sluice/model/store"
)

// month writes a store with some days of a cluster, from Monday 2026-01-05 on: what always talks, a daily job at 03:00, a
// weekly one on Sundays at 04:00, a rollout of shop/web every two days, of which that of day 20 brings an edge that
// stays. Forty quiet neighbours make it a cluster. It is what a fold of a month of records leaves.
func month() {
	days, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = writeMonth(os.Args[1], days, 40)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type monthWriter struct {
	tables model.Tables
	rows   []model.Observation
}

func writeMonth(dir string, days, neighbours int) error {
	return newMonth(days, neighbours).commit(dir)
}

func newMonth(days, neighbours int) *monthWriter {
	m := &monthWriter{tables: model.NewTables()}
	first := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	cart, redis, mail := m.pod("shop", "cart", "Deployment", "a1"), m.pod("shop", "redis", "StatefulSet", ""), m.pod("shop", "mail", "Deployment", "b1")
	var quiet [][2]model.EndpointID
	for i := range neighbours {
		quiet = append(quiet, [2]model.EndpointID{m.pod("other", fmt.Sprintf("a%d", i), "Deployment", "c1"), m.pod("other", fmt.Sprintf("b%d", i), "Deployment", "d1")})
	}
	for h := range days * 24 {
		at := first.Add(time.Duration(h) * time.Hour)
		web := m.pod("shop", "web", "Deployment", fmt.Sprintf("e%d", h/48))
		m.talk(at, web, cart, 7070)
		m.talk(at, cart, redis, 6379)
		m.talk(at, cart, mail, 8080)
		if h >= 20*24 {
			m.talk(at, web, mail, 8080)
		}
		if at.Hour() == 3 {
			m.talk(at, m.job("backup", at), redis, 6379)
		}
		if at.Hour() == 4 && at.Weekday() == time.Sunday {
			m.talk(at, m.job("report", at), cart, 7070)
		}
		for _, q := range quiet {
			m.talk(at, q[0], q[1], 80)
		}
	}
	return m
}

// writeMany writes 30 days of 10,000 edges between 400 workloads, a rollout every two days: each edge talks in 12 hours,
// from a day of its own on.
func writeMany(dir string) error {
	m := monthWriter{tables: model.NewTables()}
	first := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for i := range 10000 {
		from := i % 7 * i % (29 * 24)
		for k := range 12 {
			h := from + k*(30*24-from)/12
			src, dst := i%400, (i/400*31+i)%400
			m.talk(first.Add(time.Duration(h)*time.Hour), m.pod("shop", fmt.Sprintf("w%d", src), "Deployment", fmt.Sprintf("e%d", h/48)),
				m.pod("shop", fmt.Sprintf("w%d", dst), "Deployment", fmt.Sprintf("e%d", h/48)), uint16(1024+i/400))
		}
	}
	return m.commit(dir)
}

func (m *monthWriter) commit(dir string) error {
	st, err := store.Create(dir)
	if err != nil {
		return err
	}
	return m.write(st)
}

// write adds the rows to a store.
func (m *monthWriter) write(st *store.Store) error {
	w, err := st.Writer(store.WriterOptions{})
	if err != nil {
		return err
	}
	if err := w.Write(m.tables, m.rows); err != nil {
		return err
	}
	return w.Commit([]store.Source{{Name: "month", Format: "hubble", Records: int64(len(m.rows)), Lost: int64(len(m.rows) / 250), First: m.rows[0].First, Last: m.rows[len(m.rows)-1].Last}})
}

func (m *monthWriter) pod(ns, app, kind, hash string) model.EndpointID {
	labels := []string{"app=" + app}
	if hash != "" {
		labels = append(labels, "pod-template-hash="+hash)
	}
	return m.tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: ns, Owner: model.Owner{Kind: kind, Name: app}, Labels: model.MakeLabels(labels)})
}

// job is a pod of one run of a CronJob.
func (m *monthWriter) job(name string, at time.Time) model.EndpointID {
	run := fmt.Sprintf("%s-%d", name, at.Unix()/60)
	return m.tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Owner: model.Owner{Kind: "Job", Name: run},
		Labels: model.MakeLabels([]string{"app=" + name, "batch.kubernetes.io/job-name=" + run})})
}

func (m *monthWriter) talk(at time.Time, src, dst model.EndpointID, port uint16) {
	us := at.Add(time.Minute).UnixMicro()
	m.rows = append(m.rows, model.Observation{Window: uint32(us / 60e6), Src: src, Dst: dst, Port: port, Proto: model.TCP, Verdict: model.Forwarded,
		Observer: model.AtDestination, Fate: model.Used, Marks: model.MarkSYN, Records: 1, Conns: 1, First: us, Last: us})
}

// BenchmarkReadyStore reads a store of 400 workloads and 30 days and judges it.
func BenchmarkReadyStore(b *testing.B) {
	dir := b.TempDir()
	if err := writeMonth(dir, 30, 200); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if code := Main([]string{"ready", "--store", dir, "-A", "-q"}, nil, discard{}, discard{}); code != ExitFindings && code != ExitOK {
			b.Fatalf("exit %d", code)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkBacktestStore cuts a store of 30 days and 10,000 edges at every day.
func BenchmarkBacktestStore(b *testing.B) {
	dir := b.TempDir()
	if err := writeMany(dir); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if code := Main([]string{"backtest", "--store", dir, "-A", "-q"}, nil, discard{}, discard{}); code != ExitOK {
			b.Fatalf("exit %d", code)
		}
	}
}
