package hubble

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// objects are the endpoint objects that all decoders of one reading know: what one has learned the others find. It
// grows with the identities of the log up to a bound; past that, what is not in it is read anew each time. Looking
// takes no lock.
type objects struct {
	table atomic.Pointer[objectTable]
	seed  maphash.Seed
	// seen are objects that were read of late and are not remembered: by a part of their hash the rest of it, and how
	// often in the last two bits.
	seen  [][4]atomic.Uint32
	mu    sync.Mutex // of those who add
	n     int
	bytes int
}

// objectTable is open addressing over a power of two of slots.
type objectTable struct {
	slots []atomic.Pointer[known]
	shift uint8
}

const (
	objectBits = 12
	// maxObjects and maxObjectBytes bound what is remembered: a cluster of 20,000 workloads has 40,000 objects of
	// 700 bytes.
	maxObjects     = 1 << 17
	maxObjectBytes = 96 << 20
	seenBits       = 15
	// rememberedAt is at which reading a text is remembered: that of a pod of one rollout or run may come no more, and
	// something in it may be another one in every record.
	rememberedAt = 3
	// maxSame is how many slots are looked at: one number may stand for several objects.
	maxSame = 16
)

func newObjectTable(bits uint8) *objectTable {
	return &objectTable{make([]atomic.Pointer[known], 1<<bits), 32 - bits}
}

func newObjects() *objects {
	o := &objects{seed: maphash.MakeSeed(), seen: make([][4]atomic.Uint32, 1<<seenBits)}
	o.table.Store(newObjectTable(objectBits))
	return o
}

// find returns the object that stands at b[i:], after its identity, nil if it is not known.
func (o *objects) find(b []byte, i int, id uint32, h *head) (k *known, pod []byte, end int) {
	t := o.table.Load()
	mask := uint32(len(t.slots) - 1)
	at := place(id, h.id) >> t.shift
	for range maxSame {
		k := t.slots[at].Load()
		if k == nil {
			break
		}
		if k.id == id && *k.head == *h {
			if pod, end, ok := k.at(b, i); ok {
				return k, pod, end
			}
		}
		at = (at + 1) & mask
	}
	return nil, nil, 0
}

// again reports whether an object was read often enough to be remembered. Of two decoders that count one at once, one
// may count in vain; where more are read in turns than have room beside each other, some wait until others are
// remembered.
func (o *objects) again(id uint32, local bool, texts [3][]byte) bool {
	hash := uint64(place(id, local))
	for _, t := range texts {
		hash = hash*0x9E3779B97F4A7C15 + maphash.Bytes(o.seed, t)
	}
	const times = 3
	tag := uint32(hash) &^ times
	set := &o.seen[hash>>(64-seenBits)]
	at := &set[hash>>32%uint64(len(set))]
	for i := range set {
		switch n := set[i].Load(); {
		case n&^times == tag && n != 0:
			if n&times == rememberedAt-1 {
				return true
			}
			set[i].Store(n + 1)
			return false
		case n == 0:
			at = &set[i]
		}
	}
	at.Store(tag | 1)
	return false
}

// add remembers k, which does not change any more. Two decoders may learn one object at once: then it is there twice,
// which does no harm.
func (o *objects) add(k *known) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.share(k)
	size := len(k.first) + len(k.rest)
	if o.n >= maxObjects || o.bytes+size > maxObjectBytes {
		return
	}
	t := o.table.Load()
	if 2*o.n >= len(t.slots) {
		grown := newObjectTable(32 - t.shift + 1)
		for i := range t.slots {
			if old := t.slots[i].Load(); old != nil {
				grown.put(old)
			}
		}
		o.table.Store(grown)
		t = grown
	}
	if t.put(k) {
		o.n++
		o.bytes += size
	}
}

// share has k keep its first text, most of what an object has, where another object of its identity keeps it: that of
// its own node and that of others differ before and behind it. What is compared for each record is half as much then.
func (o *objects) share(k *known) {
	t := o.table.Load()
	mask := uint32(len(t.slots) - 1)
	for _, local := range []bool{!k.head.id, k.head.id} {
		at := place(k.id, local) >> t.shift
		for range maxSame {
			old := t.slots[at].Load()
			if old == nil {
				break
			}
			if old.id == k.id && old.first == k.first {
				k.first = old.first
				return
			}
			at = (at + 1) & mask
		}
	}
}

func (t *objectTable) put(k *known) bool {
	mask := uint32(len(t.slots) - 1)
	at := place(k.id, k.head.id) >> t.shift
	for range maxSame {
		if t.slots[at].Load() == nil {
			t.slots[at].Store(k)
			return true
		}
		at = (at + 1) & mask
	}
	return false
}
