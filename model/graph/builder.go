// Package graph builds edges out of observations: it decides what one record cannot (directions left open, several
// records of one connection, mixed verdicts), groups endpoints into workloads, and keeps the evidence of every edge.
// Building is commutative: any order, any partition of the observations gives the same graph.
package graph

import (
	"cmp"
	"math/bits"
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

func (k *key) hash() uint64 {
	const p, q = 0x9E3779B97F4A7C15, 0xE7037ED1A0B428DB
	a := uint64(k.src)<<32 | uint64(k.dst)
	b := uint64(
		k.srcPort,
	)<<48 | uint64(
		k.port,
	)<<32 | uint64(
		k.proto,
	)<<24 | uint64(
		k.verdict,
	)<<16 | uint64(
		k.observer,
	)<<8 | uint64(
		k.fate,
	)
	c := uint64(k.reason)<<16 | uint64(k.marks)
	hi, lo := bits.Mul64(a^p, b^q)
	hi, lo = bits.Mul64(hi^lo^c, q)
	return hi ^ lo
}

// tally is what was seen of one key.
type tally struct {
	k              key
	records, conns uint64
	first, last    int64
	srcPod, dstPod model.NameID
	marks          model.Marks
	old            bool    // a row of it lacks model.MarkNoted
	any            bool    // it has an hour
	one            [1]hour // its hours, where it has one alone: mostly
	more           *[]hour // where it has several
}

// hours are those that it was seen in, sorted.
func (a *tally) hours() []hour {
	switch {
	case a.more != nil:
		return *a.more
	case a.any:
		return a.one[:]
	}
	return nil
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
	index  []uint32  // open addressing over a power of two: number of a tally + 1, 0 is free
	chunks [][]tally // of chunkSize each, so that tallies never move
	n      int
	notes  int // tallies that tell of no connection
	// touched keeps the compiler from dropping loads that only fetch.
	touched int64
	// translation of the table that Add was last called with
	from model.Tables
	ids  []model.EndpointID
	strs []model.NameID
	// proven are the backends of services that manifests proved in the last Build.
	proven []provenBackend
}

const chunkSize = 1 << 10

// NewBuilder makes an empty Builder whose endpoints live in t.
func NewBuilder(t model.Tables) *Builder {
	return &Builder{tables: t, index: model.Room[uint32](chunkSize)}
}

// addedAtOnce is how many rows Add takes together, so that the memory of what they add to is fetched at once.
const addedAtOnce = 16

// Add takes rows whose references mean tables t.
func (b *Builder) Add(t model.Tables, rows []model.Observation) {
	for ; len(rows) > addedAtOnce; rows = rows[addedAtOnce:] {
		b.add(t, rows[:addedAtOnce])
	}
	b.add(t, rows)
}

// add takes a few rows. Its first loops only touch what the last one needs: their loads do not depend on each other, so
// the processor does them side by side.
func (b *Builder) add(t model.Tables, rows []model.Observation) {
	var keys [addedAtOnce]key
	var hashes [addedAtOnce]uint64
	var at [addedAtOnce]uint32
	for i := range rows {
		o := &rows[i]
		keys[i] = key{o.Src, o.Dst, o.SrcPort, o.Port, o.Proto, o.Verdict, o.Observer, o.Fate, o.Reason,
			o.Marks & model.KeyMarks}
		if t != b.tables {
			keys[i].src, keys[i].dst = b.endpoint(t, o.Src), b.endpoint(t, o.Dst)
		}
		hashes[i] = keys[i].hash()
		at[i] = b.index[hashes[i]&uint64(len(b.index)-1)]
	}
	for i := range rows {
		if at[i] > 0 {
			b.touched += b.at(int(at[i] - 1)).last
		}
	}
	for i := range rows {
		o, sp, dp := &rows[i], rows[i].SrcPod, rows[i].DstPod
		if t != b.tables {
			sp, dp = b.name(t, sp), b.name(t, dp)
		}
		a, found := b.tally(&keys[i], hashes[i])
		if !found {
			a.first, a.last, a.srcPod, a.dstPod = o.First, o.Last, sp, dp
		}
		a.add(b.tables.Names, o, sp, dp)
	}
}

// tally finds or makes the tally of a key, which has a hash.
func (b *Builder) tally(k *key, hash uint64) (t *tally, found bool) {
	mask := uint64(len(b.index) - 1)
	i := hash & mask
	for ; b.index[i] != 0; i = (i + 1) & mask {
		if t := b.at(int(b.index[i] - 1)); t.k == *k {
			return t, true
		}
	}
	if 2*b.n >= len(b.index) {
		b.grow()
		return b.tally(k, hash)
	}
	if b.n%chunkSize == 0 {
		b.chunks = append(b.chunks, make([]tally, chunkSize))
	}
	b.n++
	if k.reason.Notes() {
		b.notes++
	}
	b.index[i] = uint32(b.n)
	t = b.at(b.n - 1)
	*t = tally{k: *k} // all of it is written before any of it is read, as model.Room has it
	return t, false
}

func (b *Builder) at(i int) *tally { return &b.chunks[i/chunkSize][i%chunkSize] }

func (b *Builder) grow() {
	b.index = model.Room[uint32](2 * len(b.index))
	mask := uint64(len(b.index) - 1)
	for n := range b.n {
		i := b.at(n).k.hash() & mask
		for b.index[i] != 0 {
			i = (i + 1) & mask
		}
		b.index[i] = uint32(n + 1)
	}
}

// all goes over the tallies in the order they were made.
func (b *Builder) all(yield func(*tally) bool) {
	for n := range b.n {
		if !yield(b.at(n)) {
			return
		}
	}
}

// shows reports whether the ends of a tally are in the graph. A workload that only probes reach is one.
func (a *tally) shows() bool { return a.k.fate != model.Irrelevant || a.k.proto.HasPorts() }

// refuses reports whether a tally is of ICMP errors that say of the sender that it cannot be reached: where it is the
// end that was asked, nobody listens on that port.
func (a *tally) refuses() bool {
	const unreachable, unreachable6 = 3, 1 // types of messages
	return a.k.fate == model.Irrelevant && a.k.reason == model.ICMPError &&
		(a.k.proto == model.ICMP && a.k.port == unreachable || a.k.proto == model.ICMPv6 && a.k.port == unreachable6)
}

func (a *tally) add(names *model.Strings, o *model.Observation, sp, dp model.NameID) {
	a.records += uint64(o.Records)
	a.conns += uint64(o.Conns)
	a.marks |= o.Marks
	if o.Verdict == model.Audit {
		a.marks |= model.MarkStagedDeny
	}
	a.old = a.old || o.Marks&model.MarkNoted == 0
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
	if !a.any {
		a.any, a.one[0].n = true, w
	}
	hours := a.hours()
	n := len(hours)
	if hours[n-1].n == w {
		return &hours[n-1]
	}
	i, ok := n, false
	if hours[n-1].n > w {
		i, ok = slices.BinarySearchFunc(hours, w, func(h hour, w uint32) int { return cmp.Compare(h.n, w) })
	}
	if !ok {
		if a.more == nil {
			a.more = &[]hour{a.one[0]}
		}
		*a.more = slices.Insert(*a.more, i, hour{n: w})
	}
	return &a.hours()[i]
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

// Observations returns back what edges were built from, a row for each key and hour, in an order that depends on
// nothing but them. First and last are those of the key, clipped to the hour. It is what a bundle keeps as evidence: a
// graph built from it has the same edges and workloads. So noise is left out only where it tells of no workload.
func (b *Builder) Observations() []model.Observation {
	var list []*tally
	shown := make([]bool, b.tables.Endpoints.Len())
	for t := range b.all {
		if t.shows() {
			list = append(list, t)
			shown[t.k.src], shown[t.k.dst] = true, true
		}
	}
	wanted := slices.Clone(shown)
	tells := b.telling()
	for t := range b.all {
		if t.refuses() && shown[t.k.src] && shown[t.k.dst] || tells(t) {
			list = append(list, t)
			wanted[t.k.src], wanted[t.k.dst] = true, true
		}
	}
	spaces, n := b.spaces(wanted)
	rank := ranks(b, spaces, n, nil)
	list = divide(list, len(rank), func(t **tally) int { return int(rank[(*t).k.src]) }, func(of []*tally) {
		slices.SortFunc(of, func(x, y *tally) int {
			return cmp.Or(cmp.Compare(rank[x.k.dst], rank[y.k.dst]), compareKeys(&x.k, &y.k))
		})
	})
	rows := 0
	for _, t := range list {
		rows += len(t.hours())
	}
	out := make([]model.Observation, 0, rows) // of a month they are millions
	for _, t := range list {
		out = t.observations(out)
	}
	return b.proofs(out)
}

// compareKeys orders the keys of one pair of endpoints.
func compareKeys(a, c *key) int {
	return cmp.Or(cmp.Compare(a.proto, c.proto), cmp.Compare(a.port, c.port),
		cmp.Compare(a.srcPort, c.srcPort), cmp.Compare(a.fate, c.fate), cmp.Compare(a.observer, c.observer),
		cmp.Compare(a.verdict, c.verdict), cmp.Compare(a.reason, c.reason), cmp.Compare(a.marks, c.marks))
}

func (a *tally) observations(out []model.Observation) []model.Observation {
	marks := a.marks
	if a.old {
		marks &^= model.MarkNoted
	}
	hours := a.hours()
	for i, h := range hours {
		start := int64(h.n) * windowMinutes * 60e6
		o := model.Observation{
			Window: h.n * windowMinutes, Src: a.k.src, Dst: a.k.dst, SrcPort: a.k.srcPort, Port: a.k.port, Proto: a.k.proto,
			Verdict: a.k.verdict, Observer: a.k.observer, Fate: a.k.fate, Reason: a.k.reason, Marks: marks,
			Records: h.records, Conns: h.conns, First: max(start, a.first), Last: a.last,
		}
		if i < len(hours)-1 {
			o.Last = min(start+windowMinutes*60e6-1, a.last)
		}
		if i == 0 {
			o.SrcPod, o.DstPod = a.srcPod, a.dstPod
		}
		if a.notesAddress() { // noted once an hour by each that reads, at whatever record came first
			o.First, o.Last = start, start
		}
		out = append(out, o)
	}
	return out
}

// Ends calls yield with the two ends of each key, those of noise among them.
func (b *Builder) Ends(yield func(src, dst *model.Endpoint) bool) {
	eps := b.tables.Endpoints.Snapshot()
	for t := range b.all {
		if !yield(eps[t.k.src], eps[t.k.dst]) {
			return
		}
	}
}

// Part returns a Builder of what is between ends that are kept. Its tables are its own: they hold no other endpoints.
func (b *Builder) Part(keep func(src, dst *model.Endpoint) bool) *Builder {
	eps := b.tables.Endpoints.Snapshot()
	part := NewBuilder(model.NewTables())
	var rows []model.Observation
	for t := range b.all {
		if keep(eps[t.k.src], eps[t.k.dst]) {
			rows = t.observations(rows[:0])
			part.Add(b.tables, rows)
		}
	}
	return part
}

// Counts are the fates of what was added.
func (b *Builder) Counts() (c model.Counts) {
	for t := range b.all {
		c[t.k.fate][t.k.reason] += t.records
	}
	return c
}

// Tables are the tables that Observations refers to.
func (b *Builder) Tables() model.Tables { return b.tables }
