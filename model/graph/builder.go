// Package graph builds edges out of observations: it decides what one record cannot (directions left open, several
// records of one connection, mixed verdicts), groups endpoints into workloads, and keeps the evidence of every edge.
// Building is commutative: any order, any partition of the observations gives the same graph.
package graph

import (
	"cmp"
	"slices"

	"sluice/model"
)

// windowMinutes is the length of a window of evidence: verdicts are weighed and incidence is counted by the hour,
// whatever the windows of the stored rows.
const windowMinutes = 60

type key struct {
	src, dst      model.EndpointID
	srcPort, port uint16
	proto         model.Proto
	verdict       model.Verdict
	observer      model.Observer
	fate          model.Fate
	reason        model.Reason
	marks         model.Marks // of model.KeyMarks
}

// tally is what was seen of one key.
type tally struct {
	records, conns uint64
	first, last    int64
	srcPod, dstPod model.NameID
	marks          model.Marks
	hours          []hour // sorted
}

// hour is what was seen in one window of evidence.
type hour struct {
	n              uint32 // hours since 1970 UTC
	records, conns uint32
}

// Builder collects observations. Its size is that of the distinct connections seen and the hours they were seen in.
// It serves one goroutine.
type Builder struct {
	tables model.Tables
	tally  map[key]*tally
	arena  []tally
	// translation of the table that Add was last called with
	from model.Tables
	ids  []model.EndpointID
	strs []model.NameID
}

// NewBuilder makes an empty Builder whose endpoints live in t.
func NewBuilder(t model.Tables) *Builder {
	return &Builder{tables: t, tally: map[key]*tally{}}
}

// Add takes rows whose references mean tables t.
func (b *Builder) Add(t model.Tables, rows []model.Observation) {
	for i := range rows {
		o := &rows[i]
		k := key{o.Src, o.Dst, o.SrcPort, o.Port, o.Proto, o.Verdict, o.Observer, o.Fate, o.Reason, o.Marks & model.KeyMarks}
		sp, dp := o.SrcPod, o.DstPod
		if t != b.tables {
			k.src, k.dst = b.endpoint(t, o.Src), b.endpoint(t, o.Dst)
			sp, dp = b.name(t, sp), b.name(t, dp)
		}
		a := b.tally[k]
		if a == nil {
			if len(b.arena) == cap(b.arena) {
				b.arena = make([]tally, 0, 1024)
			}
			b.arena = append(b.arena, tally{first: o.First, last: o.Last, srcPod: sp, dstPod: dp})
			a = &b.arena[len(b.arena)-1]
			b.tally[k] = a
		}
		a.add(b.tables.Names, o, sp, dp)
	}
}

func (a *tally) add(names *model.Strings, o *model.Observation, sp, dp model.NameID) {
	a.records += uint64(o.Records)
	a.conns += uint64(o.Conns)
	a.marks |= o.Marks
	a.last = max(a.last, o.Last)
	if o.First < a.first || o.First == a.first && lessPods(names, sp, dp, a.srcPod, a.dstPod) {
		a.first, a.srcPod, a.dstPod = o.First, sp, dp
	}
	h := a.hour(o.Window / windowMinutes)
	h.records += o.Records
	h.conns += o.Conns
}

// hour finds or makes the window. Logs are mostly in order, so the last one is tried first.
func (a *tally) hour(w uint32) *hour {
	n := len(a.hours)
	if n == 0 || a.hours[n-1].n < w {
		a.hours = append(a.hours, hour{n: w})
		return &a.hours[n]
	}
	if a.hours[n-1].n == w {
		return &a.hours[n-1]
	}
	i, ok := slices.BinarySearchFunc(a.hours, w, func(h hour, w uint32) int { return cmp.Compare(h.n, w) })
	if !ok {
		a.hours = slices.Insert(a.hours, i, hour{n: w})
	}
	return &a.hours[i]
}

func lessPods(n *model.Strings, s1, d1, s2, d2 model.NameID) bool {
	if s1 != s2 {
		return n.Get(s1) < n.Get(s2)
	}
	return d1 != d2 && n.Get(d1) < n.Get(d2)
}

func (b *Builder) use(t model.Tables) {
	if t != b.from {
		b.from, b.ids, b.strs = t, nil, nil
	}
}

const noID = ^uint32(0)

func (b *Builder) endpoint(t model.Tables, id model.EndpointID) model.EndpointID {
	b.use(t)
	for len(b.ids) <= int(id) {
		b.ids = append(b.ids, model.EndpointID(noID))
	}
	if b.ids[id] == model.EndpointID(noID) {
		b.ids[id] = b.tables.Endpoints.Intern(*t.Endpoints.Get(id))
	}
	return b.ids[id]
}

func (b *Builder) name(t model.Tables, id model.NameID) model.NameID {
	b.use(t)
	for len(b.strs) <= int(id) {
		b.strs = append(b.strs, model.NameID(noID))
	}
	if b.strs[id] == model.NameID(noID) {
		b.strs[id] = b.tables.Names.Intern([]byte(t.Names.Get(id)))
	}
	return b.strs[id]
}

// Observations gives back what edges were built from, a row for each key and hour, in a deterministic order; noise
// is left out. First and last are those of the key, clipped to the hour. It is what a bundle keeps as evidence:
// a graph built from it has the same edges.
func (b *Builder) Observations() []model.Observation {
	var out []model.Observation
	for _, it := range b.sorted() {
		if it.k.fate == model.Irrelevant {
			continue
		}
		for _, h := range it.t.hours {
			start := int64(h.n) * windowMinutes * 60e6
			end := start + windowMinutes*60e6 - 1
			o := model.Observation{
				Window: h.n * windowMinutes, Src: it.k.src, Dst: it.k.dst, SrcPort: it.k.srcPort, Port: it.k.port, Proto: it.k.proto,
				Verdict: it.k.verdict, Observer: it.k.observer, Fate: it.k.fate, Reason: it.k.reason, Marks: it.t.marks,
				Records: h.records, Conns: h.conns, First: max(start, it.t.first), Last: it.t.last,
			}
			if h.n != it.t.hours[len(it.t.hours)-1].n {
				o.Last = min(end, it.t.last)
			}
			if h.n == it.t.hours[0].n {
				o.SrcPod, o.DstPod = it.t.srcPod, it.t.dstPod
			}
			out = append(out, o)
		}
	}
	return out
}

// Tables are the tables that Observations refers to.
func (b *Builder) Tables() model.Tables { return b.tables }
