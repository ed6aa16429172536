package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"sluice/model"
)

// month is what a collector sees of edges that are used in every minute: workloads of many namespaces, whose pods are
// replaced once a day.
type month struct {
	t     model.Tables
	r     *rand.Rand
	edges []monthEdge
	rows  []model.Observation
}

type monthEdge struct {
	src, dst model.EndpointID
	port     uint16
	records  uint64 // written
}

func newMonth(edges int) *month {
	m := &month{t: model.NewTables(), r: rand.New(rand.NewPCG(30, 24)), edges: make([]monthEdge, edges)}
	workloads := make([]model.EndpointID, 400)
	for i := range workloads {
		app := names("app", i)
		workloads[i] = m.t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: names("ns", i%60), Cluster: "month",
			Labels: model.Labels{"app=" + app, "tier=" + names("t", i%5)}, Owner: model.Owner{Kind: "Deployment", Name: app}})
	}
	seen := map[monthEdge]bool{}
	for i := range m.edges {
		for {
			e := monthEdge{workloads[m.r.IntN(400)], workloads[m.r.IntN(400)], []uint16{80, 443, 8080, 5432, 6379, 9090}[m.r.IntN(6)], 0}
			if e.src != e.dst && !seen[e] {
				seen[e] = true
				m.edges[i] = e
				break
			}
		}
	}
	return m
}

// hour returns the rows of an hour, which stand until the next.
func (m *month) hour(n int) []model.Observation {
	const begin = 29_555_640 // 2026-03-12, in minutes
	m.rows = m.rows[:0]
	pod := func(id model.EndpointID) model.NameID {
		return m.t.Names.Intern(fmt.Appendf(nil, "pod-%d-%d-%d", id, n/24, m.r.IntN(8)))
	}
	for minute := range 60 {
		for i := range m.edges {
			e := &m.edges[i]
			o := model.Observation{Window: begin + uint32(60*n+minute), Src: e.src, Dst: e.dst, Port: e.port, Proto: model.TCP,
				Verdict: model.Forwarded, Observer: model.AtDestination, Fate: model.Used,
				Marks:   model.MarkSYN | model.MarkNoted | model.MarkAnswered,
				Records: 1 + uint32(m.r.IntN(40)), Conns: 1 + uint32(m.r.IntN(4)), SrcPod: pod(e.src), DstPod: pod(e.dst)}
			o.First = int64(o.Window)*60e6 + m.r.Int64N(30e6)
			o.Last = o.First + m.r.Int64N(30e6)
			e.records += uint64(o.Records)
			m.rows = append(m.rows, o)
		}
	}
	return m.rows
}

// TestMonth: all records of every edge are read again of a store that got a commit for each hour, and of one that got a
// commit for each minute and was compacted after each, as a collector does. They are of 50 edges and of a day and two
// hours; SLUICE_MONTH names a folder that keeps a whole month of 10,000 edges, 432,000,000 rows, for commands to be
// measured on, and SLUICE_MONTH_HOURS may make it shorter.
func TestMonth(t *testing.T) {
	t.Run("hour", func(t *testing.T) { testMonth(t, 60, 24) })
	t.Run("minute", func(t *testing.T) { testMonth(t, 1, 2) })
}

func testMonth(t *testing.T, minutes, hours int) {
	edges, dir := 50, t.TempDir()
	if at := os.Getenv("SLUICE_MONTH"); at != "" {
		edges, hours, dir = 10_000, 24*30, at
	}
	if n, err := strconv.Atoi(os.Getenv("SLUICE_MONTH_HOURS")); err == nil {
		hours = n
	}
	m, s := newMonth(edges), mustCreate(t, dir)
	var wrote, compacted float64
	for n := range hours {
		for i, rows := range slices.Collect(slices.Chunk(m.hour(n), minutes*edges)) {
			start := cpu()
			name := fmt.Sprintf("%d-%d", n, i)
			commitRows(t, s, WriterOptions{}, m.t, rows, Source{Name: name + ".jsonl", Digest: names("part", 60*n+i),
				Format: "hubble", Cluster: "month", Records: int64(len(rows))})
			wrote += cpu() - start
			if minutes == 60 {
				continue
			}
			start = cpu()
			if _, err := s.Compact(t.Context(), CompactOptions{}); err != nil {
				t.Fatal(err)
			}
			compacted += cpu() - start
		}
	}
	var bytes int64
	segments := s.Segments()
	for _, g := range segments {
		bytes += g.Bytes
	}
	rows := 60 * hours * edges
	t.Logf("%d rows in %d segments, %.2f bytes a row; %.2f us of CPU a row to write it, %.2f to compact",
		rows, len(segments), float64(bytes)/float64(rows), wrote/float64(rows)*1e6, compacted/float64(rows)*1e6)
	start := cpu()
	got := map[monthEdge]uint64{}
	read := 0
	err := s.Scan(context.Background(), ScanOptions{}, func(tables model.Tables, rows []model.Observation) error {
		read += len(rows)
		for i := range rows {
			o := &rows[i]
			src, dst := m.t.Endpoints.Intern(*tables.Endpoints.Get(o.Src)), m.t.Endpoints.Intern(*tables.Endpoints.Get(o.Dst))
			got[monthEdge{src, dst, o.Port, 0}] += uint64(o.Records)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("read as %d rows in %.2f CPU s", read, cpu()-start)
	for _, e := range m.edges {
		if n := got[monthEdge{e.src, e.dst, e.port, 0}]; n != e.records {
			t.Fatalf("%d records of %+v are read", n, e)
		}
	}
}
