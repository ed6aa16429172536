package collect

import (
	"context"
	"errors"
	"sync"

	"sluice/cmd/sluice/internal/run"
	"sluice/ingest/live"
	"sluice/ingest/source"
	"sluice/model/capture"
	"sluice/model/store"
)

// Gathering collects what servers send in memory.
type Gathering struct {
	mu         sync.Mutex
	log        *run.Log
	at         map[string]int // places of the sources in the log
	fresh      bool           // something came since the last look
	collectors collectors
	names      []string // of what each of them reads
	wait       Options
}

// Gather prepares to collect from servers into a log.
func Gather(servers []string, o Options, l *run.Log) (*Gathering, error) {
	o.Follow = o.Follow || o.For != 0 // below 0: open refuses it
	cfg, sources, err := o.open(servers)
	if err != nil {
		return nil, err
	}
	cfg.WindowMinutes = 60
	g := &Gathering{log: l, at: map[string]int{}, wait: o}
	for _, src := range sources {
		own := cfg
		own.Log = cfg.Log.With("source", src.name)
		g.names = append(g.names, src.name)
		g.collectors = append(g.collectors, live.New(own, src.client, gathered{g, src}, live.Position{}))
	}
	return g, nil
}

// Live reads what servers have, or with Options.For what they send for so long.
func Live(servers []string, o Options) run.Live {
	return func(ctx context.Context, l *run.Log) error {
		g, err := Gather(servers, o, l)
		if err != nil {
			return err
		}
		err = g.Run(ctx)
		g.servers()
		if err == nil && ctx.Err() == nil {
			err = g.Nothing()
		}
		return err
	}
}

// Nothing is why nothing came of any server, as the servers were left: nil where something did, or none says why. Those
// who follow go on after an error, and their time may end meanwhile. Where something came the log is told which servers
// never answered: what they have is in no verdict.
func (g *Gathering) Nothing() error {
	if g.log.Report.Total() > 0 || g.log.Report.OutOfRange > 0 {
		for _, c := range g.collectors {
			if st := c.Stats(); st.Streams == 0 && st.LastError != "" {
				g.log.Failed = append(g.log.Failed, errors.New(st.LastError))
			}
		}
		return nil
	}
	var why []error
	for _, c := range g.collectors {
		if text := c.Stats().LastError; text != "" {
			why = append(why, errors.New(text))
		}
	}
	return errors.Join(why...)
}

// servers notes in the log what the servers said of themselves, and which nodes sent something.
func (g *Gathering) servers() {
	for i, c := range g.collectors {
		st := c.Stats()
		s := capture.Server{Name: g.names[i], Version: st.Server.Version,
			Chosen: len(g.wait.Namespaces) > 0}
		for _, n := range st.Server.Nodes {
			s.Nodes = append(s.Nodes, capture.ServerNode{Name: n.Name, Version: n.Version, Connected: n.Connected, Seen: n.Seen})
		}
		for _, n := range st.Nodes {
			if n.Last > 0 {
				s.Heard = append(s.Heard, n.Name)
			}
		}
		if s.Version != "" {
			g.log.Servers = append(g.log.Servers, s)
		}
	}
}

// Run collects until the servers have no more, ctx ends or a collector fails for good.
func (g *Gathering) Run(ctx context.Context) error {
	if g.wait.For > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, g.wait.For)
		defer stop()
	}
	return g.collectors.run(ctx, true)
}

// Look calls do with what came so far, if something usable came since the last look; while it runs nothing comes. false
// keeps what came new for the next look.
func (g *Gathering) Look(do func(*run.Log) (bool, error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.fresh || g.log.Learnable() == 0 {
		return nil
	}
	if err := g.log.Build(); err != nil {
		return err
	}
	seen, err := do(g.log)
	g.fresh = !seen
	return err
}

// gathered is the part of a gathering that one source fills: a live.Store.
type gathered struct {
	*Gathering
	src *server
}

// Commit takes a batch.
func (g gathered) Commit(_ context.Context, b *live.Batch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = true
	l := g.log
	l.Builder.Add(b.Tables, b.Rows)
	l.Report.Merge(&b.Report)
	for _, gap := range b.Gaps {
		l.Missed(store.Gap(gap))
	}
	i, ok := g.at[g.src.name]
	if !ok {
		i = len(l.Sources)
		g.at[g.src.name] = i
		l.Sources = append(l.Sources, source.Source{Name: g.src.name, Format: g.src.format})
	}
	l.Sources[i].Records += int64(b.Report.Total())
	l.Sources[i].Bytes += int64(b.Bytes)
	return nil
}
