package model

import "sync"

// Strings interns texts; id 0 is "". It is safe for concurrent use.
type Strings struct {
	mu   sync.RWMutex
	ids  map[string]NameID
	list []string
	size int // bytes of memory, about
}

// stringSize is what a text takes beside its bytes.
const stringSize = 80

// NewStrings makes a table that holds only "".
func NewStrings() *Strings { return &Strings{ids: map[string]NameID{"": 0}, list: []string{""}} }

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
	id = NameID(len(t.list))
	s := string(b)
	t.ids[s] = id
	t.list = append(t.list, s)
	t.size += len(s) + stringSize
	return id
}

// Size returns about how many bytes of memory the table takes.
func (t *Strings) Size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}

// Get returns the text of an id.
func (t *Strings) Get(id NameID) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.list[id]
}

// Len is the number of texts.
func (t *Strings) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.list)
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
