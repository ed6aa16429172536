package cli

import (
	"context"
	"sync"

	"sluice/ingest/live"
	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/graph"
)

// gathering is a live.Store in memory: what servers sent, ready to be built into a graph.
type gathering struct {
	mu      sync.Mutex
	reading *reading
	builder *graph.Builder
	at      map[string]int // places of the sources in reading
	fresh   bool           // something came since the last look
}

func newGathering() *gathering {
	g := &gathering{reading: &reading{tables: model.NewTables()}, at: map[string]int{}}
	g.builder = graph.NewBuilder(g.reading.tables)
	return g
}

// gathered is the part of a gathering that one source fills.
type gathered struct {
	*gathering
	src *liveSource
}

// Commit takes a batch.
func (g gathered) Commit(_ context.Context, b *live.Batch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = true
	g.builder.Add(b.Tables, b.Rows)
	g.reading.report.Merge(&b.Report)
	g.reading.gaps += len(b.Gaps)
	i, ok := g.at[g.src.name]
	if !ok {
		i = len(g.reading.sources)
		g.at[g.src.name] = i
		g.reading.sources = append(g.reading.sources, source.Source{Name: g.src.name, Format: g.src.format})
	}
	g.reading.sources[i].Records += int64(b.Report.Total())
	g.reading.sources[i].Bytes += int64(b.Bytes)
	return nil
}

// gather makes the collection of servers into g.
func (in *input) gather(servers []string, s Streams, g *gathering) (*collection, error) {
	if !in.live.offered {
		return nil, usageError("%s: this command does not read servers; ingest it into a store first", servers[0])
	}
	cfg, sources, err := in.live.open(in, servers, s.Err)
	if err != nil {
		return nil, err
	}
	cfg.WindowMinutes = 60
	c := &collection{}
	for _, src := range sources {
		own := cfg
		own.Log = cfg.Log.With("source", src.name)
		c.collectors = append(c.collectors, live.New(own, src.client, gathered{g, src}, live.Position{}))
	}
	return c, nil
}

// readServers reads what servers have, or with --for what they send for so long.
func (in *input) readServers(ctx context.Context, s Streams, servers []string) (*reading, *graph.Builder, error) {
	in.live.follow = in.live.during > 0 // below 0: open refuses it
	g := newGathering()
	c, err := in.gather(servers, s, g)
	if err != nil {
		return nil, nil, err
	}
	if in.live.follow {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, in.live.during)
		defer stop()
	}
	if err := c.run(ctx); err != nil {
		return nil, nil, err
	}
	return g.reading, g.builder, nil
}
