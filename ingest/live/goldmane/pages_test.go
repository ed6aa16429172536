package goldmane

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/ingest/calico"
	"sluice/ingest/live"
)

// awaitError waits until the stream has ended with an error that says something.
func (c *collecting) awaitError(what string) {
	c.t.Helper()
	var last string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if e := c.stats().LastError; e != "" {
			if last = e; strings.Contains(e, what) {
				return
			}
		}
	}
	c.t.Fatalf("the last error is %q, want %q", last, what)
}

// TestSamePage: a server that gives the same flows whatever it is asked for is told by what it does, asked less and less
// often, and its flows are stored once.
func TestSamePage(t *testing.T) {
	t.Parallel()
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		at := now().Unix() - 600
		at -= at % 15
		f.twist = func(int64, []span) []span { return []span{{80, at, at + 15}, {81, at, at + 15}} }
		c := collect(t, cfg, now, nil)
		c.awaitError("flows of other times than those asked for")
		f.mu.Lock()
		defer f.mu.Unlock()
		c.mem.mu.Lock()
		defer c.mem.mu.Unlock()
		for flow, n := range c.mem.got {
			if n != 1 {
				t.Errorf("%s was stored %d times", flow, n)
			}
		}
		if len(f.lists) > 250 {
			t.Errorf("%d questions", len(f.lists))
		}
	})
}

// restless is a server whose flows have another length each time.
type restless struct {
	liar
	asked int
}

func (r *restless) filters() int { return 1 }

func (r *restless) list(ctx context.Context, _ int, from, _ int64, take func([]byte)) (int, int, error) {
	r.asked++
	width := []int64{1, 60, 15, 3600}[r.asked%4]
	r.times = [][2]int64{{from - from%width, from - from%width + width}}
	return 0, 0, r.sample(ctx, take)
}

// TestRestless: a server whose flows have another length each time ends the stream, and does not make the collector ask
// for every second of an hour again and again.
func TestRestless(t *testing.T) {
	cfg := DefaultConfig()
	l := &restless{}
	p := newPoll(&cfg, l, time.Now, time.Millisecond)
	store := &memory{got: map[string]int{}}
	collector := live.New(live.DefaultConfig(), clientOf(func(ctx context.Context, s *live.Session) error {
		p.session, p.decoder = s, calico.NewDecoder("test", s.Tables())
		for i := range int64(64) {
			if err := p.bucket(ctx, 1_772_000_000+i*longestBucket); err != nil {
				return err
			}
		}
		return nil
	}), store, live.Position{})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	go func() {
		for ctx.Err() == nil && !strings.Contains(collector.Stats().LastError, "another length each time") {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if err := collector.Run(ctx); err != nil || ctx.Err() != context.Canceled {
		t.Errorf("%v, %v, %+v", err, ctx.Err(), collector.Stats())
	}
	if most := maxWidths * longestBucket; l.asked > most {
		t.Errorf("%d questions, want at most %d", l.asked, most)
	}
}

// clientOf is a live.Client that is a function.
type clientOf func(context.Context, *live.Session) error

// Stream implements live.Client.
func (c clientOf) Stream(ctx context.Context, _ time.Time, _ bool, s *live.Session) error {
	return c(ctx, s)
}

// TestShortAnswer: flows that a server says it has and does not give are counted as lost, once, in their hour.
func TestShortAnswer(t *testing.T) {
	t.Parallel()
	now := fast()
	f := newFake(15, now)
	cfg, _ := f.serve(t, "127.0.0.1:0")
	at := now().Unix() - 60
	f.add(at, 80)
	f.lie = 41
	c := collect(t, cfg, now, nil)
	c.await(f)
	for end := time.Now().Add(20 * time.Second); c.stats().Lost < 41 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if lost := c.stats().Lost; lost < 41 || lost%41 != 0 {
		t.Errorf("%d flows lost, want 41 in each bucket", lost)
	}
}

// TestClockSet: somebody sets the clock of the collector by days, forward and back: what the server has is stored all the
// same, once.
func TestClockSet(t *testing.T) {
	t.Parallel()
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		var off atomic.Int64
		wall := func() time.Time { return now().Add(time.Duration(off.Load())) }
		c := collectBy(t, cfg, wall, now, nil)
		f.add(now().Unix()-30, 80)
		c.await(f)
		for i, by := range []time.Duration{72 * time.Hour, -72 * time.Hour, 2 * time.Hour, 0} {
			off.Store(int64(by))
			f.add(now().Unix()-15, 81+i)
			c.await(f)
		}
	})
}
