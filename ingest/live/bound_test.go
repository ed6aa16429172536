package live

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sluice/model"
)

// TestCrowded: whoever sends from ever new addresses, or as ever new pods with thousands of labels, makes streams
// shorter and not tables larger, and nothing is lost.
func TestCrowded(t *testing.T) {
	testCrowded(t, 20_000, func(n int) model.Endpoint {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], uint32(n)+1<<24)
		return model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: netip.AddrFrom4(ip)}
	})
	testCrowded(t, 1000, func(n int) model.Endpoint {
		labels := make([]string, 1000)
		for i := range labels {
			labels[i] = fmt.Sprintf("l%d-%d=v", i, n)
		}
		return model.Endpoint{Kind: model.KindPod, Namespace: "evil", Labels: model.MakeLabels(labels)}
	})
}

func testCrowded(t *testing.T, records int, stranger func(n int) model.Endpoint) {
	const size = 1 << 20
	largest := 0
	storm := func(ctx context.Context, from time.Time, s *Session) error {
		s.Connected()
		tables := s.Tables()
		pod := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: model.MakeLabels([]string{"app=x"})})
		for n := range records {
			at := base.Add(time.Duration(n) * time.Second)
			if at.Before(from) {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			out := stranger(n)
			client := model.Ref{ID: tables.Endpoints.Intern(out), Kind: out.Kind, Entities: out.Entities}
			largest = max(largest, tables.Size())
			if s.Fresh([]byte("n"), at.UnixMicro(), uint64(n+1)) {
				s.Flow(&model.Flow{Time: at.UnixMicro(), Src: client,
					Dst: model.Ref{ID: pod, Kind: model.KindPod}, SrcIP: []byte("198.51.100.1"), DstIP: []byte("10.0.0.1"), SrcPort: 40000,
					DstPort: 1, Proto: model.TCP, Flags: model.SYN, HasFlags: true, Verdict: model.Forwarded, IsReply: model.No,
					Event: model.EventTrace, Observer: model.AtDestination})
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
	steps := make([]func(context.Context, time.Time, *Session) error, 200)
	for i := range steps {
		steps[i] = storm
	}
	m := &memory{}
	c := New(quick(), &script{steps: steps}, m, Position{})
	c.session.maxTables = size
	run(t, c, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.records >= uint64(records)
	})
	if m.records != uint64(records) || m.ports[1] != records || len(m.gaps) != 0 {
		t.Errorf("%d records, %d in rows, gaps %v; want %d", m.records, m.ports[1], m.gaps, records)
	}
	if s := c.Stats(); s.Crowded < 5 || largest > 2*size {
		t.Errorf("%d streams were ended, the largest tables have %d bytes", s.Crowded, largest)
	}
}

// TestLyingTimes: records whose times cannot be are counted, move nothing and open few days.
func TestLyingTimes(t *testing.T) {
	now := time.Now()
	clock := model.ClockOf(func() time.Time { return now }, func() time.Duration { return 0 })
	s := newSession(t.Context(), &Config{WindowMinutes: 1, Clock: clock}, Position{})
	id := uint64(0)
	take := func(at time.Time) {
		id++
		out := s.Tables().Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: model.MakeLabels([]string{"app=x"})})
		s.FreshFlow([]byte("n"), id, &model.Flow{Time: at.UnixMicro(), Src: model.Ref{ID: out, Kind: model.KindPod},
			Dst: model.Ref{ID: out, Kind: model.KindPod}, SrcIP: []byte("10.0.0.1"), DstIP: []byte("10.0.0.2"), SrcPort: 40000, DstPort: 1,
			Proto: model.TCP, Flags: model.SYN, HasFlags: true, Verdict: model.Forwarded, IsReply: model.No, Event: model.EventTrace})
	}
	take(now)
	for year := range 50 {
		take(now.AddDate(year+1, 0, 0))
	}
	for month := range 200 {
		take(now.AddDate(0, -month-1, 0))
	}
	take(now.Add(time.Second))
	var b Batch
	s.take(&b)
	days := map[uint32]bool{}
	for _, r := range b.Rows {
		days[r.Window/(24*60)] = true
	}
	if b.Watermark > now.Add(time.Second).UnixMicro() || b.Nodes["n"].Last != now.Add(time.Second).UnixMicro() {
		t.Errorf("the watermark is %s, the node's last record %s", model.Stamp(b.Watermark), model.Stamp(b.Nodes["n"].Last))
	}
	if got := b.Report.Counts[model.Refused][model.BadTime]; got != 50+200-oldDays || len(days) > oldDays+2 || b.Report.Total() != 252 {
		t.Errorf("%d of %d records were refused for their time, %d days", got, b.Report.Total(), len(days))
	}
}
