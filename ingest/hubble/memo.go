package hubble

import (
	"bytes"
	"hash/maphash"

	"sluice/ingest/scan"
	"sluice/model"
)

// An export repeats the same endpoint objects, with other pod names. endMemo remembers them by their numeric identity.
// The number alone proves nothing, since other clusters and restarted agents reuse it: an entry counts only where all
// bytes of the object beside ID and pod name are those of the remembered one. Where the keys stand is learned: what the
// source has before the identity, as often as it has it.
type endMemo struct {
	heads  []*head // of the objects of this source, those used more before others
	seed   maphash.Seed
	usual  [16]orders
	missed int        // objects of no known head in a row
	slots  [][2]known // the one that hit last comes first
	shared *objects
	bare   list   // of objects without labels
	last   *known // the object that was read last, nil where it is not remembered
}

// head is what stands before the identity: text [ID text].
type head struct {
	text, behind scan.Literal
	id           bool // an ID stands between
}

// known is a remembered object: what follows the identity, with holes. It fills a line of a processor's cache.
type known struct {
	first  string // text up to the first hole, mostly shared with another object of the identity
	rest   string // texts behind the holes, beside each other
	second uint32 // how much of rest stands before the second hole
	id     uint32
	head   *head
	ref    model.Ref
	holes  [2]objectHole
	named  bool // the flow carries the name of the pod
	lined  bool // the object has line breaks
}

type objectHole uint8

const (
	holePod objectHole = 1 + iota // rest of a string, up to the quote with which the next text begins
	holeID                        // number
)

// objectRef is the endpoint of an object, beside the labels that it is found by.
type objectRef struct {
	workloads          *list
	cluster, namespace string
	pod, known         bool
	named              bool
	ref                model.Ref
	last               *known // the object of it that was remembered last
}

const (
	memoBits = 12
	maxHeads = 8
	maxHead  = 96 // bytes
	// missedEnough is after how many objects of no known head only one of as many is looked up.
	missedEnough = 32
	maxRefs      = 8 // with the same labels
	usualRefs    = 2 // that its own node reports, and that others do
)

func newEndMemo(shared *objects) endMemo {
	return endMemo{seed: maphash.MakeSeed(), slots: model.Room[[2]known](1 << memoBits), shared: shared}
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

func (m *endMemo) slot(id uint32, h *head) *[2]known {
	return &m.slots[place(id, h.id)>>(32-memoBits)]
}

// remember puts k in the place of what was used least of its slot.
func (m *endMemo) remember(k *known) {
	s := m.slot(k.id, k.head)
	s[1], s[0] = s[0], *k
	m.last = &s[0]
}

// at returns the identity at b[i:] and the index behind it, where the head stands there.
func (h *head) at(b []byte, i int) (id uint32, end int) {
	if !h.text.Stands(b, i) {
		return 0, -1
	}
	i += len(h.text.Text)
	if h.id {
		if i = scan.DigitsEnd(b, i); i < 0 || !h.behind.Stands(b, i) {
			return 0, -1
		}
		i += len(h.behind.Text)
	}
	return scan.Digits(b, i)
}

// at reports whether the object stands at b[i:], after the identity.
func (k *known) at(b []byte, i int) (pod []byte, end int, ok bool) {
	if !scan.Has(b, i, k.first) {
		return nil, 0, false
	}
	i += len(k.first)
	text := k.rest[:k.second]
	for _, hole := range k.holes {
		switch from := i; hole {
		case holePod:
			if i = scan.Plain(b, i); i == from {
				return nil, 0, false
			}
			if k.named {
				pod = b[from:i:i]
			}
		case holeID:
			if i = scan.DigitsEnd(b, i); i < 0 {
				return nil, 0, false
			}
		default:
			return pod, i, true
		}
		if !scan.Has(b, i, text) {
			return nil, 0, false
		}
		i += len(text)
		text = k.rest[k.second:]
	}
	return pod, i, true
}

// rests reports whether the next object is not looked up, nor remembered, since so many before it were not.
func (m *endMemo) rests() bool { return m.missed > missedEnough && m.missed%missedEnough != 0 }

// find reads a remembered object at b[i:] into e.
func (m *endMemo) find(b []byte, i int, e *end) int {
	m.last = nil
	if m.missed++; m.rests() {
		return -1
	}
	first := scan.Word(b, i)
	for n, h := range m.heads {
		if !h.text.Begins(first) {
			continue
		}
		id, at := h.at(b, i)
		if at < 0 {
			continue
		}
		m.missed = 0
		if n > 1 {
			m.heads[n], m.heads[n-1] = m.heads[n-1], h
		}
		s := m.slot(id, h)
		for n := range s {
			k := &s[n]
			if k.id != id || k.head != h {
				continue
			}
			if pod, end, ok := k.at(b, at); ok {
				e.ref, e.pod = k.ref, pod
				if n > 0 {
					s[0], s[1] = s[1], s[0]
				}
				m.last = &s[0]
				return end
			}
		}
		if shared, pod, end := m.shared.find(b, at, id, h); shared != nil {
			e.ref, e.pod = shared.ref, pod
			k := *shared
			k.head = h
			m.remember(&k)
			return end
		}
		return -1
	}
	return -1
}

// end reads an endpoint object.
func (r *reader) end(b []byte, i int, e *end) int {
	if b[i] != '{' {
		return scan.Null(b, i)
	}
	e.said = true
	if end := r.ends.find(b, i, e); end > 0 {
		r.lined = r.lined || r.ends.last.lined
		return end
	}
	r.lined = true
	return r.object(b, i, e)
}

// span is where a value stands.
type span struct{ from, to int }

// object reads an endpoint object that is not remembered.
func (r *reader) object(b []byte, start int, e *end) int {
	var cluster, namespace, pod, identity []byte
	var labels, workloads *list
	var spans [endWorkloads - endID + 1]span
	order, seen := uint64(0), uint64(0)
	rests, usual := r.ends.rests(), true
	i := start
	for open := byte('{'); ; open = ',' {
		id, at := r.member(b, i, &allKeys[inEnd], open)
		if id == closed {
			i = at
			break
		}
		if i = at; i < 0 {
			return -1
		}
		if seen&(1<<id) != 0 {
			return r.fail(inEnd, id, twice)
		}
		seen |= 1 << id &^ often
		from := i
		switch id {
		case endIdentity:
			i = r.text(b, i, &identity)
		case endCluster:
			i = r.str(b, i, &cluster)
		case endNamespace:
			i = r.str(b, i, &namespace)
		case endPod:
			i = r.str(b, i, &pod)
		case endLabels:
			if b[i] != '[' {
				i = scan.Null(b, i)
			} else {
				labels, i, usual = r.labels.read(r, b, i)
			}
		case endWorkloads:
			if b[i] != '[' {
				i = scan.Null(b, i)
			} else {
				workloads, i = r.workloads.read(r, b, i)
			}
		default:
			i = scan.Skip(b, i, 0)
		}
		if i < 0 {
			return r.fail(inEnd, id, badValue)
		}
		if rests {
			continue
		}
		order <<= 4
		if id >= endID && id <= endWorkloads {
			spans[id-endID] = span{from, i}
			order |= uint64(id-endID) + 1
		}
	}
	if labels == nil {
		labels = &r.ends.bare
	}
	var c *objectRef
	known := plainly.number(identity) > 0
	for n := range labels.refs {
		if k := &labels.refs[n]; k.workloads == workloads && k.pod == (len(pod) > 0) && k.known == known &&
			k.namespace == string(namespace) &&
			k.cluster == string(cluster) {
			c = k
			break
		}
	}
	lasting := c != nil
	if c == nil {
		said := labels.says()
		o := object{
			cluster:   textAs(cluster, said.cluster),
			namespace: textAs(namespace, said.namespace),
			pod:       string(pod),
			known:     known,
			labels:    said,
		}
		if workloads != nil {
			o.workload = workloads.first
		}
		ep, named := o.identity()
		c = &objectRef{workloads: workloads, cluster: o.cluster, namespace: o.namespace, pod: len(pod) > 0, known: o.known,
			ref: refer(r.tables, ep), named: named}
		// An endpoint whose name is the pod's is another one for every pod.
		if lasting = ep.Name == ""; lasting {
			switch len(labels.refs) {
			case 0:
				labels.refs = make([]objectRef, 0, usualRefs)
			case maxRefs:
				labels.refs = labels.refs[:0]
			}
			labels.refs = append(labels.refs, *c)
			c = &labels.refs[len(labels.refs)-1]
		}
	}
	if e.ref = c.ref; c.named {
		e.pod = pod
	}
	if lasting && usual && !rests {
		r.ends.learn(b, span{start, i}, &spans, order, c)
	}
	return i
}

// orders counts how often objects had the same head and their keys in the same order.
type orders struct {
	hash uint64
	n    int
}

// isUsual reports whether a head and an order of keys are among the few that many objects have: objects of a source
// in which each has its own are not worth remembering. What comes back less often than others is forgotten.
func (m *endMemo) isUsual(hash uint64) bool {
	free := -1
	for i := range m.usual {
		o := &m.usual[i]
		if o.hash == hash && o.n > 0 {
			o.n = min(o.n+1, 1<<10)
			return o.n >= 4
		}
		if o.n == 0 {
			free = i
		}
	}
	if free >= 0 {
		m.usual[free] = orders{hash, 1}
		return false
	}
	for i := range m.usual {
		m.usual[i].n--
	}
	return false
}

// inside is where the text of a string stands, and any other value.
func inside(b []byte, s span) span {
	if s.to > 0 && b[s.from] == '"' {
		return span{s.from + 1, s.to - 1}
	}
	return s
}

// learn remembers an object whose text is read again and again, by where its values stand.
func (m *endMemo) learn(b []byte, all span, spans *[endWorkloads - endID + 1]span, order uint64, c *objectRef) {
	identity, id, pod := spans[endIdentity-endID], spans[0], spans[endPod-endID]
	if identity.to == 0 || identity.from-all.from > maxHead || pod.to > 0 && pod.from < identity.from {
		return
	}
	hash := order * 0x9E3779B97F4A7C15
	first := id.to > 0 && id.from < identity.from
	if first {
		hash += maphash.Bytes(m.seed, b[all.from:id.from]) + maphash.Bytes(m.seed, b[id.to:identity.from])<<1
	} else {
		hash += maphash.Bytes(m.seed, b[all.from:identity.from])
	}
	identity, id = inside(b, identity), inside(b, id)
	n, end := scan.Digits(b, identity.from)
	if end != identity.to || !m.isUsual(hash) {
		return
	}
	m.missed = 0
	if id.to > 0 {
		if _, end := scan.Digits(b, id.from); end != id.to {
			return
		}
	}
	if pod.to > 0 && b[pod.from] == '"' && pod.to-pod.from > 2 {
		if scan.Plain(b, pod.from+1) != pod.to-1 {
			return
		}
		pod = span{pod.from + 1, pod.to - 1}
	} else {
		pod = span{}
	}
	before := [2]span{{all.from, identity.from}}
	if first {
		before = [2]span{{all.from, id.from}, {id.to, identity.from}}
		id = span{}
	}
	var holes [2]objectHole
	var texts [3][]byte
	from, hole := identity.to, 0
	for range holes {
		next, what := pod, holePod
		if id.to > 0 && (pod.to == 0 || id.from < pod.from) {
			next, what = id, holeID
		}
		if next.to == 0 {
			break
		}
		texts[hole], holes[hole] = b[from:next.from], what
		from = next.to
		if hole++; what == holePod {
			pod = span{}
		} else {
			id = span{}
		}
	}
	texts[hole] = b[from:all.to]
	if !m.shared.again(n, first, texts) {
		return
	}
	k := &known{ref: c.ref, id: n, holes: holes, named: c.named, lined: bytes.IndexByte(b[all.from:all.to], '\n') >= 0}
	k.head = m.headOf(&head{text: literal(b, before[0]), behind: literal(b, before[1]), id: first})
	k.keep(texts, c.last)
	c.last = k
	m.add(k)
}

func literal(b []byte, s span) scan.Literal { return scan.NewLiteral(string(b[s.from:s.to])) }

// add remembers an object, and lets others find it.
func (m *endMemo) add(k *known) {
	m.shared.add(k)
	m.remember(k)
}

// quote remembers the object that was read last as it stands in a string of JSON, too.
func (m *endMemo) quote() {
	if m.last == nil {
		return
	}
	k, h := *m.last, *m.last.head
	h.text, h.behind = scan.NewLiteral(scan.Quoted(h.text.Text)), scan.NewLiteral(scan.Quoted(h.behind.Text))
	k.keep([...][]byte{[]byte(scan.Quoted(k.first)), []byte(scan.Quoted(k.rest[:k.second])),
		[]byte(scan.Quoted(k.rest[k.second:]))}, nil)
	k.head = m.headOf(&h)
	m.add(&k)
}

// keep takes the texts: those of another object where they are the same. Agents that start again give what they know
// other identities, and nothing else of it changes.
func (k *known) keep(texts [3][]byte, other *known) {
	k.second = uint32(len(texts[1]))
	if other != nil && other.first == string(texts[0]) {
		k.first = other.first
	} else {
		k.first = string(texts[0])
	}
	if n := len(texts[1]); other != nil && len(other.rest) == n+len(texts[2]) && other.rest[:n] == string(texts[1]) &&
		other.rest[n:] == string(texts[2]) {
		k.rest = other.rest
	} else {
		k.rest = string(texts[1]) + string(texts[2])
	}
}

// headOf returns the head that is remembered for one.
func (m *endMemo) headOf(h *head) *head {
	for _, old := range m.heads {
		if *old == *h {
			return old
		}
	}
	if len(m.heads) == maxHeads {
		m.heads = m.heads[:maxHeads-1]
	}
	m.heads = append(m.heads, h)
	return h
}
