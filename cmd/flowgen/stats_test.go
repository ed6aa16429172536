package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestStandard: the standard scenario has the shares that its README says, which are near those of real records.
func TestStandard(t *testing.T) {
	s := newStats()
	if err := s.read(bytes.NewReader(generate(t, "standard.yaml", 1, 0))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "scenarios", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if c := strings.Split(strings.TrimSuffix(strings.TrimSpace(line), "|"), " | "); len(c) == 3 {
			rows[strings.TrimPrefix(c[0], "| ")] = []string{strings.TrimSpace(c[1]), strings.TrimSpace(c[2])}
		}
	}
	for i, c := range coverage {
		row := rows[c.name]
		if row == nil {
			t.Errorf("README.md has no row %q", c.name)
			continue
		}
		if got := s.percent(s.holds[i]); got != row[1] {
			t.Errorf("%s: %s, README.md says %s", c.name, got, row[1])
		}
		real, err := strconv.ParseFloat(strings.TrimSuffix(row[0], "%"), 64)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := math.Abs(real - s.share(s.holds[i])); d > 4.5 { // both are rounded
			t.Errorf("%s: %.1f points off", c.name, d)
		}
	}
}

// TestStatsShapes: arrays, pretty-printed and flat records count like lines, and a record counts once.
func TestStatsShapes(t *testing.T) {
	const flow = `{"verdict":"FORWARDED","l4":{"TCP":{"flags":{"SYN":true}}},"source":{},"destination":{"labels":["reserved:world"],"pod_name":"a"}}`
	s := newStats()
	in := `[{"flow":` + flow + `}]` + "\n" + flow + "\n" + flow + "\n{\n\"lost_events\": {}\n}"
	if err := s.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if s.flows != 2 || s.wrapped != 1 {
		t.Errorf("%d flows, %d wrapped", s.flows, s.wrapped)
	}
	for i, c := range coverage {
		want := map[string]int{"verdict FORWARDED": 2, "TCP": 2, "TCP flags present": 2, "TCP bare SYN": 2, "is_reply ABSENT": 2, "traffic_direction ABSENT": 2,
			"event_type ABSENT": 2, "destination is a reserved id": 2, "reserved label AND pod_name": 2, "source {} or destination {}": 2, "source.labels ABSENT": 2}[c.name]
		if s.holds[i] != want {
			t.Errorf("%s: %d, want %d", c.name, s.holds[i], want)
		}
	}
}
