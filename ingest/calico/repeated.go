package calico

import (
	"bytes"
	"hash/maphash"

	"sluice/ingest/scan"
	"sluice/model"
)

// before is what a decoder remembers of the records before, to read the next ones faster. It serves one goroutine.
type before struct {
	keys keys
	// quoted are long values that came in strings, by what they begin with, and unquoted those of the record.
	quoted   []quotedValue
	seed     maphash.Seed
	unquoted [longFields][]byte
	long     repeated
	times    [2]moment // of the last beginning and the last end: the records of a window share them

	protocol meant[model.Proto]
	action   meant[model.Verdict]
	reporter meant[reportedBy]
	kinds    [2]meant[endKind] // of source and destination
}

// repeated remembers long values that come again and again: the labels of an end and the policies that decided. A value
// that was valid once is, byte for byte, valid again, and ends where it did. Each has a number of its own, which no
// other value ever has; labels have that of their set, whatever their order.
type repeated struct {
	last  uint64 // number that was given
	seed  maphash.Seed
	slots [][4]repeatedSlot // by the hash of a value up to the first byte that may end it, the newest first
	// recent are those that came last, labels apart from policies, by what they begin with: mostly no more of a long one
	// has to be hashed.
	recent [2][]recentValue
	sets   labelSets
}

type recentValue struct {
	text   string
	number uint64
}

// repeatedSlot has a text only once its hash came twice: values that never come again are not copied.
type repeatedSlot struct {
	hash   uint64
	number uint64
	text   string
}

const (
	repeatedBits = 11
	// maxRepeated bounds a value that is remembered: it cannot nest too deep wherever it stands.
	maxRepeated = 4 << 10
	// beginning is how many bytes of a value tell it from most others.
	beginning  = 160
	recentSize = 1 << 10
)

// The fields whose values are long and repeat.
const (
	longSource = iota
	longDest
	longPolicies
	longFields
)

// long is the place of a field among those, -1 for others.
func (f field) long() int {
	switch f {
	case sourceLabels:
		return longSource
	case destLabels:
		return longDest
	case policies:
		return longPolicies
	default:
		return -1
	}
}

// skip is scan.Skip, with the number of the value, 0 where it has none. usual tells that the value may come again as it
// stands there.
func (r *repeated) skip(b []byte, i, depth, long int) (end int, number uint64, usual bool) {
	closes := byte(']')
	switch b[i] {
	case '"':
		closes = '"'
	case '{', '[':
	default:
		return scan.Skip(b, i, depth), 0, false
	}
	if r.slots == nil {
		r.seed, r.slots = maphash.MakeSeed(), make([][4]repeatedSlot, 1<<repeatedBits)
		for n := range r.recent {
			r.recent[n] = make([]recentValue, recentSize)
		}
	}
	if i+beginning > len(b) {
		end, number, text := r.lookUp(b, i, depth, closes, long)
		return end, number, text != ""
	}
	recent := &r.recent[0]
	if long == longPolicies {
		recent = &r.recent[1]
	}
	at := &(*recent)[maphash.Bytes(r.seed, b[i:i+beginning])%recentSize]
	if at.text != "" && scan.Has(b, i, at.text) {
		return i + len(at.text), at.number, true
	}
	end, number, text := r.lookUp(b, i, depth, closes, long)
	if len(text) >= beginning {
		*at = recentValue{text, number}
	}
	return end, number, text != ""
}

// lookUp is skip by all bytes, for a value that a byte closes. It returns the text too, where that is remembered.
func (r *repeated) lookUp(b []byte, i, depth int, closes byte, long int) (end int, number uint64, text string) {
	n := bytes.IndexByte(b[i+1:], closes)
	if n < 0 {
		return scan.Skip(b, i, depth), 0, ""
	}
	h := maphash.Bytes(r.seed, b[i:i+1+n])
	if long == longPolicies {
		h = ^h // texts that are both are two: the order of policies says something
	}
	s := r.slot(h)
	if s.text != "" && scan.Has(b, i, s.text) {
		return i + len(s.text), s.number, s.text
	}
	var of *labelSet
	if long != longPolicies {
		end, of = r.sets.read(b, i, h)
	}
	if end <= 0 {
		end = scan.Skip(b, i, depth)
	}
	if s.hash == h && end > 0 && end-i <= maxRepeated {
		s.text, s.number = string(b[i:end]), r.number(of)
		return end, s.number, s.text
	}
	s.hash = h
	if of != nil {
		number = r.number(of)
	}
	return end, number, ""
}

// number returns that of a set, or else a new one.
func (r *repeated) number(of *labelSet) uint64 {
	if of != nil && of.number != 0 {
		return of.number
	}
	r.last++
	if of != nil {
		of.number = r.last
	}
	return r.last
}

// slot returns the slot of a hash, or an empty one for it in the place of the oldest.
func (r *repeated) slot(h uint64) *repeatedSlot {
	set := &r.slots[h>>(64-repeatedBits)]
	for n := range set {
		if set[n].hash == h {
			return &set[n]
		}
	}
	copy(set[1:], set[:len(set)-1])
	set[0] = repeatedSlot{}
	return &set[0]
}
