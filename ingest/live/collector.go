package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"sluice/model"
)

// Config says how a Collector works; DefaultConfig has the values to start from.
type Config struct {
	// Follow keeps reading what comes; without it the Collector ends with what the server has.
	Follow bool
	// Since is where a stream begins of which the store has nothing yet; zero: with the oldest record that the server has.
	Since time.Time
	// WindowMinutes is the length of the windows of observations (1 for the store, 60 for edges alone).
	WindowMinutes int
	// Flush is how far the store may be behind, MaxFlush at most. Where much is received it is less: what is not stored is
	// always among the records that are remembered.
	Flush time.Duration
	// Overlap is how much is asked for again when a stream is opened, so that records which came late are not missed.
	Overlap time.Duration
	// Reopen is how long a stream is used: servers forget nodes on streams that are old.
	Reopen time.Duration
	// MinWait and MaxWait bound the time between two attempts to connect; it doubles from one to the other, and is
	// shortened at random by up to half.
	MinWait, MaxWait time.Duration
	Log              *slog.Logger
	Clock            *model.Clock // nil: that of the process
	// Stored is told of every batch after it was made durable, and after reading ended; may be nil. The batch is reused.
	Stored func(*Batch)
}

// MaxFlush is the longest that a Flush may be: a node is at work that sent something so long ago, and how long ago that
// was is looked at when a batch is taken.
const MaxFlush = maxBehind * time.Microsecond

// DefaultConfig returns the values that suit a collector in a cluster.
func DefaultConfig() Config {
	return Config{
		Follow:        true,
		WindowMinutes: 1,
		Flush:         800 * time.Millisecond,
		Overlap:       2 * time.Second,
		Reopen:        5 * time.Minute,
		MinWait:       200 * time.Millisecond,
		MaxWait:       30 * time.Second,
		Log:           slog.New(slog.DiscardHandler),
	}
}

// Collector reads one stream into one store.
type Collector struct {
	cfg     Config
	client  Client
	store   Store
	session *Session
	warned  time.Time // of tables that had grown too large, last

	mu       sync.Mutex // of all below
	failures uint64
	lastErr  string
	storeErr string
	stored   int64
	commits  uint64
	records  Stats // only Records is used
}

// New makes a Collector that continues at a position. It does nothing until Run.
func New(cfg Config, client Client, store Store, at Position) *Collector {
	return &Collector{
		cfg:     cfg,
		client:  client,
		store:   store,
		session: newSession(context.Background(), &cfg, at),
	}
}

// Stats returns the counts so far.
func (c *Collector) Stats() Stats {
	s := c.session.stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Watermark, s.Commits = c.stored, c.commits
	s.LastError, s.StoreError, s.Records = c.lastErr, c.storeErr, c.records.Records
	return s
}

// Run reads until ctx ends; without Follow, until the server has no more. What was received is stored before it
// returns, also when ctx has ended: that is the graceful stop, and its error is nil unless the store refuses. With
// Follow, failures of the server are logged and tried again; a PermanentError ends it.
func (c *Collector) Run(ctx context.Context) error {
	read, stop := context.WithCancel(ctx)
	defer stop()
	c.session.ctx = read
	context.AfterFunc(read, func() {
		c.session.mu.Lock()
		c.session.room.Broadcast()
		c.session.mu.Unlock()
	})
	done := make(chan error, 1)
	go func() {
		err := c.read(read)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil
		}
		done <- err
	}()
	return c.flush(done)
}

// PermanentError is an error that trying again cannot heal: a wrong file name, a certificate that cannot be read. It
// ends a Collector that has never been connected; later, files may be about to be replaced.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *PermanentError) Unwrap() error { return e.Err }

// read opens streams one after the other.
func (c *Collector) read(ctx context.Context) error {
	wait := c.cfg.MinWait
	for {
		began, before := time.Now(), c.session.Arrived()
		err := c.stream(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if c.session.ended() {
			c.crowded()
			continue
		}
		var permanent *PermanentError
		if !c.cfg.Follow || errors.As(err, &permanent) && c.session.stats().Streams == 0 {
			return err
		}
		planned := err == nil && time.Since(began) >= c.cfg.Reopen
		if c.session.Arrived() > before || planned {
			wait = c.cfg.MinWait
		}
		if planned {
			continue
		}
		c.failed(err, wait)
		if !sleep(ctx, wait-time.Duration(rand.Int64N(int64(wait)/2+1))) {
			return ctx.Err()
		}
		wait = min(2*wait, c.cfg.MaxWait)
	}
}

// crowded tells, once a minute at most, that a stream was ended for the size of its tables.
func (c *Collector) crowded() {
	if time.Since(c.warned) >= time.Minute {
		c.warned = time.Now()
		c.cfg.Log.Warn(
			"too many different endpoints for one stream: what came is stored, and the stream is opened again",
			"times",
			c.session.stats().Crowded,
		)
	}
}

// stream opens one stream and reads it until it ends or is old.
func (c *Collector) stream(ctx context.Context) error {
	from := c.session.resume(c.cfg.Overlap)
	begin := time.UnixMicro(from)
	if from == 0 {
		begin = c.cfg.Since
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if c.cfg.Follow && c.cfg.Reopen > 0 {
		ctx, stop = context.WithTimeout(ctx, c.cfg.Reopen)
		defer stop()
	}
	c.session.shrink()
	c.session.opened(from, stop)
	err := c.client.Stream(ctx, begin, c.cfg.Follow, c.session)
	c.session.closed()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Collector) set(f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
}

func (c *Collector) failed(err error, wait time.Duration) {
	text := "the server ended the stream"
	if err != nil {
		text = err.Error()
	}
	var n uint64
	c.set(func() { c.failures++; n = c.failures; c.lastErr = text })
	c.cfg.Log.Warn("stream ended, connecting again", "error", text, "within", wait.String(), "failures", n)
}

// flush moves what was received to the store, in time and once more at the end.
func (c *Collector) flush(done <-chan error) error {
	t := time.NewTicker(c.cfg.Flush)
	defer t.Stop()
	var b Batch
	for {
		select {
		case err := <-done:
			return errors.Join(err, c.last(&b))
		case <-t.C:
		case <-c.session.much:
		}
		if !c.session.take(&b) {
			continue
		}
		if err, ended := c.commit(&b, done); ended {
			return err
		}
	}
}

// commit stores a batch, trying again while the store refuses. It gives up when reading has ended: then ended is set.
func (c *Collector) commit(b *Batch, done <-chan error) (err error, ended bool) {
	wait := c.cfg.MinWait
	for {
		if err = c.tryCommit(b); err == nil {
			return nil, false
		}
		c.cfg.Log.Error("the store does not take what was received, trying again", "error", err, "in", wait.String())
		select {
		case readErr := <-done:
			if err = c.tryCommit(b); err != nil {
				return errors.Join(readErr, fmt.Errorf("%d rows are not stored: %w", len(b.Rows), err)), true
			}
			return errors.Join(readErr, c.last(b)), true
		case <-time.After(wait):
		}
		wait = min(2*wait, c.cfg.MaxWait)
	}
}

func (c *Collector) last(b *Batch) error {
	if !c.session.take(b) {
		return nil
	}
	if err := c.tryCommit(b); err != nil {
		return fmt.Errorf("%d rows are not stored: %w", len(b.Rows), err)
	}
	return nil
}

func (c *Collector) tryCommit(b *Batch) error {
	// A batch is small, and half of one is worth nothing: it is stored even when the collector is asked to stop.
	err := c.store.Commit(context.Background(), b)
	c.set(func() {
		c.storeErr = ""
		if err != nil {
			c.storeErr = err.Error()
			return
		}
		c.commits++
		c.records.Records.Add(&b.Report.Counts)
		c.stored = b.Watermark
		if b.Report.Total() > 0 {
			c.failures, c.lastErr = 0, ""
		}
	})
	if err == nil && c.cfg.Stored != nil {
		c.cfg.Stored(b)
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
