//go:build conformance

package cli

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRelayDoctor: what doctor finds in what the real relay sends is what it finds in the same records as files, and
// what the relay says of its servers.
func TestRelayDoctor(t *testing.T) {
	l := newRelayLab(t, labCommand{"ring": 65535})
	l.do("feed", labCommand{"file": l.capture("features")})
	type result struct {
		Format   string
		Records  int
		Findings []struct{ ID string }
	}
	examine := func(args ...string) (r result) {
		t.Helper()
		out := sluiceOutput(t, append([]string{"doctor", "-q", "-o", "json", "--fail-on", "error"}, args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	live, files := examine("hubble://"+l.started.Relay, "--since", "87600h"), examine(l.record)
	servers := slices.IndexFunc(live.Findings, func(f struct{ ID string }) bool { return f.ID == "servers" })
	if servers < 0 {
		t.Fatalf("nothing is said of the servers: %+v", live)
	}
	live.Findings = slices.Delete(live.Findings, servers, servers+1)
	if d := cmp.Diff(files, live); d != "" {
		t.Errorf("(-files +relay) %s", d)
	}
	if live.Format != "hubble" || live.Records == 0 ||
		!slices.ContainsFunc(live.Findings, func(f struct{ ID string }) bool { return f.ID == "short" }) {
		t.Errorf("%+v", live)
	}
}
