package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/model/graph"
)

// TestPending measures both ways to be wrong about an attempt: needed edges that are pending, over all scenarios (and the
// real captures in the folder SLUICE_CORPUS, where it is named), must stay under 2 %, and ports that a script scanned and
// found closed are never learned.
func TestPending(t *testing.T) {
	g := newGenerator(t)
	var needed, pending, tried, learned int
	for _, scenario := range []string{"online-boutique", "argo-cd", "standard", "features", "mesh", "attacks"} {
		for _, format := range []string{"hubble", "goldmane", "enterprise"} {
			want := readTruth(t, g.file(t, scenario, "."+format+".needed", "-format", format, "-truth"))
			got := edgesByState(t, g.file(t, scenario, ".pending."+format, "-format", format))
			needed += len(want.Edges)
			for _, e := range got[graph.Pending] {
				if slices.Contains(want.Edges, e) {
					pending++
				}
			}
			for state, list := range got {
				for _, e := range list {
					if !strings.HasPrefix(e.Source, "evil/") {
						continue
					}
					if tried++; state.Worked() {
						learned++
					}
				}
			}
		}
	}
	t.Logf("needed edges pending: %d of %d; scans of closed ports learned: %d of %d", pending, needed, learned, tried)
	if 50*pending > needed {
		t.Errorf("%d of %d needed edges are pending", pending, needed)
	}
	if learned > 0 || tried < 1000 {
		t.Errorf("%d of %d scanned ports are learned", learned, tried)
	}
	if corpus := os.Getenv("SLUICE_CORPUS"); corpus != "" {
		pendingOf(t, corpus)
	}
}

// TestPendingDatagrams measures the same of UDP alone, where silence may be its nature, in whole captures and in short
// ones: each sixteenth of a scenario by itself. Needed edges that are pending stay under 2 %, and ports of a scan that
// are learned as well: those that a short capture ends right after.
func TestPendingDatagrams(t *testing.T) {
	const parts = 16
	g := newGenerator(t)
	var needed, pending, tried, learned int
	for _, scenario := range []string{"online-boutique", "argo-cd", "standard", "features", "mesh", "attacks", "hostile"} {
		want := readTruth(t, g.file(t, scenario, ".hubble.needed", "-format", "hubble", "-truth"))
		whole, err := os.ReadFile(g.file(t, scenario, ".hubble", "-format", "hubble"))
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.Collect(strings.Lines(string(whole)))
		for part := range parts + 1 {
			some := lines
			if part < parts {
				some = lines[part*len(lines)/parts : (part+1)*len(lines)/parts]
			}
			file := filepath.Join(t.TempDir(), "flows.jsonl")
			if err := os.WriteFile(file, []byte(strings.Join(some, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			for state, list := range edgesByState(t, file) {
				for _, e := range list {
					if !strings.HasSuffix(e.Port, "/udp") {
						continue
					}
					if strings.HasPrefix(e.Source, "evil/") {
						if tried++; state.Worked() {
							learned++
							t.Logf("%s %d: %v is learned", scenario, part, e)
						}
					}
					if !slices.Contains(want.Edges, e) {
						continue
					}
					needed++
					if state == graph.Pending {
						pending++
						t.Logf("%s %d: %v is pending", scenario, part, e)
					}
				}
			}
		}
	}
	t.Logf("needed edges of UDP pending: %d of %d; of scans learned: %d of %d", pending, needed, learned, tried)
	if 50*pending > needed || needed < 100 {
		t.Errorf("%d of %d needed edges of UDP are pending", pending, needed)
	}
	if 50*learned > tried || tried < 100 {
		t.Errorf("%d of %d scanned ports are learned", learned, tried)
	}
}

// pendingOf measures the real captures, none of which has a scan: whatever is pending there is needed.
func pendingOf(t *testing.T, corpus string) {
	var all, pending, captures int
	for _, dir := range []string{"hubble", "calico"} {
		err := filepath.WalkDir(filepath.Join(corpus, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(p, ".md") || strings.HasSuffix(p, "-http.txt") {
				return err
			}
			captures++
			got := edgesByState(t, p)
			pending += len(got[graph.Pending])
			all += len(got[graph.Pending]) + len(got[graph.Allowed]) + len(got[graph.Mixed])
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d captures: %d of %d edges pending", captures, pending, all)
	if 50*pending > all {
		t.Errorf("%d of %d edges of the captures are pending", pending, all)
	}
}
