package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/protobuf/encoding/protojson"

	"sluice/ingest/ingesttest"
)

func generate(t *testing.T, scenario string, seed uint64, records int) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.jsonl")
	if err := run(options{scenario: filepath.Join("..", "..", "testdata", "scenarios", scenario), out: out, format: "hubble", seed: seed, records: records}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRecords: a number below zero would never be reached.
func TestRecords(t *testing.T) {
	err := run(options{scenario: filepath.Join("..", "..", "testdata", "scenarios", "standard.yaml"), out: filepath.Join(t.TempDir(), "out"), format: "hubble", records: -1})
	if err == nil || !strings.Contains(err.Error(), "-records") {
		t.Error(err)
	}
}

// TestDeterministic: one seed gives one capture, another gives another.
func TestDeterministic(t *testing.T) {
	a, b, c := generate(t, "online-boutique.yaml", 1, 500), generate(t, "online-boutique.yaml", 1, 500), generate(t, "online-boutique.yaml", 2, 500)
	if !bytes.Equal(a, b) {
		t.Error("the same seed gave other bytes")
	}
	if bytes.Equal(a, c) {
		t.Error("another seed gave the same bytes")
	}
	if n := bytes.Count(a, []byte("\n")); n != 500 {
		t.Errorf("%d records, want 500", n)
	}
}

// TestOfficial: every line is a record of the official type, and what real exports have occurs: is_reply absent on
// overlay records and drops, proxy records without namespace, both event types of a denial.
func TestOfficial(t *testing.T) {
	var absent, nameless, drops, verdicts, replies, l7 int
	for line := range bytes.Lines(generate(t, "online-boutique.yaml", 1, 3000)) {
		var e observer.ExportEvent
		if err := protojson.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		f := e.GetFlow()
		if f.IsReply == nil {
			absent++
		} else if f.IsReply.Value {
			replies++
		}
		if f.Source.Identity > 255 && f.Source.Namespace == "" {
			nameless++
		}
		switch f.EventType.Type {
		case 1:
			drops++
		case 5:
			verdicts++
		case 129:
			l7++
		}
	}
	for name, n := range map[string]int{"is_reply absent": absent, "replies": replies, "sources without namespace": nameless, "drops": drops, "verdicts": verdicts, "L7": l7} {
		if n == 0 {
			t.Errorf("no record with %s", name)
		}
	}
}

// TestShipped: the capture and the truth that ship are what the scenario gives.
func TestShipped(t *testing.T) {
	shipped := ingesttest.Unzipped(t, filepath.Join("..", "..", "testdata", "flows", "online-boutique.jsonl.gz"))
	if !bytes.Equal(shipped, generate(t, "online-boutique.yaml", 1, 0)) {
		t.Error("the capture is not the scenario's: flowgen -scenario testdata/scenarios/online-boutique.yaml | gzip -9n")
	}
	s, err := readScenario(filepath.Join("..", "..", "testdata", "scenarios", "online-boutique.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeTruth(&b, s, "hubble"); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "..", "testdata", "flows", "online-boutique.truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("the truth is not the scenario's: flowgen -truth")
	}
	var list struct {
		Edges []struct{ Source, Destination, Port string }
	}
	if err := json.Unmarshal(want, &list); err != nil || len(list.Edges) < 20 {
		t.Errorf("%d edges: %v", len(list.Edges), err)
	}
}

// TestSplicer holds what the splicer writes against protojson: a line, read and written by the official type, is itself.
func TestSplicer(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "scenarios", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		s, err := readScenario(file)
		if err != nil {
			t.Fatal(err)
		}
		if s.Load != nil && s.Load.Workloads > 1000 {
			continue // the same records as the smaller ones, after seconds of preparation
		}
		var out bytes.Buffer
		if err := newGenerator(s, rand.New(rand.NewPCG(1, 11)), false, newHubble(s, 3000, newEncoder(&out, 1, "hubble", 0))).run(3000); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(out.Bytes()) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			var e observer.ExportEvent
			if err := protojson.Unmarshal(line, &e); err != nil {
				t.Fatalf("%s: %v in %s", file, err, line)
			}
			want, err := compact(&e)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(line, want) {
				t.Fatalf("%s:\n%s\n%s", file, line, want)
			}
		}
	}
}
