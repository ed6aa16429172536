package main

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

func generateCalico(t *testing.T, scenario, format string) []byte {
	t.Helper()
	s, err := readScenario(filepath.Join("..", "..", "testdata", "scenarios", scenario))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := newGenerator(s, rand.New(rand.NewPCG(1, 11)), false, newCalico(s, 2000, &b, format)).run(2000); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCalicoDeterministic: one seed gives one capture, although windows are gathered in maps.
func TestCalicoDeterministic(t *testing.T) {
	for format := range calicoFormats {
		if !bytes.Equal(generateCalico(t, "features.yaml", format), generateCalico(t, "features.yaml", format)) {
			t.Errorf("%s: the same seed gave other bytes", format)
		}
	}
}
