package run

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
