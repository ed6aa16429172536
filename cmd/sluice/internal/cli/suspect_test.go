package cli

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/render/kubernetes"
)

// marking are the edges of a capture, and those that a finding marks as suspicious, tried in vain or denied.
type marking struct {
	worked, suspect, marked []edgeText
}

func marksOf(t *testing.T, file string) marking {
	t.Helper()
	in := &reading{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	var m marking
	text := func(i graph.EdgeID) edgeText {
		e := &l.Graph.Edges[i]
		return edgeText{l.Graph.Peers[e.Src].ID, l.Graph.Peers[e.Dst].ID, e.PortString()}
	}
	for i, e := range l.Graph.AllEdges() {
		if e.State.Worked() {
			m.worked = append(m.worked, text(i))
		}
	}
	cfg := synth.Config{All: true, Dialect: kubernetes.Dialect{}, Resolver: &synth.Resolver{None: true}}
	r, err := synth.Synthesize(t.Context(), l.Graph, cfg)
	if err != nil {
		return m // nothing of a namespace that is no system's
	}
	for _, f := range r.Findings {
		switch f.Kind {
		case synth.KindSuspect:
			m.suspect = append(m.suspect, text(f.Edge))
		case synth.KindAttempted, synth.KindReset, synth.KindDenied:
			m.marked = append(m.marked, text(f.Edge))
		default:
		}
	}
	for _, out := range l.Graph.FanOuts {
		for _, i := range out.Edges {
			m.marked = append(m.marked, text(i))
		}
	}
	m.marked = append(m.marked, m.suspect...)
	return m
}

// TestSuspicion measures both ways to be wrong about what looks odd: over all scenarios (and the real captures in the
// folder SLUICE_CORPUS, where it is named) under 2 % of the needed edges are marked as suspicious, and over 95 % of what
// a scripted attacker tried is named by some finding.
func TestSuspicion(t *testing.T) {
	g := newGenerator(t)
	var needed, suspect, tried, named int
	for _, scenario := range []string{"online-boutique", "argo-cd", "standard", "features", "mesh", "attacks"} {
		want := readTruth(t, g.file(t, scenario, ".suspect.needed", "-format", "hubble", "-truth"))
		got := marksOf(t, g.file(t, scenario, ".suspect.hubble", "-format", "hubble"))
		needed += len(want.Edges)
		for _, e := range want.Edges {
			if slices.Contains(got.suspect, e) {
				suspect++
				t.Logf("%s: %v", scenario, e)
			}
		}
		if scenario != "attacks" {
			continue
		}
		all := map[edgeText]bool{}
		for _, e := range slices.Concat(got.worked, got.marked) {
			all[e] = true
		}
		for e := range all {
			if strings.HasPrefix(e.Source, "evil/") {
				if tried++; slices.Contains(got.marked, e) {
					named++
				}
			}
		}
	}
	t.Logf("needed edges suspected: %d of %d; tries of scripted attackers named: %d of %d", suspect, needed, named, tried)
	if 50*suspect > needed {
		t.Errorf("%d of %d needed edges are suspected", suspect, needed)
	}
	if tried < 100 || 100*named < 95*tried {
		t.Errorf("%d of %d tries are named", named, tried)
	}
	if corpus := os.Getenv("SLUICE_CORPUS"); corpus != "" {
		suspectedOf(t, corpus)
	}
}

// suspectedOf measures the real captures: none has an attack.
func suspectedOf(t *testing.T, corpus string) {
	var worked, suspect int
	for _, dir := range []string{"hubble", "calico"} {
		err := filepath.WalkDir(filepath.Join(corpus, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(p, ".md") || strings.HasSuffix(p, "-http.txt") {
				return err
			}
			m := marksOf(t, p)
			worked += len(m.worked)
			suspect += len(m.suspect)
			for _, e := range m.suspect {
				t.Logf("%s: %v", filepath.Base(p), e)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("captures: %d of %d edges suspected", suspect, worked)
	if 50*suspect > worked {
		t.Errorf("%d of %d edges of the captures are suspected", suspect, worked)
	}
}
