//go:build conformance

package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// duckDB names the program built from cmd/conformance/duckdb.
const duckDB = "SLUICE_DUCKDB"

// TestDuckDB: DuckDB reads the same rows out of a store as Scan.
func TestDuckDB(t *testing.T) {
	program := os.Getenv(duckDB)
	if program == "" {
		t.Fatal(duckDB + " names no program: run make conformance")
	}
	views, err := filepath.Abs("duckdb.sql")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 8))
	tables := traffic(r, 300, 100)
	s := mustCreate(t, t.TempDir())
	for n := range 4 { // of the first two both the commits and the one that replaces them are there
		commitRows(t, s, WriterOptions{}, tables, someRows(r, tables, 3000, 3*minutesADay))
		if n == 1 {
			_, err := s.Compact(t.Context(), CompactOptions{Run: 2, Grace: time.Hour})
			must(t, err)
		}
	}
	want := map[string]int{}
	all, rows := scanned(t, s, ScanOptions{})
	for _, o := range rows {
		want[describe(all, &o)]++
	}
	cmd := exec.Command(program, views)
	cmd.Dir = s.Dir()
	cmd.Stderr = os.Stderr
	cmd.Stdin = strings.NewReader(`SELECT concat_ws('|', epoch_us("window"), epoch_us(first), epoch_us(last), coalesce(src_port, 0), port, proto, verdict, observer, fate,
  reason, marks, records, coalesce(conns, 0), coalesce(source_pod, ''), coalesce(destination_pod, ''),
  source.kind, coalesce(source.namespace, ''), array_to_string(source.labels, ','), coalesce(destination.owner, ''),
  coalesce(destination.address, ''), array_to_string(destination.entities, '+'), array_to_string(destination.names, ',')) AS row, count(*) AS n FROM flow GROUP BY ALL`)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var line struct {
			Row string
			N   int
		}
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got[line.Row] = line.N
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%.3000s", d)
	}
}

func describe(t model.Tables, o *model.Observation) string {
	s, d := t.Endpoints.Get(o.Src), t.Endpoints.Get(o.Dst)
	address := ""
	if d.Address.IsValid() {
		address = d.Address.String()
	}
	return fmt.Sprintf("%d|%d|%d|%d|%d|%s|%s|%s|%s|%s|%d|%d|%d|%s|%s|%s|%s|%s|%s|%s|%s|%s", int64(o.Window)*60e6, o.First, o.Last, o.SrcPort, o.Port,
		o.Proto, o.Verdict, o.Observer, o.Fate, o.Reason, o.Marks, o.Records, o.Conns, t.Names.Get(o.SrcPod), t.Names.Get(o.DstPod),
		s.Kind, s.Namespace, strings.Join(s.Labels, ","), d.Owner.Name, address, d.Entities, strings.Join(d.Names, ","))
}
