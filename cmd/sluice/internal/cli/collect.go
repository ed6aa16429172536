package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/ingest/live"
	"sluice/model/store"
)

// collection is a run of collectors, one for each server, into one store.
type collection struct {
	store      *store.Store
	collectors []*live.Collector
	sources    []*liveSource
	locks      []*store.Lock
}

// newCollection takes the streams and makes their collectors, which continue where the store stands. out is told of
// every batch stored, by several goroutines.
func newCollection(st *store.Store, sources []*liveSource, cfg live.Config, keep time.Duration, out func(*live.Batch)) (*collection, error) {
	c := &collection{store: st, sources: sources}
	for _, src := range sources {
		lock, err := st.LockStream(src.name)
		if err != nil {
			return nil, errors.Join(err, c.release())
		}
		c.locks = append(c.locks, lock)
		sink := &streamStore{store: st, name: src.name, format: src.format, keep: keep, log: cfg.Log}
		at, err := sink.position()
		if err != nil {
			return nil, errors.Join(err, c.release())
		}
		own := cfg
		own.Log = cfg.Log.With("source", src.name)
		own.Stored = out
		c.collectors = append(c.collectors, live.New(own, src.client, sink, at))
	}
	return c, nil
}

func (c *collection) release() error {
	var errs []error
	for _, l := range c.locks {
		errs = append(errs, l.Release())
	}
	c.locks = nil
	return errors.Join(errs...)
}

// run collects until ctx ends or a collector fails for good.
func (c *collection) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(c.collectors))
	var wg sync.WaitGroup
	for i, one := range c.collectors {
		wg.Go(func() {
			if errs[i] = one.Run(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, c.release())...)
}
