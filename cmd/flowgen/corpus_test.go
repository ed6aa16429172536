//go:build corpus

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCalicoFieldsCorpus holds the names of the fields against those of real records.
func TestCalicoFieldsCorpus(t *testing.T) {
	corpus := os.Getenv("SLUICE_CORPUS")
	if corpus == "" {
		t.Fatal("SLUICE_CORPUS is not set")
	}
	for format, files := range map[string][]string{
		"goldmane":   {"authentic/goldmane-protojson.ndjson", "goldmane/goldmane-protojson-longhorn-2025.json"},
		"emitter":    {"authentic/goldmane-emitter.ndjson"},
		"whisker":    {"whisker/whisker-3.32.2-records.jsonl"},
		"enterprise": {"enterprise/observability-clinic-2022.jsonl", "enterprise/tigera-docs-examples.jsonl", "authentic/ce-flows.log"},
	} {
		real := map[string]bool{}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(corpus, "calico", f))
			if err != nil {
				t.Fatal(err)
			}
			keys(t, text, real)
		}
		ours := map[string]bool{}
		keys(t, generateCalico(t, "features.yaml", format), ours)
		if format == "whisker" {
			ours = below(ours, "/items")
		}
		// What the few real records happen to lack, and others of the same API have.
		known := []string{"/Key/destServicePort", "/Key/dest_service_port", "/num_connections_completed"}
		for k := range ours {
			if !real[k] && !slices.Contains(known, k) {
				t.Errorf("%s: no real record has %s", format, k)
			}
		}
	}
}

// keys adds the paths of all keys of a stream of JSON values.
func keys(t *testing.T, text []byte, into map[string]bool) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		walk(v, "", into)
	}
}

func walk(v any, path string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			p := path + "/" + strings.Replace(k, "pending", "enforced", 1) // the same hits
			into[p] = true
			walk(e, p, into)
		}
	case []any:
		for _, e := range v {
			walk(e, path, into)
		}
	}
}

// below are the paths that begin with prefix, without it.
func below(paths map[string]bool, prefix string) map[string]bool {
	out := map[string]bool{}
	for p := range paths {
		if rest, ok := strings.CutPrefix(p, prefix+"/"); ok {
			out["/"+rest] = true
		}
	}
	return out
}
