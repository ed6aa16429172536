package model

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Strings interns texts; id 0 is "". It is safe for concurrent use. The text of an id is found without a lock.
type Strings struct {
	mu   sync.RWMutex
	ids  map[string]NameID
	n    int
	size int // bytes of memory, about
	// parts hold the texts: the first one of firstPart, each other as many as all before it, so that none ever moves.
	parts [33 - firstBits]atomic.Pointer[[]string]
}

const (
	firstBits = 6
	firstPart = 1 << firstBits
)

// stringSize is what a text takes beside its bytes.
const stringSize = 80

// NewStrings makes a table that holds only "".
func NewStrings() *Strings {
	t := &Strings{ids: map[string]NameID{}}
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
	t.mu.RLock()
	id, ok := t.ids[string(b)]
	t.mu.RUnlock()
	if ok {
		return id
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok = t.ids[string(b)]; ok {
		return id
	}
	id = NameID(t.n)
	s := string(b)
	t.ids[s] = id
	t.put(id, s)
	t.n++
	t.size += len(s) + stringSize
	return id
}

// Size returns about how many bytes of memory the table takes.
func (t *Strings) Size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}

// Get returns the text of an id, which Intern gave.
func (t *Strings) Get(id NameID) string {
	part, at := place(id)
	return (*t.parts[part].Load())[at]
}

// Len is the number of texts.
func (t *Strings) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.n
}

// Tables are the two side tables that observations refer to.
type Tables struct {
	Endpoints *Endpoints
	Names     *Strings
}

// Size returns about how many bytes of memory the tables take.
func (t Tables) Size() int { return t.Endpoints.Size() + t.Names.Size() }

// NewTables makes empty tables.
func NewTables() Tables { return Tables{NewEndpoints(), NewStrings()} }
