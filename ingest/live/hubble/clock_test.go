package hubble

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sluice/ingest/live"
	"sluice/model"
)

// TestClockSet: somebody sets the collector's clock by days, back and forward, while a server streams what is of now: every
// record is stored under its time, the watermark is that of the newest, nothing is refused or taken for a gap, and the
// jumps are counted.
func TestClockSet(t *testing.T) {
	const records = 40
	var now, off atomic.Int64 // seconds since the epoch; of the wall clock
	wall := func() time.Time { return epoch.Add(time.Duration(now.Load()+off.Load()) * time.Second) }
	clock := model.ClockOf(wall, func() time.Duration { return time.Duration(now.Load()) * time.Second })
	k := &kept{}
	stream := func(send func(any), ctx context.Context) error {
		first := max(0, int(now.Load())-1) // the last record once more, as servers send it
		for n := first; n < records; n++ {
			off.Store([]int64{0, -3 * 86400, 30 * 86400, -2 * 3600}[n/10])
			now.Store(int64(n + 1))
			send(flowAt("n1", n))
			for ctx.Err() == nil && !k.has(n+1) { // so that the clock is looked at in between
				time.Sleep(time.Millisecond)
			}
			if n-first == 14 {
				return nil
			}
		}
		<-ctx.Done()
		return nil
	}
	s := &server{streams: []func(func(any), context.Context) error{stream, stream, stream, stream}}
	s.start(t)
	cfg := fastConfig()
	cfg.Target = s.addr
	lc := live.DefaultConfig()
	lc.Flush, lc.MinWait, lc.MaxWait, lc.Clock = 2*time.Millisecond, time.Millisecond, 10*time.Millisecond, clock
	c := live.New(lc, New(cfg), k, live.Position{})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	go func() {
		for ctx.Err() == nil && !k.has(records) {
			time.Sleep(2 * time.Millisecond)
		}
		stop()
	}()
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	st := c.Stats()
	if want := epoch.Add((records - 1) * time.Second).UnixMicro(); st.Watermark != want || st.Jumps != 3 ||
		st.Records.Fate(model.Refused) != 0 || st.Gaps != 0 {
		t.Errorf("watermark %s, want %s; %d jumps; %d refused; %d gaps", model.Stamp(st.Watermark), model.Stamp(want), st.Jumps,
			st.Records.Fate(model.Refused), st.Gaps)
	}
}
