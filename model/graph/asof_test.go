package graph

import (
	"fmt"
	"testing"

	"sluice/model"
)

// TestAsOf: no record alone sets the time that ages are counted from, at either end of a log.
func TestAsOf(t *testing.T) {
	const hourMicros = 3600e6
	build := func(cfg Config, hours ...uint32) *Graph {
		w := newWorld()
		for n, h := range hours {
			w.see(h, w.pod("shop", "web"), w.pod("shop", fmt.Sprint("db-", n)), 5432, model.Used, model.AtDestination, func(o *model.Observation) {
				if n < 8 {
					o.Records = 100
				}
			})
		}
		b := NewBuilder(w.t)
		b.Add(w.t, w.rows)
		return b.Build(cfg)
	}
	hour := func(n int64) model.Micros { return (hour0 + n) * hourMicros }
	for _, c := range []struct {
		name      string
		cfg       Config
		hours     []uint32
		asOf      model.Micros
		late      uint64
		from, end model.Micros // of the client
	}{
		{"a quiet log", Config{}, []uint32{0, 1, 2, 3}, hour(3) + 1, 0, hour(0), hour(3) + 1},
		{"one record of the future", Config{}, []uint32{10, 11, 12, 13, 10, 11, 12, 13, 400_000}, hour(13) + 1, 1, hour(10), hour(13) + 1},
		{"one record of the past", Config{}, []uint32{90_010, 90_011, 90_012, 90_013, 90_010, 90_011, 90_012, 90_013, 0}, hour(90_013) + 1, 0,
			hour(90_010), hour(90_013) + 1},
		{"many records of the future", Config{}, []uint32{0, 1, 400_000, 400_000}, hour(400_000) + 1, 0, hour(0), hour(400_000) + 1},
		{"after the clock", Config{Now: hour(2)}, []uint32{0, 1, 400_000, 400_000}, hour(2), 200, hour(0), hour(2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := build(c.cfg, c.hours...)
			if g.AsOf != c.asOf || g.Late != c.late {
				t.Errorf("as of %d, want %d; %d late, want %d", g.AsOf, c.asOf, g.Late, c.late)
			}
			for _, p := range g.Peers {
				if p.ID == "shop/web" && (p.First != c.from || p.Last != c.end) {
					t.Errorf("client seen from %d to %d, want %d to %d", p.First, p.Last, c.from, c.end)
				}
			}
		})
	}
}
