package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/ingest/ingesttest"
	"sluice/synth/bundle"
)

// TestSameBundle: the same capture shuffled, split into seven files of several forms, and read by one or eight
// workers gives the same bundle, byte for byte, evidence included.
func TestSameBundle(t *testing.T) {
	capture := filepath.Join("..", "..", "..", "..", "testdata", "flows", "online-boutique.jsonl.gz")
	text := ingesttest.Unzipped(t, capture)
	lines := bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n"))
	lines[len(lines)-1] = append(bytes.TrimRight(lines[len(lines)-1], "\n"), '\n')
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	dir := t.TempDir()
	parts := filepath.Join(dir, "parts")
	if err := os.Mkdir(parts, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		part := bytes.Join(lines[i*len(lines)/7:(i+1)*len(lines)/7], nil)
		name := filepath.Join(parts, fmt.Sprintf("part-%d.jsonl", i))
		if i%2 == 1 {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = w.Write(part)
			_ = w.Close()
			part = b.Bytes()
		}
		if err := os.WriteFile(name, part, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := learned(t, filepath.Join(dir, "a"), capture, 1)
	if len(want) < 20 {
		t.Fatalf("only %d files", len(want))
	}
	for _, workers := range []int{1, 8} {
		got := learned(t, filepath.Join(dir, fmt.Sprint("b", workers)), parts, workers)
		for name := range want {
			if name == bundle.ReportFile || name == bundle.ReportData {
				continue // names the sources and the command
			}
			if want[name] != got[name] {
				t.Errorf("%d workers: %s differs", workers, name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d workers: %d files, want %d", workers, len(got), len(want))
		}
	}
}

func learned(t *testing.T, out, source string, workers int) map[string]string {
	t.Helper()
	var log strings.Builder
	root := newRoot(Streams{strings.NewReader(""), io.Discard, &log}, &profiles{})
	root.SetArgs([]string{"learn", source, "-n", "default", "--out", out, "--workers", fmt.Sprint(workers), "--config", os.DevNull, "--min-watch", "0"})
	if err := root.Execute(); err != nil {
		t.Fatalf("learn: %v\n%s", err, log.String())
	}
	return filesOf(t, out)
}

// filesOf are the texts of all files of a directory, by name.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSameStore: one file in any order, read by any number of workers, whichever of them comes to what first, gives the
// same segments, byte for byte.
func TestSameStore(t *testing.T) {
	capture := filepath.Join("..", "..", "..", "..", "testdata", "flows", "online-boutique.jsonl.gz")
	text := ingesttest.Unzipped(t, capture)
	lines := bytes.SplitAfter(append(bytes.TrimRight(text, "\n"), '\n'), []byte("\n"))
	dir := t.TempDir()
	var want map[string]string
	for i, workers := range []int{1, 2, 3, 8, 8, 8} {
		name := filepath.Join(dir, fmt.Sprint(i))
		rand.New(rand.NewPCG(uint64(i), 2)).Shuffle(len(lines)-1, func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		if err := os.WriteFile(name+".jsonl", bytes.Join(lines, nil), 0o644); err != nil {
			t.Fatal(err)
		}
		got := segments(t, name, name+".jsonl", workers)
		if i == 0 {
			want = got
		}
		if len(got) < 2 || !maps.Equal(got, want) {
			t.Errorf("%d workers: other segments, %d of %d", workers, len(got), len(want))
		}
	}
}

// segments are the texts of the segments of a store of one source, by name.
func segments(t *testing.T, dir, source string, workers int) map[string]string {
	t.Helper()
	root := newRoot(Streams{strings.NewReader(""), io.Discard, io.Discard}, &profiles{})
	root.SetArgs([]string{"ingest", source, "--store", dir, "--workers", fmt.Sprint(workers), "--config", os.DevNull})
	if err := root.Execute(); err != nil {
		t.Fatalf("ingest: %v", err)
	}
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".parquet" {
			return err
		}
		text, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
