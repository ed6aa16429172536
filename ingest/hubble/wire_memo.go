package hubble

import (
	"unicode/utf8"

	"sluice/model"
)

// wireKnown is a remembered endpoint message, as known is of JSON: the bytes after the identity up to the pod's name,
// and those after it. The many pods of a workload are one entry, which stays in the processor's caches.
type wireKnown struct {
	text  string // head and tail, beside each other in memory
	head  int    // where the tail begins
	ref   model.Ref
	id    uint32
	local bool // has an ID
	pod   bool // has a pod name between head and tail
	named bool // the flow carries that name
}

// Tags of the Endpoint message, as messages have them that are written in the order of the fields' numbers.
const (
	tagID       = 1 << 3
	tagIdentity = 2 << 3
	tagPod      = 5<<3 | 2
)

// wireIdentity takes ID and identity off an endpoint message; id is 0 where it does not begin with them.
func wireIdentity(b []byte) (id uint32, local bool, rest []byte) {
	if len(b) > 0 && b[0] == tagID {
		_, n := varint(b[1:])
		if n <= 0 {
			return 0, false, nil
		}
		local, b = true, b[1+n:]
	}
	if len(b) == 0 || b[0] != tagIdentity {
		return 0, false, nil
	}
	v, n := varint(b[1:])
	if n <= 0 {
		return 0, false, nil
	}
	return uint32(v), local, b[1+n:]
}

// newWireKnown cuts the rest of an endpoint message that is known to be sound at its pod name; nil where it has
// several names or more of what stands in front.
func newWireKnown(id uint32, local bool, rest []byte) *wireKnown {
	if id == 0 {
		return nil
	}
	k := &wireKnown{text: string(rest), head: len(rest), id: id, local: local}
	var f field
	for b := rest; len(b) > 0; {
		next := f.next(b)
		switch {
		case f.num == 1 || f.num == 2 || f.num == 5 && (k.pod || !f.text || len(f.b) == 0):
			return nil
		case f.num == 5:
			k.pod, k.head = true, len(rest)-len(b)
			k.text = string(rest[:k.head]) + string(next)
		}
		b = next
	}
	return k
}

// remembered finds the entry of a message, and its pod's name if flows carry that.
func (w *Wire) remembered(id uint32, local bool, rest []byte) (*wireKnown, []byte) {
	if id == 0 {
		return nil, nil
	}
	s := &w.slots[place(id, local)>>(32-memoBits)]
	for n := range s {
		if s[n].id != id || s[n].local != local {
			continue
		}
		if pod, ok := s[n].match(rest); ok {
			if n > 0 {
				s[0], s[1] = s[1], s[0]
			}
			return &s[0], pod
		}
	}
	return nil, nil
}

// remember puts k in the place of what was used least of its slot.
func (w *Wire) remember(k *wireKnown) {
	s := &w.slots[place(k.id, k.local)>>(32-memoBits)]
	s[1], s[0] = s[0], *k
}

// match reports whether the rest of a message is that of the entry, and gives its pod's name if flows carry that.
func (k *wireKnown) match(rest []byte) (pod []byte, ok bool) {
	if !k.pod {
		return nil, string(rest) == k.text
	}
	if len(rest) <= len(k.text) || rest[k.head] != tagPod || string(rest[:k.head]) != k.text[:k.head] {
		return nil, false
	}
	b := rest[k.head+1:]
	size, n := varint(b)
	if n <= 0 || size == 0 || size > uint64(len(b)-n) || string(b[n+int(size):]) != k.text[k.head:] {
		return nil, false
	}
	if pod = b[n : n+int(size)]; !utf8.Valid(pod) {
		return nil, false
	}
	if !k.named {
		return nil, true
	}
	return pod, true
}
