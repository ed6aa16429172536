package store

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/model"
)

const anHour = model.Micros(time.Hour / time.Microsecond)

// lossyPart commits rows of an hour as a part of a stream that lost events in it, and whose node n was away.
func lossyPart(t *testing.T, s *Store, hour uint32, rows int, events uint64) {
	t.Helper()
	at := model.Micros(hour) * anHour
	src := Source{Name: "hubble://a", Format: "hubble", Records: int64(rows), Stream: &Stream{Watermark: at}}
	if events > 0 {
		src.Lost = int64(events)
		src.LostHours.Add(at, at, events)
		src.Stream.Lost = []Lost{{Node: "n", Cause: "queue", Events: int64(events)}}
		src.Stream.Gaps = []Gap{{Node: "n", From: at, To: at + anHour/2, Cause: "away"}}
	}
	tables := model.NewTables()
	id := tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "web"})
	out := make([]model.Observation, rows)
	for i := range out {
		out[i] = model.Observation{Window: hour * 60, Src: id, Dst: id, Port: uint16(i), Records: 1, First: at, Last: at + 1}
	}
	commitRows(t, s, WriterOptions{}, tables, out, src)
}

// TestLossesGo: what was lost in the hours of days that were dropped goes with their rows, of commits that were merged
// and of those that have nothing else to drop; what was lost later stays, and so does all without a drop.
func TestLossesGo(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := inMemory(t)
		from := uint32(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix() / 3600)
		lost, want := map[uint32]uint64{}, map[uint32]uint64{}
		newest := uint32(0)
		for h := from; h < from+10*24; h += 1 + uint32(r.IntN(12)) {
			events := uint64(max(0, r.IntN(20)-8))
			rows := r.IntN(6)
			if rows > 0 {
				newest = h
			}
			if events > 0 {
				lost[h] = events
			}
			lossyPart(t, s, h, rows, events)
			if _, err := s.Compact(t.Context(), CompactOptions{Run: 2 + r.IntN(6)}); err != nil {
				t.Fatal(err)
			}
		}
		o := CompactOptions{Run: 3, Now: time.Unix(int64(newest+1)*3600, 0)}
		if seed%2 == 0 {
			o.Keep = time.Duration(1+r.IntN(200)) * time.Hour
		} else {
			size := int64(0)
			for _, g := range s.Segments() {
				size += g.Bytes
			}
			o.KeepBytes = 1 + r.Int64N(size)
		}
		c, err := s.Compact(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		left, young := uint32(math.MaxUint32), uint32(0)
		for _, g := range s.Segments() {
			left = min(left, uint32(g.First/anHour))
		}
		if o.Keep > 0 { // no hour that is not over for longer than that
			young = newest - uint32(o.Keep/time.Hour)
		}
		for h, events := range lost {
			if h >= left || o.Keep > 0 && h >= young || o.KeepBytes > 0 && c.Dropped == 0 {
				want[h] = events
			}
		}
		got, gaps, events, nodes := model.Losses{}, map[uint32]uint64{}, uint64(0), uint64(0)
		for _, src := range s.Sources() {
			got.Merge(src.LostHours)
			events += uint64(src.Lost)
			for _, g := range src.Stream.Gaps {
				gaps[uint32(g.From/anHour)] = lost[uint32(g.From/anHour)]
			}
			for _, l := range src.Stream.Lost {
				nodes += uint64(l.Events)
			}
		}
		what := fmt.Sprintf("seed %d, keep %v, %d bytes, dropped %d", seed, o.Keep, o.KeepBytes, c.Dropped)
		if !maps.Equal(got, want) || events != got.Events() || nodes != events || !maps.Equal(gaps, want) {
			t.Errorf("%s: lost %v, %d events, %d of nodes, gaps %v; want %v", what, got, events, nodes, gaps, want)
		}
		if again, err := s.Compact(t.Context(), o); err != nil || again.Merged+int(again.Dropped) > 0 {
			t.Errorf("%s: once more: %+v: %v", what, again, err)
		}
	}
}
