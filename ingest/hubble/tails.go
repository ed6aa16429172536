package hubble

import (
	"bytes"
	"encoding/binary"
)

// tails remembers what stood at the ends of flows, after the name of the node: observation point, direction, trace
// reason and summary come in few combinations. An entry counts only where all bytes are those of the remembered one.
// A log in which that part differs in every record, by interfaces or URLs, has no use for it: then it switches
// itself off.
type tails struct {
	slots        [tailSlots]knownTail
	tried, found uint32
	off          bool
}

type knownTail struct {
	text string
	tail tail
}

const (
	tailSlots = 256
	tailHead  = `,"Type":"L3_L4","node_name":"`
	nodeKey   = `,"node_name":"`
	timeKey   = `","time":"`
	// minTail is the least length of a remembered text: what its hash reads.
	minTail = 64
)

// find gives the index after the flow and in t what the keys from b[i] on say, or -1 where they have to be read. The
// end is predicted from the envelope, which repeats the name of the node and the time.
func (s *tails) find(d *Decoder, b []byte, i int, t **tail) int {
	if s.off || !has(b, i, tailHead) {
		return -1
	}
	from := i + len(tailHead)
	at := textEnd(b, from)
	if at < 0 {
		return -1
	}
	if has(b, at, `,"node_labels":`) {
		if at = d.repeated(b, at+15, 1); at < 0 {
			return -1
		}
	}
	name := at - from
	if d.node = b[from:at]; b[at-1] != '"' {
		d.node = b[from : from+bytes.IndexByte(b[from:at], '"')+1]
		name = len(d.node)
	}
	end := len(b) - len(nodeKey) - name - len(timeKey) + 1 - d.timeLen - 2
	if end-at < minTail {
		return -1
	}
	text := b[at:end]
	k := &s.slots[tailHash(text)]
	if s.tried++; k.text == string(text) {
		s.found++
		*t = &k.tail
		return end
	}
	if s.tried >= 1<<12 {
		s.off = s.found < s.tried/2
		s.tried, s.found = 0, 0
	}
	copied := bytes.Clone(b[i:end])
	next := knownTail{text: string(text)}
	if d.tailKeys(&next.tail, copied, 0) != len(copied) {
		return -1
	}
	*k = next
	*t = &k.tail
	return end
}

// tailHash looks at some words of a text of at least minTail bytes.
func tailHash(b []byte) uint64 {
	const p = 0x9E3779B97F4A7C15
	n := len(b)
	h := uint64(n)
	h = (h ^ binary.LittleEndian.Uint64(b[8:])) * p
	h = (h ^ h>>29 ^ binary.LittleEndian.Uint64(b[40:])) * p
	h = (h ^ h>>29 ^ binary.LittleEndian.Uint64(b[n/2:])) * p
	h = (h ^ h>>29 ^ binary.LittleEndian.Uint64(b[n/2+16:])) * p
	h = (h ^ h>>29 ^ binary.LittleEndian.Uint64(b[n-32:])) * p
	h = (h ^ h>>29 ^ binary.LittleEndian.Uint64(b[n-12:])) * p
	return h >> (64 - 8)
}
