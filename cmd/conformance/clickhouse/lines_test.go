package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// insert puts records into a table with a time and a column of text, as log shippers do.
func (s *server) insert(table string, lines [][]byte) {
	s.t.Helper()
	var text bytes.Buffer
	for _, line := range lines {
		line = bytes.TrimSuffix(line, []byte("\n"))
		at := moment.Find(line)
		if at == nil {
			continue
		}
		fmt.Fprintf(&text, "%s:00\t%s\n", bytes.Replace(at, []byte("T"), []byte(" "), 1), bytes.ReplaceAll(line, []byte(`\`), []byte(`\\`)))
	}
	cmd := exec.Command("clickhouse-client", "--port", fmt.Sprint(s.port), "--query", "INSERT INTO "+table+" FORMAT TabSeparated")
	cmd.Stdin = &text
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// lines is the source that a column of a table is.
func (s *server) lines(table, more string) string {
	return fmt.Sprintf("clickhouse://127.0.0.1:%d/logs?table=%s&column=message%s", s.port, table, more)
}

const logTable = "(ts DateTime('UTC'), message %s) ENGINE = MergeTree PARTITION BY toDate(ts) ORDER BY ts"

// TestLines: records in a column of a table give the bundle that they give in a file. A table that was read is known
// again, and what lies between two times is read alone.
func TestLines(t *testing.T) {
	s := newServer(t, "")
	s.start()
	s.mustQuery("CREATE DATABASE logs")
	s.mustQuery("CREATE TABLE logs.hubble " + fmt.Sprintf(logTable, "String"))
	s.mustQuery("CREATE TABLE logs.nullable " + fmt.Sprintf(logTable, "Nullable(String)"))
	all := records(t)
	s.insert("logs.hubble", all)
	s.insert("logs.nullable", all)
	dir := t.TempDir()
	bundle := func(name string, args ...string) string {
		out := filepath.Join(dir, name)
		text, err := sluice(t, append([]string{"learn", "-A", "--min-watch", "0", "-q", "--out", out}, args...)...)
		if code := new(exec.ExitError); err != nil && !(errors.As(err, &code) && code.ExitCode() == 3) {
			t.Fatalf("%v: %v\n%s", args, err, text)
		}
		return out
	}
	file := bundle("file", testdata+"flows/online-boutique.jsonl.gz")
	for _, table := range []string{"hubble", "nullable"} {
		if out, err := exec.Command("diff", "-r", "-x", "REPORT.md", "-x", "report.json", file, bundle(table, s.lines(table, ""))).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", table, err, out)
		}
	}
	at := filepath.Join(dir, "store")
	whole := s.lines("hubble", "")
	mustSluice(t, "ingest", whole, "--store", at, "-q")
	if out := mustSluice(t, "ingest", whole, "--store", at); !strings.Contains(out, "1 source was already there") {
		t.Errorf("a table is stored twice:\n%s", out)
	}
	middle := s.mustQuery("SELECT toString(toDateTime(intDiv(toUInt32(min(ts)) + toUInt32(max(ts)), 2), 'UTC')) FROM logs.hubble")
	middle = strings.Replace(middle, " ", "T", 1) + "Z"
	halves := filepath.Join(dir, "halves")
	for _, half := range []string{"&time=ts&until=", "&time=ts&since="} {
		out := mustSluice(t, "ingest", s.lines("hubble", half+middle), "--store", halves)
		if strings.Contains(out, "already there") || strings.Contains(out, "3,000 records") {
			t.Errorf("%s is no half:\n%s", half, out)
		}
	}
	edges := func(at string) string { return mustSluice(t, "show", "edges", "--store", at, "-o", "json") }
	if edges(at) != edges(halves) {
		t.Error("two halves are not the whole")
	}
	for want, source := range map[string]string{
		"has no table nothing":      s.lines("nothing", ""),
		"has no such column":        strings.Replace(whole, "message", "text", 1),
		"in which column":           strings.Replace(whole, "&column=message", "", 1),
		"which column has the time": s.lines("hubble", "&since=2026-01-01"),
		"since=soon is no time":     s.lines("hubble", "&time=ts&since=soon"),
		"has no parameter limit":    s.lines("hubble", "&limit=3"),
		"empty: no record in it":    s.lines("hubble", "&time=ts&since=2030-01-01"),
	} {
		out, err := sluice(t, "learn", source, "-A", "--out", filepath.Join(dir, "none"))
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q:\n%s", source, err, want, out)
		}
	}
	// Fifty times as much is read in the same memory, and may be interrupted.
	s.mustQuery("CREATE TABLE logs.big " + fmt.Sprintf(logTable, "String"))
	s.mustQuery("INSERT INTO logs.big (ts, message) SELECT ts, message FROM logs.hubble CROSS JOIN (SELECT number FROM system.numbers LIMIT 50)")
	read := func(table string) *exec.Cmd {
		return exec.Command(os.Getenv("SLUICE"), "show", "edges", s.lines(table, ""))
	}
	peak := func(table string) int64 {
		cmd := read(table)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	}
	small, big := peak("hubble"), peak("big")
	t.Logf("peak memory: %d MiB, of fifty times as much %d MiB", small, big)
	if big > small+200 {
		t.Errorf("%d MiB for fifty times as much as takes %d MiB", big, small)
	}
	cmd := read("big")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	began := time.Now()
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if took := time.Since(began); cmd.ProcessState.ExitCode() != 130 || took > 5*time.Second {
		t.Errorf("interrupted: exit %d after %v", cmd.ProcessState.ExitCode(), took)
	}
}

// TestLinesShard: without a shard there are no lines at all, and nothing is stored.
func TestLinesShard(t *testing.T) {
	many := cluster(t)
	one := many[0][0]
	for i, s := range []*server{many[0][0], many[1][0]} {
		s.mustQuery("CREATE DATABASE logs")
		s.mustQuery("CREATE TABLE logs.part " + fmt.Sprintf(logTable, "String"))
		s.insert("logs.part", records(t)[i*1500:(i+1)*1500])
	}
	one.mustQuery("CREATE TABLE logs.hubble (ts DateTime('UTC'), message String) ENGINE = Distributed(parts, logs, part)")
	dir := t.TempDir()
	at := filepath.Join(dir, "store")
	mustSluice(t, "ingest", one.lines("hubble", ""), "--store", filepath.Join(dir, "whole"), "-q")
	many[1][0].kill()
	for _, args := range [][]string{{"ingest", one.lines("hubble", ""), "--store", at},
		{"learn", one.lines("hubble", ""), "-A", "--out", filepath.Join(dir, "bundle")}} {
		out, err := sluice(t, args...)
		if err == nil || !strings.Contains(out, "a shard does not answer") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle")); err == nil {
		t.Error("there is a bundle")
	}
	if out, err := sluice(t, "show", "edges", "--store", at); err == nil {
		t.Errorf("something is stored: %s", out)
	}
	many[1][0].start()
	mustSluice(t, "ingest", one.lines("hubble", ""), "--store", at, "-q")
	edges := func(at string) string { return mustSluice(t, "show", "edges", "--store", at, "-o", "json") }
	if edges(at) != edges(filepath.Join(dir, "whole")) {
		t.Error("edges differ once the shard is back")
	}
}
