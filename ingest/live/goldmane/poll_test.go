package goldmane

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/ingest/live"
)

// fast is a clock that runs 60 times as fast as the real one, but by no more than a second from one look at it to the
// next: where the machine is too busy to look, a test sees no time pass, and none of what the server holds grows old.
func fast() func() time.Time {
	var mu sync.Mutex
	last := time.Now()
	at := last.Truncate(time.Minute)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		at = at.Add(min(60*now.Sub(last), time.Second))
		last = now
		return at
	}
}

// servers run a test with either server.
func servers(t *testing.T, width int64, run func(t *testing.T, f *fake, cfg Config, now func() time.Time)) {
	t.Run("goldmane", func(t *testing.T) {
		now := fast()
		f := newFake(width, now)
		cfg, _ := f.serve(t, "127.0.0.1:0")
		run(t, f, cfg, now)
	})
	t.Run("whisker", func(t *testing.T) {
		now := fast()
		f := newFake(width, now)
		run(t, f, f.whisker(t), now)
	})
}

// TestFollow: what there is, what comes and what comes late is stored once each, whatever the length of a bucket, also
// where the server has nothing to learn it from when the stream begins.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{1, 3, 15} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			servers(t, width, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
				t.Parallel()
				c := collect(t, cfg, now, nil)
				time.Sleep(50 * time.Millisecond)
				begin := now().Unix()
				for n := range int64(4) {
					f.add(begin-n*width, 80+int(n), 90+int(n))
				}
				c.await(f)
				f.add(begin-2*width, 100)
				c.await(f)
				if c.mem.missing() != 0 {
					t.Errorf("%d gaps, and nothing was missing", c.mem.missing())
				}
			})
		})
	}
}

// TestHistory reads what a server has, without following it.
func TestHistory(t *testing.T) {
	t.Parallel()
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		begin := now().Unix()
		for n := range int64(240) {
			f.add(begin-n*15, 1000+int(n))
		}
		c := collect(t, cfg, now, func(lc *live.Config) { lc.Follow = false })
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		c.await(f)
	})
}

// TestSince begins with the bucket of a time, and Until ends before another.
func TestSince(t *testing.T) {
	t.Parallel()
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		begin := now().Unix() / 15 * 15
		for n := range int64(10) {
			f.add(begin-n*15, 10+int(n))
		}
		cfg.Until = time.Unix(begin-3*15, 0)
		c := collect(t, cfg, now, func(lc *live.Config) { lc.Follow, lc.Since = false, time.Unix(begin-5*15+7, 0) })
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("map[14@%d:1 15@%d:1]", begin-4*15, begin-5*15)
		if got := fmt.Sprint(c.mem.got); got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

// TestWidthChanges: a server that comes back with buckets of another length is understood.
func TestWidthChanges(t *testing.T) {
	t.Parallel()
	for _, widths := range [][2]int64{{1, 5}, {6, 2}} {
		t.Run(fmt.Sprint(widths), func(t *testing.T) {
			t.Parallel()
			servers(t, widths[0], func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
				t.Parallel()
				f.add(now().Unix()-20, 80)
				c := collect(t, cfg, now, nil)
				c.await(f)
				f.forget(widths[1])
				f.add(now().Unix(), 81)
				f.add(now().Unix()+widths[1], 82)
				c.await(f)
			})
		})
	}
}

// TestUnchanged: a bucket that has not become more is not read again, and one that has is.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	now := fast()
	f := newFake(1, now)
	cfg, _ := f.serve(t, "127.0.0.1:0")
	at := now().Unix() - 1
	f.add(at, 80)
	c := collect(t, cfg, now, nil)
	c.await(f)
	time.Sleep(time.Second) // 60 buckets
	f.mu.Lock()
	lists := f.lists[at]
	f.mu.Unlock()
	if lists != 1 {
		t.Errorf("read %d times, want once", lists)
	}
	f.add(at, 81)
	c.await(f)
}

// TestReopened: a stream that is opened anew by plan says its last record once more, and is no gap.
func TestReopened(t *testing.T) {
	t.Parallel()
	servers(t, 1, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		t.Parallel()
		c := collect(t, cfg, now, func(lc *live.Config) {
			recent(now)(lc)
			lc.Reopen = 300 * time.Millisecond
		})
		for n := range 10 {
			f.add(now().Unix(), n+1)
			time.Sleep(150 * time.Millisecond)
		}
		c.await(f)
		for end := time.Now().Add(time.Minute); c.mem.again() == 0 && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		if c.mem.missing() != 0 || c.mem.again() == 0 {
			t.Errorf("%d gaps, %d records were sent again", c.mem.missing(), c.mem.again())
		}
	})
}

// TestAnotherServer: a server that is replaced between two questions has lost its memory, which no question shows.
func TestAnotherServer(t *testing.T) {
	t.Parallel()
	now := fast()
	f := newFake(1, now)
	cfg, stop := f.serve(t, "127.0.0.1:0")
	f.add(now().Unix(), 80)
	c := collect(t, cfg, now, nil)
	c.await(f)
	stop()
	f.forget(1)
	f.serveAs(t, cfg.Target, filepath.Dir(cfg.TLS.CertFile)) // files are read for every connection
	f.add(now().Unix(), 81)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c.mem.missing() == 1 {
			break
		}
	}
	c.await(f)
	if c.mem.missing() != 1 {
		t.Errorf("%d gaps, want 1", c.mem.missing())
	}
}

// TestNamespaces asks for either end: a filter of both would want both.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"goldmane": {"\x12\x03\x0a\x01p\x12\x03\x0a\x01q", "\x22\x03\x0a\x01p\x22\x03\x0a\x01q"},
		"whisker": {`{"source_namespaces":[{"type":"Exact","value":"p"},{"type":"Exact","value":"q"}]}`,
			`{"dest_namespaces":[{"type":"Exact","value":"p"},{"type":"Exact","value":"q"}]}`},
	}
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		cfg.Namespaces = []string{"q", "p"}
		f.add(now().Unix(), 80)
		c := collect(t, cfg, now, func(lc *live.Config) { lc.Follow = false })
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		c.await(f)
		_, name, _ := strings.Cut(t.Name(), "/")
		for _, filter := range want[name] {
			if f.filters[filter] == 0 {
				t.Errorf("not asked with %q, but with %v", filter, f.filters)
			}
			delete(f.filters, filter)
		}
		if delete(f.filters, ""); len(f.filters) != 0 {
			t.Errorf("asked with %v too", f.filters)
		}
	})
}

// recent begins two seconds ago, not with all that a server may remember: a busy machine is soon through with that.
func recent(now func() time.Time) func(*live.Config) {
	since := now().Add(-2 * time.Second)
	return func(lc *live.Config) { lc.Since = since }
}

// TestHeals: a server that fails for a while is asked again, and nothing is missing.
func TestHeals(t *testing.T) {
	t.Parallel()
	servers(t, 1, func(t *testing.T, f *fake, cfg Config, now func() time.Time) {
		t.Parallel()
		asked := 0
		f.fail = func() error {
			if asked++; asked%60 < 6 {
				return status.Error(codes.Unavailable, "for a while")
			}
			return nil
		}
		c := collect(t, cfg, now, recent(now))
		for i := range 20 {
			f.add(now().Unix(), i+1)
			time.Sleep(50 * time.Millisecond)
		}
		c.await(f)
		if c.mem.missing() != 0 {
			t.Errorf("%d gaps", c.mem.missing())
		}
	})
}

// TestClockBack: a machine whose clock is set back an hour begins anew at what the server has now.
func TestClockBack(t *testing.T) {
	t.Parallel()
	servers(t, 1, func(t *testing.T, f *fake, cfg Config, real func() time.Time) {
		t.Parallel()
		begin := time.Now()
		wrong := func() time.Time {
			if time.Since(begin) < 500*time.Millisecond {
				return real().Add(time.Hour)
			}
			return real()
		}
		c := collect(t, cfg, wrong, nil)
		f.add(real().Unix(), 80)
		time.Sleep(600 * time.Millisecond)
		f.add(real().Unix(), 81)
		c.await(f)
	})
}

// TestHeldUp: a collector that did nothing for two hours, as a machine that slept, says what it may have missed.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	servers(t, 15, func(t *testing.T, f *fake, cfg Config, real func() time.Time) {
		t.Parallel()
		var slept atomic.Int64
		now := func() time.Time { return real().Add(time.Duration(slept.Load())) }
		f.add(now().Unix()-30, 80)
		c := collect(t, cfg, now, nil)
		c.await(f)
		slept.Store(int64(2 * time.Hour))
		f.forget(15)
		f.add(now().Unix(), 81)
		c.await(f)
		if c.mem.missing() != 1 {
			t.Errorf("%d gaps, want 1", c.mem.missing())
		}
	})
}
