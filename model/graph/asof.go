package graph

import (
	"maps"
	"slices"

	"sluice/model"
)

// outliers is the share of records, one in so many and at least one, whose times do not count at either end of a log: a
// wrong clock or a forged record must not set an age.
const outliers = 1000

// slack is how far outside the times that count a peer may have been seen.
const slack = 3600e6 // microseconds

// bounds sets the times that ages are counted from: those between which all records lie but the last and the first
// 0.1 %, and AsOf is never after the clock. Peers count as seen between the bounds only. It returns what the log
// covers.
func (g *Graph) bounds(b *Builder, cfg *Config) span {
	records := map[uint32]uint64{} // by hour
	latest, earliest := map[uint32]model.Micros{}, map[uint32]model.Micros{}
	for t := range b.all {
		if t.k.reason.Notes() {
			continue
		}
		hours := t.hours()
		for _, h := range hours {
			records[h.n] += uint64(h.records)
		}
		last, first := hours[len(hours)-1].n, hours[0].n
		latest[last] = max(latest[last], min(t.last, hourEnd(last)))
		if e, ok := earliest[first]; !ok || t.first < e {
			earliest[first] = t.first
		}
	}
	hours := slices.Sorted(maps.Keys(records))
	if g.hours = hours; len(hours) == 0 {
		return span{}
	}
	begin, end := between(hours, records)
	g.AsOf = hourEnd(end)
	if t, ok := latest[end]; ok {
		g.AsOf = t
	}
	last := g.AsOf
	if cfg.Now != 0 {
		g.AsOf = min(g.AsOf, cfg.Now)
	}
	for _, h := range hours {
		if at := int64(h) * hourMicros; at > g.AsOf+slack {
			g.Late += records[h]
			if at <= last {
				g.Ahead += records[h]
			}
		}
	}
	start := int64(begin) * hourMicros
	if t, ok := earliest[begin]; ok {
		start = t
	}
	for _, p := range g.AllPeers() {
		if p.Last > g.AsOf+slack {
			p.Last = max(g.AsOf, p.First)
		}
		if p.First < start-slack {
			p.First = min(start, p.Last)
		}
	}
	if g.Begin, g.End = g.First, g.Last; total(records) >= enough {
		g.trim(start, g.AsOf)
	}
	if cfg.Begin != 0 {
		g.Begin = min(g.Begin, cfg.Begin)
	}
	g.Through = max(g.AsOf, cfg.Through)
	covered := span{begin, uint32(g.AsOf / hourMicros), g.Through}
	if cfg.AsOf != 0 {
		g.AsOf = cfg.AsOf
	}
	return covered
}

// Watched returns how long of the time between two was watched: in hours without any record nobody did.
func (g *Graph) Watched(from, to model.Micros) (sum model.Micros) {
	for _, h := range g.hours {
		start := int64(h) * hourMicros
		sum += max(min(to, start+hourMicros)-max(from, start), 0)
	}
	return sum
}

// enough is the number of records from which a single one that is dated far outside of the others lies.
const enough = 100

// trim takes the times of records that lie for the nearest that can be.
func (g *Graph) trim(start, end model.Micros) {
	clip := func(t *model.Micros) {
		switch {
		case *t != 0 && *t < start-slack:
			*t = start
		case *t > end+slack:
			*t = end
		}
	}
	clip(&g.Begin)
	clip(&g.End)
	for _, p := range g.AllPeers() {
		clip(&p.First)
		clip(&p.Last)
	}
}

func total(records map[uint32]uint64) (sum uint64) {
	for _, n := range records {
		sum += n
	}
	return sum
}

const hourMicros = int64(windowMinutes * 60e6)

func hourEnd(h uint32) model.Micros { return int64(h+1)*hourMicros - 1 }
