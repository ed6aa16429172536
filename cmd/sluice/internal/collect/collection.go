// Package collect reads servers until they have no more or it is stopped: into a store, with what its operators ask for
// over HTTP, or into memory. It prints nothing; what it finds it tells to functions that it is given.
package collect

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/ingest/live"
)

// What a collection may take: in all what the manifests of "sluice install" allow a collector of one stream.
const (
	stream        = 128 << 20 // bytes: the tables of one at their largest
	besideStreams = 272 << 20
)

// Config says where what servers send is kept.
type Config struct {
	Dir     string // the store, made if it is not there
	Cluster string // that the servers are of, where their flows do not say it; "": not known
	Keep    Retention
	Listen  string          // answers operators at this address; "": does not
	Edge    func(FoundEdge) // is told of connections that were never seen before, by several goroutines; may be nil
}

// Collection is a run of collectors, one for each server, into one store. Each stream is collected by one run.
type Collection struct {
	store      place.Store
	collectors collectors
	sources    []Source
	locks      []place.Lock
	edges      *newEdges
	listen     string
	follow     bool
}

// New takes the streams and makes their collectors, which continue where the store stands.
func New(ctx context.Context, servers []string, o Options, cfg Config) (*Collection, error) {
	each, sources, err := o.open(servers)
	if err != nil {
		return nil, err
	}
	st, err := place.Create(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	edges, err := openNewEdges(ctx, st, cfg.Cluster)
	if err != nil {
		return nil, err
	}
	found := cfg.Edge
	if !each.Follow {
		found = nil
	}
	c := &Collection{store: st, edges: edges, listen: cfg.Listen, follow: each.Follow}
	each.Stored = func(b *live.Batch) { edges.add(b.Tables, b.Rows, found) }
	return c, c.take(sources, each, &cfg)
}

// take locks the streams of servers and makes their collectors.
func (c *Collection) take(servers []*server, each live.Config, cfg *Config) error {
	for _, src := range servers {
		if cfg.Cluster != "" {
			src.name = cfg.Cluster + clusterMark + src.name // servers of many clusters have the same address, each in its own
		}
		lock, err := lockStream(c.store, src.name, each.Log)
		if err != nil {
			return errors.Join(err, c.release())
		}
		c.locks = append(c.locks, lock)
		sink := &streamStore{
			store: c.store, name: src.name, cluster: cfg.Cluster, format: src.format, keep: cfg.Keep, log: each.Log,
		}
		at, err := sink.position()
		if err != nil {
			return errors.Join(err, c.release())
		}
		own := each
		own.Log = each.Log.With("source", src.name)
		one := live.New(own, src.client, sink, at)
		c.collectors = append(c.collectors, one)
		c.sources = append(c.sources, Source{src.name, one.Stats})
	}
	return nil
}

// lockStream takes the right to collect a stream. That of a collector which was killed is free only after it stood
// still for a while, where the store is in a bucket: who waits is told for what.
func lockStream(st place.Store, name string, log *slog.Logger) (place.Lock, error) {
	t := time.AfterFunc(time.Second, func() {
		log.Info("waiting to see whether another collector of this stream, which the store still has, was killed", "source", name)
	})
	defer t.Stop()
	return st.LockStream(name)
}

func (c *Collection) release() error {
	var errs []error
	for _, l := range c.locks {
		errs = append(errs, l.Release())
	}
	c.locks = nil
	return errors.Join(errs...)
}

// Sources returns the servers that are read.
func (c *Collection) Sources() []Source { return c.sources }

// Run collects until the servers have no more, ctx ends or, while it follows them, a collector fails for good: without
// that the others store what their servers have.
func (c *Collection) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if c.listen != "" {
		ops := &operations{store: c.store, edges: c.edges, sources: c.sources}
		if err := ops.listen(ctx, c.listen); err != nil {
			return errors.Join(err, c.release())
		}
	}
	if os.Getenv("GOGC") == "" {
		// Little memory lives, and much of what is received does not: collecting garbage less often costs some megabytes.
		defer debug.SetGCPercent(debug.SetGCPercent(200))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		// Whoever sends packets from ever new addresses fills the tables of streams, and garbage is collected sooner then.
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(besideStreams + int64(len(c.sources))*stream))
	}
	if os.Getenv("GOMAXPROCS") == "" {
		// A processor takes five times the flows that a relay sends. With more of them, every few flows the goroutine that
		// receives wakes another for the one that decodes, and what it has read is in the wrong cache.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(min(len(c.sources), runtime.GOMAXPROCS(0))))
	}
	return errors.Join(c.collectors.run(ctx, c.follow), c.release())
}

// collectors run together.
type collectors []*live.Collector

// run ends all where one fails for good, if they stand or fall together.
func (c collectors) run(ctx context.Context, together bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(c))
	var wg sync.WaitGroup
	for i, one := range c {
		wg.Go(func() {
			if errs[i] = one.Run(ctx); errs[i] != nil && together {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
