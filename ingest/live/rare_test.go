package live

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/model"
)

// rarely never commits for the time that has passed.
func rarely() Config {
	c := quick()
	c.Flush = time.Hour
	return c
}

// TestRareCommits: where commits are rare, what waits is stored before its ids would be forgotten, so that a stream
// that is opened anew counts nothing twice.
func TestRareCommits(t *testing.T) {
	const records, again = 5 * seenWindow / 2, seenWindow / 2
	last := base.Add(records * time.Microsecond)
	one := func(s *Session, n int) {
		at := base.Add(time.Duration(n) * time.Microsecond).UnixMicro()
		if s.Fresh([]byte("a"), at, uint64(n+1)) {
			s.Flow(&model.Flow{Time: at, SrcIP: []byte("10.0.0.1"), DstIP: []byte("10.0.0.2"), SrcPort: 40000, DstPort: 80, Proto: model.TCP,
				Verdict: model.Forwarded, IsReply: model.No})
		}
	}
	m := &memory{}
	before := uint64(0)
	c := New(rarely(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error {
			for n := range records {
				one(s, n)
			}
			return errors.New("broken")
		},
		func(ctx context.Context, _ time.Time, s *Session) error {
			m.mu.Lock()
			before = m.records
			m.mu.Unlock()
			for n := records - again; n < records; n++ {
				one(s, n)
			}
			one(s, records)
			return nil
		},
	}}, m, Position{})
	run(t, c, func() bool { return c.session.stats().Newest >= last.UnixMicro() })
	if m.records != records+1 || m.batch.Resent != again || len(m.gaps) != 0 {
		t.Errorf("%d records, %d resent, gaps %v; want %d, %d and none", m.records, m.batch.Resent, m.gaps, records+1, again)
	}
	if len(m.seen) != records+1 {
		t.Errorf("%d ids were stored, want %d", len(m.seen), records+1)
	}
	if before < records-2*seenWindow {
		t.Errorf("%d records were stored while the stream was open", before)
	}
}

// TestKilledBetweenCommits: what a collector had received and not stored when it was killed, the next one asks for.
func TestKilledBetweenCommits(t *testing.T) {
	stored := &memory{}
	run(t, New(quick(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 0, 9); return nil }}}, stored, Position{}), stored.has(10))
	at := Position{Watermark: stored.batch.Watermark, Last: map[string]int64{"a": base.Add(9 * time.Second).UnixMicro()}, Seen: stored.seen}
	server := func(last int) *script { // has all of the node
		return &script{steps: []func(context.Context, time.Time, *Session) error{
			func(_ context.Context, from time.Time, s *Session) error {
				first := max(0, int(from.Sub(base)/time.Second))
				send(s, "a", first, last)
				return nil
			}}}
	}
	dead := New(rarely(), server(19), &memory{refuse: errors.New("killed")}, at)
	ctx, kill := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- dead.Run(ctx) }()
	for dead.session.Newest("a") < base.Add(19*time.Second).UnixMicro() {
		time.Sleep(time.Millisecond)
	}
	if n := dead.Stats().Commits; n != 0 {
		t.Fatalf("%d commits", n)
	}
	kill()
	if err := <-ended; err == nil {
		t.Fatal("it stored what it had")
	}
	next := server(29)
	run(t, New(quick(), next, stored, at), stored.has(30))
	if stored.records != 30 || len(stored.gaps) != 0 {
		t.Errorf("%d records stored, gaps %v; want 30 and none", stored.records, stored.gaps)
	}
	for p, n := range stored.ports {
		if n != 1 {
			t.Errorf("port %d has %d records", p, n)
		}
	}
	if want := base.Add(7 * time.Second); next.from[0].After(want) {
		t.Errorf("it asks from %v on, want %v", next.from[0], want)
	}
}

// TestOutgrownBetweenCommits: tables that have grown too large do not keep the next stream waiting for a commit.
func TestOutgrownBetweenCommits(t *testing.T) {
	m := &memory{}
	c := New(rarely(), &script{steps: []func(context.Context, time.Time, *Session) error{
		func(_ context.Context, _ time.Time, s *Session) error {
			send(s, "a", 0, 9)
			return errors.New("broken")
		},
		func(_ context.Context, _ time.Time, s *Session) error { send(s, "a", 8, 19); return nil },
	}}, m, Position{})
	c.session.maxTables = 1
	run(t, c, func() bool { return c.session.Newest("a") >= base.Add(19*time.Second).UnixMicro() })
	if m.records != 20 || m.batch.Resent != 2 {
		t.Errorf("%d records, %d resent; want 20 and 2", m.records, m.batch.Resent)
	}
}
