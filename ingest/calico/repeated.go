package calico

import (
	"bytes"
	"hash/maphash"

	"sluice/ingest/scan"
)

// before is what a decoder remembers of the records before, to read the next ones faster. It serves one goroutine.
type before struct {
	keys keys
	long repeated
}

// repeated remembers long values that come again and again: the labels of an end and the policies that decided. A value
// that was valid once is, byte for byte, valid again, and ends where it did.
type repeated struct {
	seed  maphash.Seed
	slots []repeatedSlot // by the hash of a value up to the first byte that may end it
}

// repeatedSlot has a text only once its hash came twice: values that never come again are not copied.
type repeatedSlot struct {
	hash uint64
	text string
}

const (
	repeatedBits = 11
	// maxRepeated bounds a value that is remembered: it cannot nest too deep wherever it stands.
	maxRepeated = 4 << 10
)

// isLong reports whether values of a field are long and repeat.
func (f field) isLong() bool { return f == sourceLabels || f == destLabels || f == policies }

// skip is scan.Skip.
func (r *repeated) skip(b []byte, i, depth int) int {
	closes := byte(']')
	switch b[i] {
	case '"':
		closes = '"'
	case '{', '[':
	default:
		return scan.Skip(b, i, depth)
	}
	n := bytes.IndexByte(b[i+1:], closes)
	if n < 0 {
		return scan.Skip(b, i, depth)
	}
	if r.slots == nil {
		r.seed, r.slots = maphash.MakeSeed(), make([]repeatedSlot, 1<<repeatedBits)
	}
	h := maphash.Bytes(r.seed, b[i:i+1+n])
	s := &r.slots[h>>(64-repeatedBits)]
	if s.text != "" && scan.Has(b, i, s.text) {
		return i + len(s.text)
	}
	end := scan.Skip(b, i, depth)
	if s.hash != h {
		*s = repeatedSlot{hash: h}
	} else if end > 0 && end-i <= maxRepeated {
		s.text = string(b[i:end])
	}
	return end
}
