package ingest

import (
	"bytes"
	"math/bits"

	"sluice/model"
)

// foldRows is how many rows a Fold holds before it hands them on: 2.5 MiB with its index.
const foldRows = 1 << 15

// Fold adds up observations of one key until it is full or flushed, so that the memory of reading is bounded
// whatever the length of the log. Rows that leave early are partial sums: whoever takes them adds them again.
// A Fold serves one goroutine.
type Fold struct {
	names *model.Strings
	out   func([]model.Observation)
	index []uint32 // open addressing, row number + 1, 0 is free
	rows  []model.Observation
	// memory of the last pods interned: replicas come in runs
	lastPod [2][]byte
	lastID  [2]model.NameID
}

// NewFold makes a Fold that interns pod names in names and hands full batches to out. The batch is reused after
// out returns.
func NewFold(names *model.Strings, out func([]model.Observation)) *Fold {
	return &Fold{names: names, out: out, index: make([]uint32, foldRows*2), rows: make([]model.Observation, 0, foldRows)}
}

func foldKeys(o *model.Observation) (a, b, c uint64) {
	a = uint64(o.Src)<<32 | uint64(o.Dst)
	b = uint64(o.Window)<<32 | uint64(o.Port)<<16 | uint64(o.SrcPort)
	c = uint64(o.Proto)<<48 | uint64(o.Verdict)<<40 | uint64(o.Observer)<<32 | uint64(o.Fate)<<24 | uint64(o.Reason)<<16 | uint64(o.Marks&model.KeyMarks)
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
	a, b, c := foldKeys(o)
	h := foldHash(a, b, c)
	mask := uint64(len(f.index) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		n := f.index[i]
		if n == 0 {
			if len(f.rows) == foldRows {
				f.Flush()
				f.Add(o, srcPod, dstPod)
				return
			}
			f.rows = append(f.rows, *o)
			r := &f.rows[len(f.rows)-1]
			r.SrcPod, r.DstPod = f.pod(0, srcPod), f.pod(1, dstPod)
			f.index[i] = uint32(len(f.rows))
			return
		}
		r := &f.rows[n-1]
		ra, rb, rc := foldKeys(r)
		if ra == a && rb == b && rc == c {
			f.sum(r, o, srcPod, dstPod)
			return
		}
	}
}

func (f *Fold) sum(r, o *model.Observation, srcPod, dstPod []byte) {
	r.Records += o.Records
	r.Conns += o.Conns
	r.Marks |= o.Marks
	r.Last = max(r.Last, o.Last)
	if o.First > r.First {
		return
	}
	if o.First == r.First && !f.smaller(r, srcPod, dstPod) {
		return
	}
	r.First = o.First
	r.SrcPod, r.DstPod = f.pod(0, srcPod), f.pod(1, dstPod)
}

// smaller orders the samples of equal times by pod names, so that the sample does not depend on the order of records.
func (f *Fold) smaller(r *model.Observation, srcPod, dstPod []byte) bool {
	if s := f.names.Get(r.SrcPod); s != string(srcPod) {
		return string(srcPod) < s
	}
	return string(dstPod) < f.names.Get(r.DstPod)
}

func (f *Fold) pod(side int, name []byte) model.NameID {
	if len(name) == 0 {
		return 0
	}
	if !bytes.Equal(f.lastPod[side], name) {
		f.lastPod[side] = append(f.lastPod[side][:0], name...)
		f.lastID[side] = f.names.Intern(name)
	}
	return f.lastID[side]
}

// Flush hands on what is held.
func (f *Fold) Flush() {
	if len(f.rows) == 0 {
		return
	}
	f.out(f.rows)
	f.rows = f.rows[:0]
	clear(f.index)
}
