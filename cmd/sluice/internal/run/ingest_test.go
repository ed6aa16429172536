package run

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/ingest/ingesttest"
	"sluice/model/store"
)

// lines are the first records of a capture of the tests.
func lines(t *testing.T, n int) (out []string) {
	t.Helper()
	text := ingesttest.Unzipped(t, "../../../../testdata/flows/online-boutique.jsonl.gz")
	for line := range bytes.Lines(text) {
		if len(out) == n {
			break
		}
		out = append(out, string(line))
	}
	return out
}

// TestIngestCompacts: who adds one file after the other does not leave a commit for each, and each is known again.
func TestIngestCompacts(t *testing.T) {
	const files = 70
	dir := t.TempDir()
	at := filepath.Join(dir, "store")
	ingest := func(file string) *Log {
		t.Helper()
		l, err := Ingest(t.Context(), Sources{Args: []string{file}, Workers: 1}, at)
		if err != nil || len(l.PutOff) > 0 {
			t.Fatalf("%v, %v", err, l)
		}
		return l
	}
	for i, line := range lines(t, files) {
		file := filepath.Join(dir, fmt.Sprintf("%03d.jsonl", i))
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if l := ingest(file); l.Skipped() > 0 {
			t.Errorf("%s is called stored", file)
		}
	}
	st, err := store.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	if n, sources := len(st.Segments()), len(st.Sources()); n > files/2 || sources != files {
		t.Errorf("%d segments of %d sources", n, sources)
	}
	if l := ingest(filepath.Join(dir, "000.jsonl")); l.Skipped() != 1 {
		t.Error("a file is stored twice")
	}
	found, err := store.Check(t.Context(), store.Dir(at))
	if err != nil || len(found.Problems)+len(found.Unnamed) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestIngestBeside: who adds a file waits a little for another that writes to the store, and has what that stored; who
// reads what cannot be read twice is told what to do.
func TestIngestBeside(t *testing.T) {
	dir := t.TempDir()
	at, file := filepath.Join(dir, "store"), filepath.Join(dir, "flows.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines(t, 20), "")), 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := store.Create(at)
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Writer(store.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pipe := Sources{Args: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines(t, 3), "")), Workers: 1}
	const remedy = "another process is writing to this store, and nothing was stored: wait for it to end"
	if _, err := Ingest(t.Context(), pipe, at); err == nil || !strings.Contains(err.Error(), remedy) {
		t.Errorf("a pipe: %v", err)
	}
	ended := time.AfterFunc(300*time.Millisecond, func() { _ = w.Abort() })
	defer ended.Stop()
	l, err := Ingest(t.Context(), Sources{Args: []string{file}, Workers: 1}, at)
	if err != nil || l.Report.Total() != 20 {
		t.Errorf("a file: %v", err)
	}
}
