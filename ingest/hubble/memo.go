package hubble

import (
	"encoding/json"

	"sluice/model"
)

// An export repeats the same endpoint objects, with other pod names. A memo remembers them by their numeric identity.
// The number alone proves nothing, since other clusters and restarted agents reuse it: an entry counts only where all
// bytes of the object beside ID and pod name are those of the remembered one.
type memo struct {
	slots  [][2]known // the one that hit last comes first
	ends   addresses
	shared *objects
}

// addresses are the endpoints of addresses outside the cluster, by text.
type addresses map[string]model.Ref

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
	memoBits = 12
	memoEnds = 1 << 15
	podKey   = `,"pod_name":"`
)

func newMemo(shared *objects) memo {
	return memo{slots: make([][2]known, 1<<memoBits), ends: addresses{}, shared: shared}
}

// place hashes an identity. Its own node reports an endpoint with ID and workloads, other nodes without: they are
// two objects.
func place(id uint32, local bool) uint32 {
	id *= 2
	if local {
		id++
	}
	return id * 0x9E3779B1
}

func (m *memo) slot(id uint32, local bool) *[2]known {
	return &m.slots[place(id, local)>>(32-memoBits)]
}

// remember puts k in the place of what was used least of its slot.
func (m *memo) remember(k *known) {
	s := m.slot(k.id, k.local)
	s[1], s[0] = s[0], *k
}

// fastEndpoint reads the endpoint object at b[i].
func (d *Decoder) fastEndpoint(b []byte, i int, ip *[]byte) (model.Ref, []byte, int) {
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
		if k.id != id || k.local != local || k.head == "" {
			continue
		}
		if pod, end, ok := k.at(b, i); ok {
			ref := d.memo.ends.endpoint(d.tables, k.ref, ip)
			if n > 0 {
				s[0], s[1] = s[1], s[0]
			}
			return ref, pod, end
		}
	}
	if k, pod, end := d.memo.shared.find(b, i, id, local); k != nil {
		d.memo.remember(k)
		return d.memo.ends.endpoint(d.tables, k.ref, ip), pod, end
	}
	return d.learn(b, start, i, known{id: id, local: local}, ip)
}

// at says whether the object stands at b[i:], after the identity.
func (k *known) at(b []byte, i int) (pod []byte, end int, ok bool) {
	if !has(b, i, k.head) {
		return nil, 0, false
	}
	i += len(k.head)
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

// endpoint gives the endpoint of an address outside the cluster; other endpoints do not depend on the address.
func (known addresses) endpoint(t model.Tables, r model.Ref, ip *[]byte) model.Ref {
	if r.Kind != model.KindAddress {
		return r
	}
	if k, ok := known[string(*ip)]; ok {
		return k
	}
	a := address(ip)
	r.ID = t.Endpoints.Intern(model.Endpoint{Kind: r.Kind, Entities: r.Entities, Address: a, Marks: r.Marks})
	if len(known) >= memoEnds {
		clear(known)
	}
	known[string(*ip)] = r
	return r
}

// learn reads the object b[start:] and remembers it; b[i:] is what follows the identity.
func (d *Decoder) learn(b []byte, start, i int, k known, ip *[]byte) (model.Ref, []byte, int) {
	o := object{podAt: -1}
	if !o.read(b, i) {
		return model.Ref{}, nil, -1
	}
	e := &o.end
	if o.other {
		*e = end{}
		if json.Unmarshal(b[start:o.stop], e) != nil {
			return model.Ref{}, nil, -1
		}
	}
	e.Identity = "1"
	ep, pod := identity(e, ip, nil)
	ref := d.intern(ep)
	var name []byte
	if o.podAt >= 0 {
		name = b[o.podAt+len(podKey) : o.podEnd-1]
	}
	if pod != "" && pod != string(name) {
		return model.Ref{}, nil, -1
	}
	// An endpoint whose name is the pod's is another one for every pod.
	if ep.Name == "" && (o.podAt < 0 || len(name) > 0) {
		k.ref, k.head = ref, o.text
		if o.podAt >= 0 {
			k.head, k.tail, k.pod, k.named = k.head[:o.podAt-i], k.head[o.podEnd-i:], true, pod != ""
		}
		if k.head != "" {
			d.memo.shared.add(&k)
			d.memo.remember(&k)
		}
	}
	if pod == "" {
		name = nil
	}
	return ref, name, o.stop
}
