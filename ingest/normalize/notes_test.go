package normalize

import (
	"encoding/binary"
	"fmt"
	"maps"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// TestNotes: of many pods nine of ten and more are remembered, and no more room is taken than for them.
func TestNotes(t *testing.T) {
	for _, c := range []struct{ pods, sets, atMost int }{
		{1_000, noteSets, 30},
		{40_000, 16 * noteSets, 2_000},
		{100_000, mostSets, 10_000},
		{1_000_000, mostSets, 1_000_000},
	} {
		n := newNotes(newNoteSeed(), noteSets, mostSets)
		forgotten := 0
		for round := range 4 {
			forgotten = 0
			for i := range c.pods {
				x := n.of(model.EndpointID(i/5), binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i)), nil, 7, 1)
				known := n.has(x)
				if round == 0 && known {
					t.Fatalf("%d of %d was known before it was seen", i, c.pods)
				}
				if !known {
					n.add(x)
					forgotten++
				}
			}
		}
		if len(n.sets) > c.sets || forgotten > c.atMost {
			t.Errorf("%d pods: %d sets, forgot %d", c.pods, len(n.sets), forgotten)
		}
	}
}

// TestNotesOfTimes: what is noted is known at its time and later, not before, and another pod later alone; none of that
// forgets another.
func TestNotesOfTimes(t *testing.T) {
	n := newNotes(newNoteSeed(), noteSets, mostSets)
	at := func(pod string, hour uint32, time model.Micros) note {
		return n.of(1, []byte("10.0.0.1"), []byte(pod), hour, time)
	}
	for _, c := range []struct {
		x     note
		known bool
	}{
		{at("a", 7, 5), false},
		{at("a", 7, 5), true},
		{at("a", 7, 6), true},
		{at("a", 7, 4), false},
		{at("a", 7, 5), true},
		{at("a", 7, 4), true},
		{at("a", 8, 9), false},
		{at("b", 7, 9), true},
		{at("a", 7, 4), true},
		{at("b", 7, 4), false},
		{at("b", 7, 4), true},
		{at("a", 7, 4), false},
		{at("shop-5d9c7b6f4-x2x4z", 7, 3), false},
		{at("shop-5d9c7b6f4-x2x4y", 7, 3), false},
		{at("shop-5d9c7b6f4-x2x4z", 7, 4), true},
	} {
		if known := n.has(c.x); known != c.known {
			t.Fatalf("%+v: known %v", c.x, known)
		}
		if !c.known {
			n.add(c.x)
		}
	}
	if n.forgot > 0 {
		t.Errorf("forgot %d", n.forgot)
	}
}

// TestNotesOfHours: what is forgotten since its hour is over takes no more room, however long a log is.
func TestNotesOfHours(t *testing.T) {
	n := newNotes(newNoteSeed(), noteSets, mostSets)
	for hour := range uint32(200) {
		for i := range 3000 {
			x := n.of(1, binary.BigEndian.AppendUint32(nil, uint32(i)), nil, hour, int64(hour)*hourTime)
			if !n.has(x) {
				n.add(x)
			}
		}
	}
	if len(n.sets) > 2*noteSets {
		t.Errorf("%d sets", len(n.sets))
	}
}

// TestNoted: what one reader has noted no other notes again, but for an earlier time; and the rows of both together say
// the same whoever read first.
func TestNoted(t *testing.T) {
	const hour = model.Micros(1772359200e6)
	pod := model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "web"}
	type record struct {
		reader int
		ip     string
		time   model.Micros
	}
	for _, c := range []struct {
		records []record
		rows    int
	}{
		{[]record{{0, "10.0.0.1", 5}, {1, "10.0.0.1", 5}, {1, "10.0.0.1", 6}, {0, "10.0.0.1", 7}}, 1},
		{[]record{{0, "10.0.0.1", 5}, {1, "10.0.0.2", 5}, {0, "10.0.0.2", 6}, {1, "10.0.0.1", 6}}, 2},
		{[]record{{0, "10.0.0.1", 5}, {1, "10.0.0.1", 4}, {0, "10.0.0.1", 4}, {1, "10.0.0.1", 3}}, 3},
		{[]record{{0, "10.0.0.1", 5}, {1, "10.0.0.1", 5 + hourTime}, {0, "10.0.0.1", 6 + hourTime}}, 2},
	} {
		tables := model.NewTables()
		src := model.Ref{Kind: model.KindPod, ID: tables.Endpoints.Intern(pod)}
		noted, rows := NewNoted(), 0
		first := map[string]model.Micros{}
		var readers [2]*Normalizer
		for i := range readers {
			readers[i] = New(ingest.NewFold(tables.Names, ingest.MinuteRows, func(list []model.Observation) {
				for _, o := range list {
					if o.Reason != model.NodeAddress {
						continue
					}
					rows++
					key := fmt.Sprint(tables.Endpoints.Get(o.Src).Address, o.Window)
					if at, ok := first[key]; !ok || o.First < at {
						first[key] = o.First
					}
				}
			}), 1)
			readers[i].Endpoints, readers[i].Noted = tables.Endpoints, noted
		}
		want := map[string]model.Micros{}
		for _, r := range c.records {
			at := hour + r.time
			readers[r.reader].Flow(&model.Flow{Time: at, Src: src, SrcIP: []byte(r.ip), SrcPod: []byte("web"),
				Proto: model.TCP, Verdict: model.Forwarded, Event: model.EventConnection})
			readers[r.reader].fold.Flush()
			key := fmt.Sprint(r.ip, " ", at/hourTime*60)
			if old, ok := want[key]; !ok || at < old {
				want[key] = at
			}
		}
		if rows != c.rows || !maps.Equal(first, want) {
			t.Errorf("%v: %d rows %v, want %d %v", c.records, rows, first, c.rows, want)
		}
	}
}
