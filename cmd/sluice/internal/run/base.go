package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/store"
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
func (l *Log) Base(ctx context.Context, dir string, prune time.Duration, cfg *synth.Config) error {
	set, problems, err := bundle.Policies(dir, bundle.Allow, all.Kinds()...)
	if err != nil {
		return fmt.Errorf("--base: %w", err)
	}
	if len(problems) > 0 {
		return fmt.Errorf("--base: %w", problems[0])
	}
	cfg.Base = set
	f := &former{prune: prune}
	if f.manifest, err = bundle.Read(dir); err != nil {
		return fmt.Errorf("--base: %w", err)
	}
	if err := f.evidence(ctx, filepath.Join(dir, bundle.EvidenceDir), l.Config); err != nil {
		return fmt.Errorf("--base: evidence: %w", err)
	}
	kept := map[int]bool{}
	for _, i := range f.missing(l.Graph) {
		e := &f.graph.Edges[i]
		if prune > 0 && l.Graph.AsOf-e.Last > prune.Microseconds() {
			cfg.Pruned = append(cfg.Pruned, edgeName(f.graph, e))
			continue
		}
		kept[i] = true
		cfg.Kept = append(cfg.Kept, edgeName(f.graph, e))
	}
	if len(kept) > 0 {
		l.Builder.Add(f.builder.Tables(), f.rows(kept))
		fates := l.Graph.Fates // of what was read, not of what is kept
		l.Graph = l.Builder.Build(l.Config.graph())
		l.Graph.Fates = fates
	}
	return nil
}

// edgeName is an edge as bundle.json has it.
func edgeName(g *graph.Graph, e *graph.Edge) string {
	return g.Peers[e.Src].ID + " -> " + g.Peers[e.Dst].ID + " " + e.PortString()
}

func (f *former) evidence(ctx context.Context, dir string, c *Config) error {
	st, err := store.Open(dir)
	if err != nil {
		return err
	}
	f.builder = graph.NewBuilder(model.NewTables())
	err = st.Scan(ctx, store.ScanOptions{}, func(t model.Tables, rows []model.Observation) error {
		f.builder.Add(t, rows)
		return nil
	})
	if err != nil {
		return err
	}
	f.graph = f.builder.Build(c.graph())
	return nil
}

// missing returns the edges that rules of the bundle stand for and that a newer graph shows nothing of, or only
// attempts. One that is denied there has not aged.
func (f *former) missing(now *graph.Graph) []int {
	seen, wanted := map[string]bool{}, map[string]bool{}
	for i := range now.Edges {
		if e := &now.Edges[i]; e.State != graph.Refused && e.State != graph.Pending {
			seen[edgeName(now, e)] = true
		}
	}
	for _, r := range f.manifest.Rules {
		for _, i := range r.Edges {
			e := &f.manifest.Edges[i]
			wanted[e.Source+" -> "+e.Destination+" "+e.Port] = true
		}
	}
	var out []int
	for i := range f.graph.Edges {
		if name := edgeName(f.graph, &f.graph.Edges[i]); f.graph.Edges[i].State != graph.Refused && wanted[name] &&
			!seen[name] {
			out = append(out, i)
		}
	}
	return out
}

// rows returns the observations behind some edges.
func (f *former) rows(edges map[int]bool) []model.Observation {
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
		// A record whose direction was open names the server at either end.
		return o.Reason != model.NodeAddress &&
			!wanted[end{o.Src, o.Dst, o.Proto, o.Port}] && !wanted[end{o.Dst, o.Src, o.Proto, o.SrcPort}]
	})
}
