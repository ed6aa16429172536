package model

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
)

// Strings interns texts; id 0 is "". It is safe for concurrent use. Ids and texts that are there are found without a
// lock.
type Strings struct {
	seed  maphash.Seed
	table atomic.Pointer[stringTable]
	mu    sync.Mutex // of those who add
	n     atomic.Uint32
	size  atomic.Int64 // bytes of memory, about
	// parts hold the texts: the first one of firstPart, each other as many as all before it, so that none ever moves.
	parts [33 - firstBits]atomic.Pointer[[]string]
	// texts is where the next texts stand beside each other.
	texts strings.Builder
}

// stringTable is open addressing over a power of two: the hash of a text, and below it its id and one; 0 is free. What
// one who asks does not find in it may be in the next one.
type stringTable []atomic.Uint64

const (
	firstBits = 6
	firstPart = 1 << firstBits
	// manyTexts is for how many bytes of texts room is made at once.
	manyTexts = 1 << 14
)

// stringSize is what a text takes beside its bytes.
const stringSize = 80

// NewStrings makes a table that holds only "".
func NewStrings() *Strings {
	t := &Strings{seed: maphash.MakeSeed()}
	table := stringTable(Room[atomic.Uint64](2 * firstPart))
	t.table.Store(&table)
	t.Intern(nil)
	return t
}

// place is where the text of an id stands.
func place(id NameID) (part int, at uint32) {
	if part = bits.Len32(uint32(id) >> firstBits); part == 0 {
		return 0, uint32(id)
	}
	return part, uint32(id) - firstPart<<(part-1)
}

// put keeps the text of a new id.
func (t *Strings) put(id NameID, s string) {
	part, at := place(id)
	if at == 0 {
		texts := make([]string, firstPart<<max(0, part-1))
		t.parts[part].Store(&texts)
	}
	(*t.parts[part].Load())[at] = s
}

// Intern returns the id of b, copying it if it is new.
func (t *Strings) Intern(b []byte) NameID {
	hash := uint32(maphash.Bytes(t.seed, b))
	if id, _, ok := t.find(*t.table.Load(), hash, b); ok {
		return id
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.n.Load()
	if old := *t.table.Load(); 2*int(n) >= len(old) {
		t.widen(old)
	}
	table := *t.table.Load()
	id, at, ok := t.find(table, hash, b)
	if ok {
		return id
	}
	id = NameID(n)
	t.put(id, t.keep(b))
	t.n.Store(n + 1)
	t.size.Add(int64(len(b) + stringSize))
	table[at].Store(uint64(hash)<<32 | uint64(id+1))
	return id
}

// find returns the id of a text that has a hash, or else where it belongs.
func (t *Strings) find(table stringTable, hash uint32, b []byte) (id NameID, at uint32, ok bool) {
	mask := uint32(len(table) - 1)
	for at = hash & mask; ; at = (at + 1) & mask {
		slot := table[at].Load()
		if slot == 0 {
			return 0, at, false
		}
		if id := NameID(slot) - 1; uint32(slot>>32) == hash && t.Get(id) == string(b) {
			return id, at, true
		}
	}
}

// widen makes room for twice as many in the table.
func (t *Strings) widen(old stringTable) {
	table := stringTable(Room[atomic.Uint64](2 * len(old)))
	mask := uint32(len(table) - 1)
	for i := range old {
		slot := old[i].Load()
		if slot == 0 {
			continue
		}
		at := uint32(slot>>32) & mask
		for table[at].Load() != 0 {
			at = (at + 1) & mask
		}
		table[at].Store(slot)
	}
	t.table.Store(&table)
}

// keep copies a text, beside others.
func (t *Strings) keep(b []byte) string {
	if len(b) > manyTexts/8 {
		return string(b)
	}
	if t.texts.Len()+len(b) > t.texts.Cap() {
		t.texts = strings.Builder{}
		t.texts.Grow(manyTexts)
	}
	from := t.texts.Len()
	t.texts.Write(b)
	return t.texts.String()[from:]
}

// Size returns about how many bytes of memory the table takes.
func (t *Strings) Size() int { return int(t.size.Load()) }

// Get returns the text of an id, which Intern gave.
func (t *Strings) Get(id NameID) string {
	part, at := place(id)
	return (*t.parts[part].Load())[at]
}

// Len is the number of texts.
func (t *Strings) Len() int { return int(t.n.Load()) }

// Tables are the two side tables that observations refer to.
type Tables struct {
	Endpoints *Endpoints
	Names     *Strings
}

// Size returns about how many bytes of memory the tables take.
func (t Tables) Size() int { return t.Endpoints.Size() + t.Names.Size() }

// NewTables makes empty tables.
func NewTables() Tables { return Tables{NewEndpoints(), NewStrings()} }
