package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestSeeds: the seeds of the readers' fuzz targets are one record of each shape that a scenario has, and a few
// records of each format. SLUICE_UPDATE=1 writes them anew.
func TestSeeds(t *testing.T) {
	scenario := filepath.Join("..", "..", "testdata", "scenarios", "features.yaml")
	capture := func(format string, records int) []byte {
		var b bytes.Buffer
		if err := write(&b, options{scenario: scenario, format: format, seed: 1, records: records, shapes: true}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	lines := bytes.SplitAfter(capture("hubble", 0), []byte("\n"))
	lines = lines[:len(lines)-1]
	if len(lines) < 80 {
		t.Errorf("%d shapes", len(lines))
	}
	fast := map[string][]byte{}
	for i, l := range lines {
		fast[fmt.Sprintf("shape-%03d", i+1)] = bytes.TrimSuffix(l, []byte("\n"))
	}
	seeds(t, filepath.Join("..", "..", "ingest", "hubble", "testdata", "fuzz", "FuzzFast"), fast)

	read := map[string][]byte{"hubble": bytes.Join(lines[:8], nil)}
	for _, format := range []string{"goldmane", "emitter", "enterprise"} {
		read[format] = bytes.Join(bytes.SplitAfter(capture(format, 2), []byte("\n"))[:3], nil)
	}
	read["whisker"] = firstItems(t, capture("whisker", 2))
	read["mixed"] = bytes.Join([][]byte{lines[0], read["goldmane"], lines[1], read["enterprise"], lines[2]}, nil)
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.NoCompression) // the same bytes whatever the library does
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(read["hubble"]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read["gzip"], read["gzip-cut"] = z.Bytes(), z.Bytes()[:z.Len()/2]
	seeds(t, filepath.Join("..", "..", "ingest", "source", "testdata", "fuzz", "FuzzRead"), read)
}

// firstItems cuts Whisker's answer after three of its items.
func firstItems(t *testing.T, text []byte) []byte {
	t.Helper()
	parts := bytes.SplitAfterN(text, []byte(`},{"start_time"`), 4)
	if len(parts) < 4 {
		t.Fatalf("%d items", len(parts))
	}
	return append(bytes.TrimSuffix(bytes.Join(parts[:3], nil), []byte(`,{"start_time"`)), "]}\n"...)
}

// seeds compares files of a fuzz target's corpus with what they should hold.
func seeds(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	if os.Getenv("SLUICE_UPDATE") != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	there, err := filepath.Glob(filepath.Join(dir, "shape-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		if want[filepath.Base(file)] != nil {
			continue
		}
		if os.Getenv("SLUICE_UPDATE") == "" {
			t.Errorf("%s is no shape of the scenario any more: make update", file)
		} else if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range want {
		file := filepath.Join(dir, name)
		text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(b)) + ")\n"
		if os.Getenv("SLUICE_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != text {
			t.Errorf("%s is not what the scenario gives: make update", file)
		}
	}
}
