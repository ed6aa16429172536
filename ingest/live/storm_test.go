package live

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"sluice/model"
)

// weighed is a Store that keeps nothing, and weighs what the process has when many records more have come.
type weighed struct {
	every, records, commits uint64
	most                    uint64 // records of one commit
	heap                    []uint64
}

func (w *weighed) Commit(_ context.Context, b *Batch) error {
	n := b.Report.Total()
	w.most = max(w.most, n)
	w.commits++
	for w.records += n; w.records >= w.every*uint64(len(w.heap)+1); {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		w.heap = append(w.heap, m.HeapAlloc)
	}
	return nil
}

// TestStorm: records without end, each of a source, a port, a pod and a name that no other has, are committed all the
// while, and what the collector holds does not grow with them.
func TestStorm(t *testing.T) {
	const records, size, parts = 60_000, 2 << 20, 8
	storm := func(ctx context.Context, from time.Time, s *Session) error {
		s.Connected()
		tables := s.Tables()
		for n := range records {
			at := base.Add(time.Duration(n) * 10 * time.Millisecond)
			if at.Before(from) {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !s.Fresh([]byte("n"), at.UnixMicro(), uint64(n+1)) {
				continue
			}
			var ip [4]byte
			binary.BigEndian.PutUint32(ip[:], uint32(n)+1<<24)
			name := fmt.Sprintf("%040d.z%d.com", n, n%5000)
			out := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World,
				Address: netip.AddrFrom4(ip), Names: []string{name}})
			pod := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a",
				Labels: model.MakeLabels([]string{fmt.Sprint("app=x", n%1000)})})
			s.Flow(&model.Flow{Time: at.UnixMicro(), Src: model.Ref{ID: pod, Kind: model.KindPod},
				Dst: model.Ref{ID: out, Kind: model.KindAddress, Entities: model.World}, SrcIP: fmt.Append(nil, "10.0.", n>>8&255, ".", n&255),
				DstIP: []byte(netip.AddrFrom4(ip).String()), SrcPod: fmt.Append(nil, "x-", n), SrcPort: uint16(n), DstPort: uint16(n * 7919),
				Proto: model.TCP, Flags: model.SYN, HasFlags: true, Verdict: model.Forwarded, IsReply: model.No, Asked: name,
				Event: model.EventTrace, Observer: model.AtDestination})
		}
		<-ctx.Done()
		return ctx.Err()
	}
	steps := make([]func(context.Context, time.Time, *Session) error, 2000)
	for i := range steps {
		steps[i] = storm
	}
	w := &weighed{every: records / parts}
	c := New(quick(), &script{steps: steps}, w, Position{})
	c.session.maxTables = size
	run(t, c, func() bool {
		s := c.Stats()
		return s.Total() >= records
	})
	t.Logf("%d commits, of at most %d records; bytes after each part: %v; %d streams", w.commits, w.most, w.heap, c.Stats().Streams)
	if w.records != records || len(w.heap) != parts || w.most > records/parts || c.Stats().Crowded < parts {
		t.Errorf("%d records, %d at once, %d streams ended for their tables", w.records, w.most, c.Stats().Crowded)
	}
	for _, heap := range w.heap {
		if heap > 16*size {
			t.Errorf("it grows: %v", w.heap)
		}
	}
}
