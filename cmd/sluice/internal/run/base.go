package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
)

// former is a bundle that learning starts from, and the evidence that it holds.
type former struct {
	manifest *bundle.Manifest
	builder  *graph.Builder
	graph    *graph.Graph
	// prune is how much older than Graph.AsOf evidence may be; 0: any age.
	prune time.Duration
}

// Base takes over from a former bundle: its policies, of which equally small new ones stay as near as they can, and
// the evidence of its edges that the log no longer shows. Nothing is dropped for its age unless prune says so.
func (l *Log) Base(ctx context.Context, dir string, prune time.Duration, cfg *synth.Config) (*bundle.Former, error) {
	state, err := bundle.ReadFormer(dir)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	set, problems, err := bundle.Policies(dir, bundle.Allow, all.Kinds()...)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("--base: %w", problems[0])
	}
	cfg.Base = set
	f := &former{prune: prune}
	if f.manifest, err = bundle.ReadCommitted(dir); err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	store := filepath.Join(dir, bundle.EvidenceDir)
	if _, err := os.Stat(store); errors.Is(err, fs.ErrNotExist) {
		return state, f.shown(l.Graph)
	}
	if err := f.evidence(ctx, store, l.Config); err != nil {
		return nil, fmt.Errorf("--base: evidence: %w", err)
	}
	f.keep(l, cfg)
	return state, nil
}

// shown wants that a log shows every edge that rules of the bundle stand for, where the bundle came without its
// evidence: a rule for another edge could not be kept.
func (f *former) shown(now *graph.Graph) error {
	seen := f.seen(now)
	var lacking []string
	for name, worked := range f.wanted() {
		if !seen.shows(name, worked) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	slices.Sort(lacking)
	return fmt.Errorf("--base: these flows do not show %s that the former bundle allows (%s), and its evidence is not "+
		"there to keep them: it is not committed. Give the flows or the store that show them as well, put back %s/ from "+
		"the artifact of the last run, or learn with --with-evidence", text.Plural(len(lacking), "edge", "edges"),
		text.Printable(text.Some(lacking), 400), bundle.EvidenceDir)
}

// keep adds the evidence of edges that the log no longer shows. With that of an edge which is only denied by now it is
// one that worked and was denied, as if both logs were read at once. Of one that nothing showed not to work, silence
// means as little as it did: its log had lost records, or ended.
func (f *former) keep(l *Log, cfg *synth.Config) {
	seen, kept := f.seen(l.Graph), map[graph.EdgeID]bool{}
	for _, i := range f.missing(l.Graph) {
		e := &f.graph.Edges[i]
		if f.prune > 0 && l.Graph.AsOf-e.Last > f.prune.Microseconds() {
			cfg.Pruned = append(cfg.Pruned, f.graph.EdgeText(e))
			continue
		}
		kept[i] = true
		if e.State.Worked() && e.Grade == graph.GradeUnknown {
			for _, h := range e.Windows {
				at := model.Micros(h) * model.Micros(time.Hour/time.Microsecond)
				l.unheard.Add(at, at, 0)
			}
		}
		if name := f.graph.EdgeText(e); seen[name] != graph.Denied {
			cfg.Kept = append(cfg.Kept, name)
		}
	}
	if len(kept) > 0 {
		l.Builder.Add(f.builder.Tables(), f.rows(kept))
		fates := l.Graph.Fates // of what was read, not of what is kept
		l.Graph = l.Builder.Build(l.graphConfig())
		l.Graph.Fates = fates
	}
}

func (f *former) evidence(ctx context.Context, dir string, c *Config) error {
	l := NewLog(c)
	if err := l.scan(ctx, dir, Sources{}); err != nil {
		return err
	}
	f.builder, f.graph = l.Builder, l.Builder.Build(l.graphConfig())
	return nil
}

// missing returns the edges that the bundle is to allow and that a newer graph shows nothing of, or only attempts, or
// only denials of what worked: policies that are in force by then may have cut it by mistake.
func (f *former) missing(now *graph.Graph) []graph.EdgeID {
	seen, wanted := f.seen(now), f.wanted()
	var out []graph.EdgeID
	for i, e := range f.graph.AllEdges() {
		name := f.graph.EdgeText(e)
		if worked, ok := wanted[name]; ok && e.State != graph.Refused && !seen.shows(name, worked) {
			out = append(out, i)
		}
	}
	return out
}

// states are those of the edges of a graph, by their names.
type states map[string]graph.State

// shows reports whether a graph shows an edge as it was: one that worked is not shown by denials of it.
func (s states) shows(edge string, worked bool) bool {
	state, ok := s[edge]
	return ok && (state != graph.Denied || !worked)
}

// seen are the edges that a graph shows, more than attempts of them.
func (f *former) seen(now *graph.Graph) states {
	out := states{}
	for _, e := range now.AllEdges() {
		if e.State != graph.Refused && e.State != graph.Pending {
			out[now.EdgeText(e)] = e.State
		}
	}
	return out
}

// wanted are the edges that rules of the bundle stand for, or for which it holds something open that its dialect has no
// rule for, and whether each worked.
func (f *former) wanted() map[string]bool {
	out := map[string]bool{}
	want := func(e *bundle.Edge) {
		for name := range e.Each() {
			out[name] = e.Worked()
		}
	}
	for _, r := range f.manifest.Rules {
		for _, i := range r.Edges {
			want(&f.manifest.Edges[i])
		}
	}
	for i := range f.manifest.Edges {
		if e := &f.manifest.Edges[i]; e.Inexpressible && e.Decided == "" {
			want(e)
		}
	}
	return out
}

// rows returns the observations behind some edges.
func (f *former) rows(edges map[graph.EdgeID]bool) []model.Observation {
	type end struct {
		src, dst model.EndpointID
		proto    model.Proto
		port     uint16
	}
	wanted := map[end]bool{}
	for _, c := range f.graph.Connections {
		if edges[c.Edge] {
			wanted[end{c.Src, c.Dst, c.Proto, c.Port}] = true
		}
	}
	return slices.DeleteFunc(f.builder.Observations(), func(o model.Observation) bool {
		if o.Reason.Notes() || o.Reason == model.ServiceAddress {
			return false
		}
		for _, src := range f.graph.Ends(o.Src) {
			for _, dst := range f.graph.Ends(o.Dst) {
				// A record whose direction was open names the server at either end.
				if wanted[end{src, dst, o.Proto, o.Port}] || wanted[end{dst, src, o.Proto, o.SrcPort}] {
					return false
				}
			}
		}
		return true
	})
}
