package ingest

import (
	"math/bits"

	"sluice/model"
)

// How many rows a Fold may hold before it hands them on, with its index 2 MiB and 4 MiB. Where windows are minutes most
// keys of a log do not come back after some of them, and a larger Fold only takes more of the processor's caches. Where
// they are hours nearly all do.
const (
	MinuteRows = 1 << 15
	HourRows   = 1 << 16
)

// Fold adds up observations of one key until it is full or flushed, so that the memory of reading is bounded
// whatever the length of the log. Rows that leave early are partial sums: whoever takes them adds them again.
// A Fold serves one goroutine.
type Fold struct {
	names *model.Strings
	out   func([]model.Observation)
	index []uint32            // open addressing, row number + 1, 0 is free
	rows  []model.Observation // as many as have room
	// Records wait in a batch, so that the memory of all its rows is fetched at once and not one after the other.
	batch   [foldBatch]pending
	waiting int
	pods    []byte // names of the waiting records
	touched uint64 // keeps the compiler from dropping loads that only fetch
}

// foldBatch is how many records wait: enough to hide that memory is slow, few enough to stay in the first cache.
const foldBatch = 16

// pending is a record that waits.
type pending struct {
	a, b, c, hash uint64
	o             model.Observation
	src, dst, end int // places in Fold.pods
}

// NewFold makes a Fold of so many rows, a power of two, that interns pod names in names and hands full batches to out.
// The batch is reused after out returns.
func NewFold(names *model.Strings, rows int, out func([]model.Observation)) *Fold {
	return &Fold{
		names: names,
		out:   out,
		index: model.Room[uint32](2 * rows),
		rows:  make([]model.Observation, 0, rows),
	}
}

func foldKeys(o *model.Observation) (a, b, c uint64) {
	a = uint64(o.Src)<<32 | uint64(o.Dst)
	b = uint64(o.Window)<<32 | uint64(o.Port)<<16 | uint64(o.SrcPort)
	c = uint64(
		o.Proto,
	)<<48 | uint64(
		o.Verdict,
	)<<40 | uint64(
		o.Observer,
	)<<32 | uint64(
		o.Fate,
	)<<24 | uint64(
		o.Reason,
	)<<16 | uint64(
		o.Marks&model.KeyMarks,
	)
	return a, b, c
}

func foldHash(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9E3779B97F4A7C15, b^0xE7037ED1A0B428DB)
	h := hi ^ lo
	hi, lo = bits.Mul64(h^c, 0xA0761D6478BD642F)
	return hi ^ lo
}

// Add counts one record. o.Records must be set; First and Last are the record's time. The pods are the record's,
// in the orientation of o.
func (f *Fold) Add(o *model.Observation, srcPod, dstPod []byte) {
	p := &f.batch[f.waiting]
	p.a, p.b, p.c = foldKeys(o)
	p.hash = foldHash(p.a, p.b, p.c)
	p.o = *o
	p.src = len(f.pods)
	f.pods = append(f.pods, srcPod...)
	p.dst = len(f.pods)
	f.pods = append(f.pods, dstPod...)
	p.end = len(f.pods)
	if f.waiting++; f.waiting == foldBatch {
		f.drain()
	}
}

// drain folds the waiting records. Its first loops only touch what the last one needs: their loads do not depend on
// each other, so the processor does them side by side.
func (f *Fold) drain() {
	mask := uint64(len(f.index) - 1)
	var at [foldBatch]uint32
	for i := range f.waiting {
		at[i] = f.index[f.batch[i].hash&mask]
	}
	var touched uint64
	for i := range f.waiting {
		if n := at[i]; n > 0 {
			r := &f.rows[n-1]
			touched += uint64(r.Window) + uint64(r.DstPod)
		}
	}
	f.touched = touched
	for i := range f.waiting {
		f.add(&f.batch[i])
	}
	f.waiting, f.pods = 0, f.pods[:0]
}

func (f *Fold) add(p *pending) {
	srcPod, dstPod := f.pods[p.src:p.dst], f.pods[p.dst:p.end]
	mask := uint64(len(f.index) - 1)
	for i := p.hash & mask; ; i = (i + 1) & mask {
		n := f.index[i]
		if n == 0 {
			if len(f.rows) == cap(f.rows) {
				f.handOn()
				i = p.hash & mask
			}
			f.rows = append(f.rows, p.o)
			r := &f.rows[len(f.rows)-1]
			r.SrcPod, r.DstPod = f.names.Intern(srcPod), f.names.Intern(dstPod)
			f.index[i] = uint32(len(f.rows))
			return
		}
		r := &f.rows[n-1]
		ra, rb, rc := foldKeys(r)
		if ra == p.a && rb == p.b && rc == p.c {
			f.sum(r, &p.o, srcPod, dstPod)
			return
		}
	}
}

func (f *Fold) sum(r, o *model.Observation, srcPod, dstPod []byte) {
	r.Records += o.Records
	r.Conns += o.Conns
	r.Marks |= o.Marks
	r.Last = r.LastWith(o)
	if o.First > r.First {
		return
	}
	if o.First == r.First && !f.smaller(r, srcPod, dstPod) {
		return
	}
	r.First = o.First
	r.SrcPod, r.DstPod = f.names.Intern(srcPod), f.names.Intern(dstPod)
}

// smaller orders the samples of equal times by pod names, so that the sample does not depend on the order of records.
func (f *Fold) smaller(r *model.Observation, srcPod, dstPod []byte) bool {
	if s := f.names.Get(r.SrcPod); s != string(srcPod) {
		return string(srcPod) < s
	}
	return string(dstPod) < f.names.Get(r.DstPod)
}

// Flush hands on what is held.
func (f *Fold) Flush() {
	f.drain()
	f.handOn()
}

func (f *Fold) handOn() {
	if len(f.rows) == 0 {
		return
	}
	f.out(f.rows)
	f.rows = f.rows[:0]
	clear(f.index)
}
