package chdb

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// engine is a ClickHouse that answers a test.
type engine struct {
	t *testing.T
	*Engine
}

func newEngine(t *testing.T) engine {
	t.Helper()
	e, err := Start("--path=" + t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return engine{t, e}
}

// ask runs a statement and returns its answer, fields between tabs.
func (e engine) ask(query string) string {
	e.t.Helper()
	b, err := e.Ask(query)
	if err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	return strings.TrimSpace(string(b))
}

func sluice(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), os.Getenv("SLUICE"), args...).Output()
	if err != nil {
		t.Fatalf("sluice %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// TestSchema: the statements of the schema are those of the current version too, it reads the Parquet of a store, and
// its view folds the rows to what they are.
func TestSchema(t *testing.T) {
	at := filepath.Join(t.TempDir(), "store")
	sluice(t, "ingest", "../../../testdata/flows/online-boutique.jsonl.gz", "--store", at, "-q")
	var check struct{ Rows, Records int64 }
	if err := json.Unmarshal(sluice(t, "store", "check", at, "-o", "json"), &check); err != nil || check.Rows == 0 {
		t.Fatalf("%+v, %v", check, err)
	}
	e := newEngine(t)
	t.Log("version", e.ask("SELECT version()"))
	for range 2 { // it may run twice
		for line := range strings.SplitSeq(string(sluice(t, "store", "init", "clickhouse://ch/flows", "--print")), ";\n") {
			if line != "" {
				e.ask(line)
			}
		}
	}
	want := fmt.Sprintf("%d\t%d", check.Rows, check.Records)
	flows := fmt.Sprintf("file('%s/v1/cluster=*/day=*/*.????.parquet', Parquet)", at)
	if got := e.ask("SELECT count(), sum(records) FROM " + flows); got != want {
		t.Errorf("the Parquet has %s, want %s", got, want)
	}
	if got := e.ask("SELECT count() > 0, countIf(kind = 'pod') > 0 FROM " + strings.Replace(flows, "????", "labels", 1)); got != "1\t1" {
		t.Errorf("the labels: %s", got)
	}
	const key = "src_port, port, proto, verdict, observer, fate, reason"
	e.ask("INSERT INTO flows.flows (day, hour, cluster, peer, src, dst, " + key + ", minute, marks, records, conns, first, last, " +
		"src_pod, dst_pod, writer, batch, n) SELECT toDate(window), intDiv(toUnixTimestamp(window), 3600), _path, '', " +
		"toFixedString(toString(src), 16), toFixedString(toString(dst), 16), ifNull(src_port, 0), port, proto, verdict, observer, " +
		"fate, reason, intDiv(toUnixTimestamp(window), 60), marks, records, ifNull(conns, 0), toUnixTimestamp64Micro(first), " +
		"toUnixTimestamp64Micro(last), toString(src_pod), toString(dst_pod), 1, 1, rowNumberInAllBlocks() FROM " + flows)
	folded := "(SELECT sumMerge(sum_rows) AS n, sumMerge(sum_records) AS r, groupBitOrMerge(all_marks) AS m, minMerge(earliest) AS e, " +
		"maxMerge(latest) AS l FROM flows.flows_by_hour GROUP BY cluster, hour, src, dst, " + key + ", key_marks)"
	if got := e.ask("SELECT sum(n), sum(r) FROM " + folded); got != want {
		t.Errorf("the view has %s, want %s", got, want)
	}
	ends := e.ask("SELECT min(toInt64(substring(e, 1, 16))) - 1000000000000000, max(l) FROM " + folded)
	if got := e.ask("SELECT min(first), max(last) FROM flows.flows"); got != ends {
		t.Errorf("the view goes from and to %s, the rows %s", ends, got)
	}
}
