package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// flowLog is a kind of log: it turns connections into its records.
type flowLog interface {
	// connection writes what the log says of one connection, at most so many records of it if most is not 0.
	connection(c *conn, most int)
	// health is told that the nodes check each other.
	health(r *rand.Rand)
	// elapsed is how much of the capture is over, from 0 to 1; from 1 on there is no room for more.
	elapsed() float64
	close() error
}

// conn is one connection.
type conn struct {
	e              *edge
	client, server *party
	r              *rand.Rand
	sport, port    uint32
	v6             bool
	denied         bool // by a policy
}

// generator draws connections from a scenario.
type generator struct {
	s       *scenario
	r       *rand.Rand
	log     flowLog
	parties map[string][]*party
	scanned map[*edge]uint32 // how many ports each scan has tried
}

func newGenerator(s *scenario, r *rand.Rand, rollout bool, log flowLog) *generator {
	return &generator{s: s, r: r, log: log, parties: cast(s, rollout), scanned: map[*edge]uint32{}}
}

// run draws edges by their weight until the log is full. Every edge is drawn once first, with less said of each where
// they would not fit otherwise: a capture without an edge would contradict the truth.
func (g *generator) run(records int) error {
	var wheel []*edge
	for _, list := range [][]edge{g.s.Edges, g.s.Noise} {
		for i := range list {
			if list[i].Once {
				continue
			}
			for range max(list[i].Weight, 1) {
				wheel = append(wheel, &list[i])
			}
		}
	}
	most := 0
	if n := len(g.s.Edges); n > 0 && records/n < 8 {
		most = max(records/n, 1)
	}
	for i := range g.s.Edges {
		for _, v := range g.views(&g.s.Edges[i]) {
			g.draw(&g.s.Edges[i], v, most)
		}
	}
	for i := range g.s.Noise {
		g.draw(&g.s.Noise[i], g.view(&g.s.Noise[i]), most)
	}
	for g.log.elapsed() < 1 {
		if g.r.Float64() < g.s.Health {
			g.log.health(g.r)
			continue
		}
		e := wheel[g.r.IntN(len(wheel))]
		g.draw(e, g.view(e), 0)
	}
	return g.log.close()
}

// pick returns one of the pods behind an end; of a CronJob the one that runs now.
func (g *generator) pick(end string) *party {
	list := g.parties[end]
	if w := list[0].w; w != nil && w.Kind == "CronJob" {
		return list[min(int(g.log.elapsed()*float64(len(list))), len(list)-1)]
	}
	return list[g.r.IntN(len(list))]
}

// view is a way in which an edge shows.
type view struct {
	from, to *party
	v6       bool
}

// view returns two ends and a family. The members of a workload talk to each other, not each to itself.
func (g *generator) view(e *edge) view {
	v := view{from: g.pick(e.From), to: g.pick(e.To)}
	for v.from == v.to {
		v.to = g.pick(e.To)
	}
	list := families(v.from, v.to)
	v.v6 = list[0] || len(list) > 1 && g.r.IntN(3) == 0
	return v
}

// views returns one of each kind that the truth tells apart: a hostNetwork pod on the other end's node and on others,
// since it is its node; and pings of both families.
func (g *generator) views(e *edge) []view {
	v := g.view(e)
	switch {
	case onHost(v.from) || onHost(v.to):
		return g.nearAndFar(e)
	case e.Proto == "icmp":
		var out []view
		for _, v6 := range families(v.from, v.to) {
			out = append(out, view{v.from, v.to, v6})
		}
		return out
	}
	return []view{v}
}

func (g *generator) nearAndFar(e *edge) []view {
	var out []view
	seen := map[bool]bool{}
	for _, from := range g.parties[e.From] {
		for _, to := range g.parties[e.To] {
			if near := from.node == to.node; !seen[near] {
				seen[near] = true
				out = append(out, view{from, to, families(from, to)[0]})
			}
		}
	}
	return out
}

func onHost(p *party) bool { return p.w != nil && p.w.HostNetwork }

func (g *generator) draw(e *edge, v view, most int) {
	c := &conn{
		e:      e,
		client: v.from,
		server: v.to,
		v6:     v.v6,
		r:      g.r,
		sport:  uint32(32768 + g.r.IntN(28000)),
		port:   e.Port,
	}
	if e.Kind == "scan" {
		c.port = uint32(1 + g.r.IntN(30000)) // any
	}
	if slices.Contains(scans, e.Kind) {
		const firstClosed = 2000
		c.port = firstClosed + g.scanned[e]
		g.scanned[e]++
	}
	c.denied = e.Kind == "denied" || e.Kind == "scan" || e.DeniedFrom > 0 && g.log.elapsed() >= e.DeniedFrom
	g.log.connection(c, most)
}

// start is when captures begin.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
