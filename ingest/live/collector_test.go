package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/model"
)

var base = time.Date(2025, 2, 20, 10, 0, 0, 0, time.UTC)

// script is a Client whose n-th stream is the n-th function; after the last one it waits for the end.
type script struct {
	mu    sync.Mutex
	steps []func(ctx context.Context, from time.Time, s *Session) error
	from  []time.Time
}

func (c *script) Stream(ctx context.Context, from time.Time, _ bool, s *Session) error {
	c.mu.Lock()
	n := len(c.from)
	c.from = append(c.from, from)
	c.mu.Unlock()
	if n >= len(c.steps) {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.steps[n](ctx, from, s)
}

// send hands on records of one node, one a second; number n has id n+1.
func send(s *Session, node string, first, last int) {
	s.Connected()
	t := s.Tables()
	pod := t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: model.MakeLabels([]string{"app=x"})})
	out := t.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: netip.MustParseAddr("192.0.2.1")})
	for n := first; n <= last; n++ {
		at := base.Add(time.Duration(n) * time.Second).UnixMicro()
		if !s.Fresh([]byte(node), at, uint64(n+1)) {
			continue
		}
		s.Flow(&model.Flow{Time: at, Src: model.Ref{ID: pod, Kind: model.KindPod}, Dst: model.Ref{ID: out, Kind: model.KindAddress, Entities: model.World},
			SrcIP: []byte("10.0.0.1"), DstIP: []byte("192.0.2.1"), SrcPort: 40000, DstPort: uint16(1000 + n), Proto: model.TCP, Flags: model.SYN, HasFlags: true,
			Verdict: model.Forwarded, IsReply: model.No, Event: model.EventTrace, Observer: model.AtDestination})
	}
}

// memory is a Store that adds batches up and can be made to refuse them.
type memory struct {
	mu      sync.Mutex
	refuse  error
	ports   map[uint16]int
	records uint64
	batch   Batch // sums
	gaps    []Gap
	seen    []uint64
}

func (m *memory) Commit(_ context.Context, b *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	if m.ports == nil {
		m.ports = map[uint16]int{}
	}
	for _, r := range b.Rows {
		m.ports[r.Port] += int(r.Records)
	}
	m.records += b.Report.Total()
	m.batch.Resent += b.Resent
	m.batch.Streams += b.Streams
	m.batch.Report.Lost += b.Report.Lost
	m.batch.Watermark = b.Watermark
	m.gaps = append(m.gaps, b.Gaps...)
	m.seen = append(m.seen, b.Seen...)
	return nil
}

func quick() Config {
	c := DefaultConfig()
	c.Flush, c.MinWait, c.MaxWait = time.Millisecond, time.Millisecond, 4*time.Millisecond
	return c
}

// run collects until all steps have been taken and stop says so.
func run(t *testing.T, c *Collector, stop func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // the race detector is slow
	defer cancel()
	go func() {
		for ctx.Err() == nil && !stop() {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != context.Canceled {
		t.Fatal("timed out")
	}
}

func (m *memory) has(n int) func() bool {
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.ports) >= n
	}
}

// TestResume breaks a stream several times: every record is stored once, whatever is sent again, and the next stream
// begins before the last record of the slowest node.
func TestResume(t *testing.T) {
	c := &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error {
			send(s, "a", 0, 9)
			send(s, "b", 100, 109)
			return errors.New("broken")
		},
		func(_ context.Context, _ time.Time, s *Session) error {
			send(s, "a", 7, 19)
			send(s, "b", 105, 119)
			return nil
		},
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 15, 25); return nil },
	}}
	m := &memory{}
	run(t, New(quick(), c, m, Position{}), m.has(46))
	if len(m.ports) != 46 || m.records != 46 || m.batch.Resent != 3+5+5 || len(m.gaps) != 0 {
		t.Errorf("%d ports, %d records, %d resent, gaps %v; want 46, 46, 13, none", len(m.ports), m.records, m.batch.Resent, m.gaps)
	}
	for p, n := range m.ports {
		if n != 1 {
			t.Errorf("port %d has %d records", p, n)
		}
	}
	if want := base.Add(9*time.Second - 2*time.Second); !c.from[1].Equal(want) {
		t.Errorf("second stream from %v, want %v", c.from[1], want)
	}
	if want := base.Add(125*time.Second).UnixMicro() - 100e6; m.batch.Watermark < want {
		t.Errorf("watermark %d", m.batch.Watermark)
	}
}

// TestPosition continues where another collector was killed: what it had stored is known by its ids.
func TestPosition(t *testing.T) {
	first := &memory{}
	a := New(quick(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 0, 9); return nil }}}, first, Position{})
	run(t, a, first.has(10))
	second := &memory{}
	at := Position{Last: map[string]int64{"a": base.Add(9 * time.Second).UnixMicro()}, Seen: first.seen}
	b := New(quick(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 5, 14); return nil }}}, second, at)
	run(t, b, second.has(5))
	if second.records != 5 || second.batch.Resent != 5 || len(second.gaps) != 0 {
		t.Errorf("%d records, %d resent, gaps %v; want 5, 5, none", second.records, second.batch.Resent, second.gaps)
	}
}

// TestGap: the server no longer has what came after the last record.
func TestGap(t *testing.T) {
	c := &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 0, 3); return nil },
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 8, 9); return nil },
	}}
	m := &memory{}
	run(t, New(quick(), c, m, Position{}), m.has(6))
	want := Gap{Node: "a", From: base.Add(3 * time.Second).UnixMicro(), To: base.Add(8 * time.Second).UnixMicro(), Cause: GapResume}
	if len(m.gaps) != 1 || m.gaps[0] != want {
		t.Errorf("gaps %v, want %v", m.gaps, want)
	}
}

// TestNodeIsBack: a node that was in error and sends again is in error no more, though no server says so.
func TestNodeIsBack(t *testing.T) {
	s := newSession(t.Context(), &Config{WindowMinutes: 1}, Position{})
	send(s, "a", 0, 1)
	s.Node("a", NodeError, "broken")
	if n := s.stats().Nodes[0]; n.State != NodeError {
		t.Errorf("%+v", n)
	}
	send(s, "a", 2, 3)
	if n := s.stats().Nodes[0]; n.State != NodeConnected || n.Message != "" {
		t.Errorf("%+v", n)
	}
}

// TestClockBack: a node whose clock went back loses nothing.
func TestClockBack(t *testing.T) {
	c := &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error {
			send(s, "a", 1000, 1009)
			send(s, "a", 0, 9)
			return nil
		},
	}}
	m := &memory{}
	run(t, New(quick(), c, m, Position{}), m.has(20))
	if m.records != 20 || m.batch.Resent != 0 {
		t.Errorf("%d records, %d resent", m.records, m.batch.Resent)
	}
}

// TestClockAheadAtStart: nodes whose clocks were ahead when the collector ended do not make the next one begin in the
// future, where all that comes until then would be left out.
func TestClockAheadAtStart(t *testing.T) {
	c := &script{}
	now := time.Now()
	at := Position{Last: map[string]int64{"a": now.Add(time.Hour).UnixMicro()}, Watermark: now.Add(-10 * time.Minute).UnixMicro()}
	started := func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.from) > 0 }
	run(t, New(quick(), c, &memory{}, at), started)
	if want := time.UnixMicro(at.Watermark).Add(-quick().Overlap); !c.from[0].Equal(want) {
		t.Errorf("the stream begins at %v, want %v", c.from[0], want)
	}
}

// TestNodeGoneAtStart: a node that left weeks ago does not make the collector begin there.
func TestNodeGoneAtStart(t *testing.T) {
	c := &script{}
	now := time.Now()
	at := Position{Last: map[string]int64{"a": now.UnixMicro(), "gone": now.Add(-20 * 24 * time.Hour).UnixMicro()}, Watermark: now.UnixMicro()}
	started := func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.from) > 0 }
	run(t, New(quick(), c, &memory{}, at), started)
	if want := time.UnixMicro(at.Watermark).Add(-quick().Overlap); !c.from[0].Equal(want) {
		t.Errorf("the stream begins at %v, want %v", c.from[0], want)
	}
}

// TestClockBehind: the flows of a node whose clock is an hour behind are asked for when the stream is opened again, as long
// as it is at work.
func TestClockBehind(t *testing.T) {
	c := &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error {
			time.Sleep(20 * time.Millisecond) // until the session has seen the time
			send(s, "behind", 0, 9)
			send(s, "a", 3600, 3609)
			return nil
		},
		func(_ context.Context, from time.Time, s *Session) error {
			if !from.After(base.Add(9 * time.Second)) {
				send(s, "behind", 5, 14)
			}
			send(s, "a", 3605, 3614)
			return nil
		}}}
	m := &memory{}
	run(t, New(quick(), c, m, Position{}), m.has(30))
	if m.records != 30 || m.batch.Resent != 10 {
		t.Errorf("%d records, %d resent", m.records, m.batch.Resent)
	}
}

// TestStoreRefuses: nothing is lost while the store refuses, and what was received last is stored on the way out.
func TestStoreRefuses(t *testing.T) {
	m := &memory{refuse: errors.New("no space left on device")}
	c := New(quick(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(ctx context.Context, _ time.Time, s *Session) error {
			send(s, "a", 0, 9)
			<-ctx.Done()
			return nil
		}}}, m, Position{})
	tries := 0
	run(t, c, func() bool {
		if s := c.Stats(); s.StoreError != "" && s.Watermark == 0 {
			tries++
		}
		if tries == 5 {
			m.mu.Lock()
			m.refuse = nil
			m.mu.Unlock()
		}
		return m.has(10)()
	})
	if m.records != 10 {
		t.Errorf("%d records stored, want 10", m.records)
	}
}

// TestStoreRefusesAtStop: what could not be stored until the end is an error, though the collector was asked to stop.
func TestStoreRefusesAtStop(t *testing.T) {
	for _, patient := range []bool{true, false} { // stopped while it tries again, and before it tried
		c := &script{steps: []func(context.Context, time.Time, *Session) error{
			func(ctx context.Context, _ time.Time, s *Session) error {
				send(s, "a", 0, 9)
				<-ctx.Done()
				return ctx.Err()
			},
		}}
		cfg := quick()
		if !patient {
			cfg.Flush = time.Hour
		}
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := New(cfg, c, &memory{refuse: errors.New("disk full")}, Position{}).Run(ctx)
		if stop(); err == nil || !strings.Contains(err.Error(), "not stored: disk full") || errors.Is(err, ctx.Err()) {
			t.Errorf("patient %t: error %v", patient, err)
		}
	}
}

// TestRoom: a store that is behind stops the reading, and goes on with it.
func TestRoom(t *testing.T) {
	m := &memory{refuse: errors.New("busy")}
	const rows = maxWaiting + 3*(1<<15)
	c := New(quick(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(ctx context.Context, _ time.Time, s *Session) error {
			t := s.Tables()
			for n := range rows {
				at := base.UnixMicro() + int64(n)
				s.Fresh(nil, at, uint64(n+1))
				id := t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: model.MakeLabels([]string{fmt.Sprintf("app=%d", n>>10)})})
				s.Flow(&model.Flow{Time: at, Src: model.Ref{ID: id, Kind: model.KindPod}, Dst: model.Ref{ID: id, Kind: model.KindPod}, Proto: model.TCP,
					SrcPort: 40000, DstPort: uint16(n&1023 + 1), Verdict: model.Forwarded, IsReply: model.No, SrcPod: []byte("a"), DstPod: []byte("b")})
			}
			<-ctx.Done()
			return nil
		}}}, m, Position{})
	run(t, c, func() bool {
		if s := c.Stats(); s.Blocked > 0 {
			m.mu.Lock()
			m.refuse = nil
			m.mu.Unlock()
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.records == rows
	})
}

// TestTies: records of one time are told from their repetitions by id, whether few or many, and after a restart.
func TestTies(t *testing.T) {
	for _, n := range []int{1, maxTies, 3 * maxTies} {
		s := newSession(t.Context(), &Config{WindowMinutes: 1}, Position{})
		var ids []uint64
		for i := range n {
			ids = append(ids, uint64(i+1))
			if !s.Fresh([]byte("a"), 5, uint64(i+1)) {
				t.Errorf("%d of %d was not fresh", i, n)
			}
		}
		after := newSession(t.Context(), &Config{WindowMinutes: 1}, Position{Last: map[string]int64{"a": 5}, Seen: ids})
		for _, s := range []*Session{s, after} {
			for _, id := range ids {
				if s.Fresh([]byte("a"), 5, id) {
					t.Errorf("%d of %d was fresh again", id, n)
				}
			}
			if !s.Fresh([]byte("a"), 5, uint64(n+1)) || !s.Fresh([]byte("a"), 6, uint64(n+2)) || s.Fresh([]byte("a"), 6, uint64(n+2)) || s.Fresh([]byte("a"), 5, ids[0]) {
				t.Errorf("wrong after %d ties", n)
			}
		}
	}
}

func TestSeen(t *testing.T) {
	var s seen
	for i := range uint64(3 * seenWindow) {
		s.add(i*2+1, int64(i))
		if i%100_000 == 0 && (!s.has(i*2+1) || s.has(i*2+2)) {
			t.Fatalf("at %d", i)
		}
	}
	for i := range uint64(3 * seenWindow) {
		if want := i >= seenWindow; s.has(i*2+1) != want {
			t.Fatalf("id of record %d: has %v, want %v", i, !want, want)
		}
	}
	if s.from() != seenWindow {
		t.Errorf("from %d, want %d", s.from(), seenWindow)
	}
}
