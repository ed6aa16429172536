package scan

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
)

// Parts are the strings of an array as they come, with the hash of each.
type Parts struct {
	texts  [][]byte
	shared []string // of each, the string to take for it, or ""
	hashes []uint64
	// last are strings that Strings gave, by their hashes.
	last []string
}

const lastBits = 11

// Reset forgets all.
func (p *Parts) Reset() { p.texts, p.shared, p.hashes = p.texts[:0], p.shared[:0], p.hashes[:0] }

// Add adds a string, which is kept as it is.
func (p *Parts) Add(text []byte) { p.texts, p.shared = append(p.texts, text), append(p.shared, "") }

// Share adds a string that is one in memory already.
func (p *Parts) Share(text []byte, s string) {
	p.texts, p.shared = append(p.texts, text), append(p.shared, s)
}

// Len is the number of strings.
func (p *Parts) Len() int { return len(p.texts) }

// Sum hashes all strings, and returns a hash of them that no order changes.
func (p *Parts) Sum(seed maphash.Seed) (sum uint64) {
	p.hashes = p.hashes[:0]
	for _, t := range p.texts {
		h := maphash.Bytes(seed, t)
		p.hashes = append(p.hashes, h)
		sum += h
	}
	return sum
}

// Strings copies the strings but for those that are shared. Where Sum was asked for, one that it gave before it gives
// again, where it still has it: those of most arrays are few, and strings that are one in memory are compared without
// looking at their bytes. Others stand beside each other.
func (p *Parts) Strings() []string {
	if p.last == nil {
		p.last = make([]string, 1<<lastBits)
	}
	out, size := slices.Clone(p.shared), 0
	for n, t := range p.texts {
		if len(out[n]) == len(t) {
			continue
		}
		if n < len(p.hashes) {
			if l := p.last[p.hashes[n]>>(64-lastBits)]; l == string(t) {
				out[n] = l
				continue
			}
		}
		size += len(t)
	}
	var b strings.Builder
	b.Grow(size)
	for n, t := range p.texts {
		if len(out[n]) == len(t) {
			continue
		}
		from := b.Len()
		b.Write(t)
		out[n] = b.String()[from:]
		if n < len(p.hashes) {
			p.last[p.hashes[n]>>(64-lastBits)] = out[n]
		}
	}
	return out
}

// Set is strings of which the order says nothing. It tells whether others are the same, all of them compared.
type Set struct {
	items []string
	// index finds an item by its hash: open addressing over a power of two, the item's number and one.
	index []uint8
	shift uint8
	// seen are the hashes of orders that were seen once, of late.
	seen [4]uint64
	at   uint8
}

// MaxSet is how many strings a set may have.
const MaxSet = 255

// NewSet returns the set of the items that p holds, whose Sum was asked for; false where they cannot be one: of fewer
// than two, of very many, or of twice the same.
func NewSet(items []string, p *Parts) (Set, bool) {
	if len(items) < 2 || len(items) > MaxSet {
		return Set{}, false
	}
	width := bits.Len(uint(2*len(items) - 1))
	s := Set{items: items, index: make([]uint8, 1<<width), shift: uint8(64 - width)}
	for n, h := range p.hashes {
		at := h >> s.shift
		for ; s.index[at] != 0; at = (at + 1) & uint64(len(s.index)-1) {
			if items[s.index[at]-1] == items[n] {
				return Set{}, false
			}
		}
		s.index[at] = uint8(n + 1)
	}
	return s, true
}

// Holds reports whether these are the strings of the set, each once. Their Sum was asked for.
func (s *Set) Holds(p *Parts) bool {
	if len(p.texts) != len(s.items) {
		return false
	}
	var had [MaxSet/64 + 1]uint64
	for n, t := range p.texts {
		at := p.hashes[n] >> s.shift
		for ; ; at = (at + 1) & uint64(len(s.index)-1) {
			k := s.index[at]
			if k == 0 {
				return false
			}
			if s.items[k-1] != string(t) {
				continue
			}
			if bit := uint64(1) << (k & 63); had[k>>6]&bit == 0 {
				had[k>>6] |= bit
				break
			}
			return false
		}
	}
	return true
}

// Again reports whether an order was seen before, by its hash, and notes that it was: one that comes a second time is
// worth remembering.
func (s *Set) Again(h uint64) bool {
	for _, seen := range s.seen {
		if seen == h {
			return true
		}
	}
	s.seen[s.at%uint8(len(s.seen))] = h
	s.at++
	return false
}
