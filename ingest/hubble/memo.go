package hubble

import (
	"encoding/json"
	"net/netip"

	"sluice/model"
)

// An export repeats the same few endpoint objects, with other pod names. A memo remembers them by their numeric
// identity. The number alone proves nothing, since other clusters and restarted agents reuse it: an entry counts
// only where all bytes of the object beside ID and pod name are those of the remembered one.
type memo struct {
	slots  [][2]known // the one that hit last comes first
	shift  uint8      // 32 less the number of bits of an index
	hits   uint32
	misses uint32
	ends   map[string]model.Ref // addresses outside the cluster, by text
}

// known is one remembered object: {"ID":_,"identity":id <head> ,"pod_name":"_" <tail>.
type known struct {
	head, tail string
	ref        model.Ref
	id         uint32
	local      bool // has an ID
	pod        bool // has a pod name between head and tail
	named      bool // the flow carries that name
}

const (
	memoBits    = 12
	memoMaxBits = 14
	memoEnds    = 1 << 15
	podKey      = `,"pod_name":"`
)

func newMemo() memo {
	return memo{slots: make([][2]known, 1<<memoBits), shift: 32 - memoBits, ends: map[string]model.Ref{}}
}

// slot is where an identity is remembered. Its own node reports an endpoint with ID and workloads, other nodes
// without: they are two objects.
func (m *memo) slot(id uint32, local bool) *[2]known {
	id *= 2
	if local {
		id++
	}
	return &m.slots[id*0x9E3779B1>>m.shift]
}

// remember puts k in the place of what was used least of its slot.
func (m *memo) remember(k known) {
	s := m.slot(k.id, k.local)
	s[1], s[0] = s[0], k
}

// missed counts a miss and judges the memo once in a while: it doubles where objects repeat, but not often enough.
// Where they never do, a larger one would only cost memory.
func (m *memo) missed() {
	m.misses++
	if m.misses < uint32(len(m.slots)) {
		return
	}
	if 32-m.shift < memoMaxBits && m.hits >= m.misses && m.hits < 64*m.misses {
		m.shift--
		old := m.slots
		m.slots = make([][2]known, 2*len(old))
		for i := range old {
			for _, k := range []known{old[i][1], old[i][0]} {
				if k.head != "" {
					m.remember(k)
				}
			}
		}
	}
	m.hits, m.misses = 0, 0
}

// fastEndpoint reads the endpoint object at b[i].
func (d *Decoder) fastEndpoint(b []byte, i int, ip []byte) (model.Ref, []byte, int) {
	start, local := i, false
	if has(b, i, `{"ID":`) {
		local = true
		if _, i = number(b, i+6); i < 0 || b[i] != ',' {
			return model.Ref{}, nil, -1
		}
	} else if at(b, i) != '{' {
		return model.Ref{}, nil, -1
	}
	if !has(b, i+1, `"identity":`) {
		return model.Ref{}, nil, -1
	}
	id, i := number(b, i+12)
	if i < 0 {
		return model.Ref{}, nil, -1
	}
	s := d.memo.slot(id, local)
	for n := range s {
		k := &s[n]
		if k.id != id || k.local != local || k.head == "" || !has(b, i, k.head) {
			continue
		}
		if pod, end, ok := k.rest(b, i+len(k.head)); ok {
			d.memo.hits++
			ref := d.address(k.ref, ip)
			if n > 0 {
				s[0], s[1] = s[1], s[0]
			}
			return ref, pod, end
		}
	}
	d.memo.missed()
	return d.learn(b, start, i, known{id: id, local: local}, ip)
}

// rest confirms what follows the head.
func (k *known) rest(b []byte, i int) (pod []byte, end int, ok bool) {
	if k.pod {
		if !has(b, i, podKey) {
			return nil, 0, false
		}
		from := i + len(podKey)
		if i = textEnd(b, from); i <= from+1 {
			return nil, 0, false
		}
		if k.named {
			pod = b[from : i-1]
		}
	}
	return pod, i + len(k.tail), has(b, i, k.tail)
}

// address gives the endpoint of an address outside the cluster; other endpoints do not depend on the address.
func (d *Decoder) address(r model.Ref, ip []byte) model.Ref {
	if r.Kind != model.KindAddress {
		return r
	}
	if known, ok := d.memo.ends[string(ip)]; ok {
		return known
	}
	a, _ := netip.ParseAddr(string(ip))
	r.ID = d.tables.Endpoints.Intern(model.Endpoint{Kind: r.Kind, Entities: r.Entities, Address: a, Marks: r.Marks})
	if len(d.memo.ends) >= memoEnds {
		clear(d.memo.ends)
	}
	d.memo.ends[string(ip)] = r
	return r
}

// learn decodes the object b[start:] the general way and remembers it; b[i:] is what follows the identity.
func (d *Decoder) learn(b []byte, start, i int, k known, ip []byte) (model.Ref, []byte, int) {
	podAt, podEnd, stop := shape(b, i)
	if stop < 0 {
		return model.Ref{}, nil, -1
	}
	var e end
	if json.Unmarshal(b[start:stop], &e) != nil {
		return model.Ref{}, nil, -1
	}
	ep, pod := identity(&e, ip, nil)
	ref := d.intern(ep)
	var name []byte
	if podAt >= 0 {
		name = b[podAt+len(podKey) : podEnd-1]
	}
	if pod != "" && pod != string(name) {
		return model.Ref{}, nil, -1
	}
	// An endpoint whose name is the pod's is another one for every pod.
	if ep.Name == "" && (podAt < 0 || len(name) > 0) {
		k.ref, k.head = ref, string(b[i:stop])
		if podAt >= 0 {
			k.head, k.tail, k.pod, k.named = string(b[i:podAt]), string(b[podEnd:stop]), true, pod != ""
		}
		if k.head != "" {
			d.memo.remember(k)
		}
	}
	if pod == "" {
		name = nil
	}
	return ref, name, stop
}

// shape finds the pod name and the end of an endpoint object. Keys it does not know, and any key twice, are left
// to encoding/json, which has rules of its own for them.
func shape(b []byte, i int) (podAt, podEnd, end int) {
	podAt = -1
	seen := 0
	for at(b, i) == ',' {
		at0, bit := i, 0
		switch {
		case has(b, i, `,"cluster_name":"`):
			bit, i = 1, i+16
		case has(b, i, `,"namespace":"`):
			bit, i = 2, i+13
		case has(b, i, `,"labels":[`):
			bit, i = 4, i+10
		case has(b, i, podKey):
			bit, i = 8, i+12
		case has(b, i, `,"workloads":[`):
			bit, i = 16, i+13
		default:
			return 0, 0, -1
		}
		if seen&bit != 0 {
			return 0, 0, -1
		}
		seen |= bit
		if i = skip(b, i, 0); i < 0 {
			return 0, 0, -1
		}
		if bit == 8 {
			podAt, podEnd = at0, i
		}
	}
	if at(b, i) != '}' {
		return 0, 0, -1
	}
	return podAt, podEnd, i + 1
}
