package graph

import (
	"slices"

	"sluice/model"
)

// Grade says how sure the evidence of an edge is. No log tells intent: a probe of an open port is established.
type Grade uint8

// The grades. The zero value is GradeUnknown: the log cannot tell, and Doubt says why.
const (
	GradeUnknown Grade = iota
	Established        // both ends were seen to talk
	Answered           // the server answered; the opening was not seen, or there is none
	OneWay             // datagrams that nobody answers, over days
	Attempted          // nobody answered, although the log shows answers
	Reset              // the server answered by a reset and by nothing else
)

var gradeNames = [...]string{"unknown", "established", "answered", "one-way", "attempted", "reset"}

// String is the lower-case name.
func (g Grade) String() string { return gradeNames[g] }

// Failed reports whether nothing shows that the connection ever worked.
func (g Grade) Failed() bool { return g == Attempted || g == Reset }

// GradeText is the name of the edge's grade, "" for one that was denied or refused.
func (e *Edge) GradeText() string {
	if e.State == Denied || e.State == Refused {
		return ""
	}
	return e.Grade.String()
}

// Doubt says why a grade is unknown.
type Doubt uint8

// The doubts, DoubtNone for a known grade.
const (
	DoubtNone       Doubt = iota
	DoubtOld              // rows of a store from before answers were noted
	DoubtNoAnswers        // the log does not show answers of that kind, at that time and place
	DoubtNoOpening        // no SYN was seen: the connection is older than the log, or its beginning is missing
	DoubtCutOff           // the log ends right after it
	DoubtIncomplete       // records of those hours are missing
	DoubtDatagrams        // datagrams without an answer, which may be one-way by nature
)

var doubtTexts = [...]string{
	"",
	"stored before answers were noted",
	"the log does not show answers to it",
	"its opening was not seen",
	"the log ends right after it",
	"records of its hours are missing",
	"datagrams need no answer",
}

// String is the reason in words, "" for none.
func (d Doubt) String() string { return doubtTexts[d] }

// cutOff is how long before the end of a log an opening may wait for its answer.
const cutOff = 3e6 // microseconds

// fewDatagrams are what a scanner sends to a port before it gives up, in an hour.
const fewDatagrams = 3

// One-way traffic is learned as such when it was seen for so long.
const (
	oneWayHours = 3
	oneWayDays  = 2
)

// proof is what the items of an edge show of answers.
type proof struct {
	old        bool // a row does not say what came back
	answered   bool
	unasked    bool // conntrack knew of no request to the answer, which anybody can send
	reset      bool
	unanswered bool // a record that counts packets shows that none came back
	uncounted  bool // another one does not show it
	counted    bool // a record that counts packets shows that some came back
	syn        bool // an opening was seen
	bare       bool // openings are all that was seen of the client
	proxied    bool // a proxy took it: its answers are not the server's, and few are logged
	forwards   bool // the client was seen at all
	soft       bool // no proof of an attempt by itself, but one among many of its client
}

func proofOf(items []item) proof {
	p := proof{bare: true}
	for i := range items {
		t, fate := items[i].t, items[i].k.fate
		p.old = p.old || t.old
		switch {
		case fate == model.Reply && items[i].k.marks&model.MarkReplyNo != 0:
			p.unasked = p.unasked || t.marks&model.MarkAnswered != 0
		case fate == model.Reply:
			p.answered = p.answered || t.marks&model.MarkAnswered != 0
			p.reset = p.reset || t.marks&model.MarkReset != 0
		case fate != model.Used && fate != model.Refused:
		case t.k.fate == model.Undecided: // its marks are those of a reply, which it was not
			p.forwards, p.bare, p.uncounted = true, false, true
		default:
			p.forwards = true
			p.counted = p.counted || fate == model.Used && t.marks&(model.MarkAnswered|model.MarkReset) != 0
			p.answered = p.answered || t.marks&model.MarkAnswered != 0
			p.reset = p.reset || t.marks&model.MarkReset != 0
			p.unanswered = p.unanswered || t.marks&model.MarkUnanswered != 0
			came := t.marks&(model.MarkAnswered|model.MarkReset) != 0
			p.uncounted = p.uncounted || t.marks&model.MarkUnanswered == 0 && (fate == model.Refused || !came)
			p.syn = p.syn || t.marks&model.MarkSYN != 0
			p.bare = p.bare && t.marks&(model.MarkSYN|model.MarkAggregate) == model.MarkSYN && t.records == t.conns
			o := items[i].k.observer
			p.proxied = p.proxied || o == model.AtL7 || o == model.ToProxy || items[i].k.verdict == model.Redirected
		}
	}
	p.answered = p.answered || p.unasked && p.forwards
	return p
}

// grader grades the edges of a graph once all are known: whether silence means something depends on the others.
type grader struct {
	g      *Graph
	cfg    *Config
	items  []item
	from   []int // of each edge, its first item
	proofs []proof
	shown  map[place]*answers
	habits map[place]*habit // with hour 0
	// speaks are the namespaces of pods that sent anything; nil: nobody has to know.
	speaks map[string]bool
	span   span
	counts bool // the log counts packets, and some came back
	asked  bool // the log shows what clients send
	// refusals are the ICMP errors by which a server, first, told a client that nobody listens; unheard are the ports
	// over which nobody answered the same client.
	refusals map[pair]uint64
	unheard  map[pair]uint64
}

// pair is the server and the client of what went from the one to the other.
type pair struct{ server, client PeerID }

// place is where and when a log shows what it shows.
type place struct {
	proto    model.Proto
	observer model.Observer
	hour     uint32
}

// answers are the peers that were answered, and those that answered, at a place; silent are those with an edge that
// nobody answered. Most says that most pods that asked were answered.
type answers struct {
	clients, servers, silent peerSet
	most                     bool
}

func newGrader(g *Graph, cfg *Config, covered span, items []item, from []int, refusals map[pair]uint64) *grader {
	r := &grader{
		g:        g,
		cfg:      cfg,
		items:    items,
		from:     from,
		proofs:   make([]proof, len(g.Edges)),
		shown:    map[place]*answers{},
		habits:   map[place]*habit{},
		span:     covered,
		refusals: refusals,
		unheard:  map[pair]uint64{},
	}
	r.each(func(i EdgeID) { r.proofs[i] = proofOf(r.of(i)) })
	for i, e := range g.AllEdges() {
		r.counts, r.asked = r.counts || r.proofs[i].counted, r.asked || r.proofs[i].forwards
		if e.Proto == model.UDP && r.silent(i) {
			r.unheard[pair{e.Dst, e.Src}]++
		}
	}
	return r
}

func (r *grader) of(edge EdgeID) []item { return itemsOf(r.items, r.from, int(edge), int(edge)+1) }

// each calls do for every edge, on all processors.
func (r *grader) each(do func(EdgeID)) {
	n := len(r.g.Edges)
	model.Each((n+fetchedEdges-1)/fetchedEdges, func(k int) {
		first, end := k*fetchedEdges, min((k+1)*fetchedEdges, n)
		fetch(itemsOf(r.items, r.from, first, end))
		for i := first; i < end; i++ {
			do(EdgeID(i))
		}
	})
}

// grade returns every edge that seemed to work its grade, and takes those that nothing shows to have worked for what
// they are: pending, or denied where a policy denied them at other times.
func (r *grader) grade() {
	obstacles := r.obstacles()
	r.survey(obstacles)
	r.each(func(i EdgeID) {
		if e := &r.g.Edges[i]; e.State.Worked() {
			e.Grade, e.Doubt = r.gradeOf(i)
		}
	})
	r.clear(obstacles)
	r.g.FanOuts = r.fanOuts()
	for _, e := range r.g.AllEdges() {
		switch {
		case !e.Grade.Failed():
		case e.State == Mixed:
			e.State = Denied
		case e.State != Allowed:
		default:
			e.State = Pending
		}
	}
}

// silent reports whether an edge shows no answer and depends on the log to tell what that means.
func (r *grader) silent(i EdgeID) bool {
	p := &r.proofs[i]
	return r.g.Edges[i].State.Worked() && p.forwards && !p.answered && !p.old
}

// survey finds where the log shows answers, in the hours that matter to a silent edge or to an obstacle.
func (r *grader) survey(obstacles []EdgeID) {
	hours := map[uint32]bool{}
	for _, i := range obstacles {
		for _, h := range r.g.Edges[i].Windows {
			hours[h] = true
		}
	}
	for i, e := range r.g.AllEdges() {
		if r.silent(i) {
			for _, h := range e.Windows {
				hours[h] = true
			}
		}
	}
	if len(hours) == 0 {
		return
	}
	r.speaks = r.senders()
	var back []uint32 // hours in which the server of an edge answered
	for i, e := range r.g.AllEdges() {
		if i%fetchedEdges == 0 {
			fetch(itemsOf(r.items, r.from, int(i), int(i)+fetchedEdges))
		}
		if !e.State.Worked() {
			continue
		}
		items := r.of(i)
		back = answered(back[:0], items)
		silent := r.silent(i)
		for n := range items {
			it := &items[n]
			if !r.asks(it) {
				continue
			}
			usual := r.habit(e.Proto, it.k.observer)
			for _, h := range it.t.hours() {
				_, came := slices.BinarySearch(back, h.n)
				if !r.span.lies(h.n) {
					usual.note(e, h.n, came)
				}
				switch {
				case !came && !silent || !hours[h.n]:
				case came:
					a := r.at(place{e.Proto, it.k.observer, h.n})
					a.clients.add(e.Src)
					a.servers.add(e.Dst)
				default:
					r.at(place{e.Proto, it.k.observer, h.n}).silent.add(e.Src)
				}
			}
		}
	}
	for _, h := range r.habits {
		h.close(r)
	}
	for p, a := range r.shown {
		a.close()
		answered := r.pods(a.clients, nil)
		if usual := r.habit(p.proto, p.observer); len(a.clients) == 0 && (r.span.lies(p.hour) || usual.seldom) {
			a.clients, a.servers, answered = usual.clients, usual.servers, usual.pods
		}
		a.most = answered > 2*r.pods(a.silent, a.clients)
	}
}

// senders are the namespaces of whose pods the log shows what they send. A capture of what some namespaces send
// (hubble observe --from-namespace) shows none of the answers of others.
func (r *grader) senders() map[string]bool {
	out := map[string]bool{}
	for i, e := range r.g.AllEdges() {
		items := r.of(i)
		for n := range items {
			from := e.Src
			if items[n].k.fate == model.Reply {
				from = e.Dst
			}
			if p := &r.g.Peers[from]; p.Workload >= 0 && !out[p.Namespace] {
				out[p.Namespace] = true
			}
		}
	}
	return out
}

// answered adds the hours in which items show an answer to a list, in order.
func answered(hours []uint32, items []item) []uint32 {
	for i := range items {
		if it := &items[i]; it.k.fate == model.Reply && it.t.marks&(model.MarkAnswered|model.MarkReset) != 0 {
			for _, h := range it.t.hours() {
				hours = append(hours, h.n)
			}
		}
	}
	slices.Sort(hours)
	return hours
}

// pods counts the workloads among peers that are not in another set. Anybody can send from many addresses.
func (r *grader) pods(peers, but peerSet) (n int) {
	for _, p := range peers {
		if r.g.Peers[p].Workload >= 0 && !but.has(p) {
			n++
		}
	}
	return n
}

// asks reports whether an item is a request that is answered at once: the opening of a TCP connection, or any packet of
// other protocols.
func (r *grader) asks(it *item) bool {
	return it.k.fate == model.Used && it.t.k.fate == model.Used &&
		(it.k.proto != model.TCP || it.t.marks&model.MarkSYN != 0)
}

func (r *grader) at(p place) *answers {
	a := r.shown[p]
	if a == nil {
		a = &answers{}
		r.shown[p] = a
	}
	return a
}

// tells reports whether silence means that nobody answered an edge: an answer would have been logged in its hours,
// since the log shows others then, to the same client or by the same server, or to most clients, and shows what some
// pod of the server's namespace sends. Hours with hardly any of its records may show none: those that a log begins or
// ends in have few answers of anybody.
func (r *grader) tells(i EdgeID) bool { return r.tellsOf(i, r.g.Edges[i].Proto) }

// tellsOf is tells by the answers of another protocol.
func (r *grader) tellsOf(i EdgeID, proto model.Proto) bool {
	e := &r.g.Edges[i]
	if dst := &r.g.Peers[e.Dst]; r.speaks != nil && dst.Workload >= 0 && !r.speaks[dst.Namespace] {
		return false
	}
	var all, unshown uint64
	items := r.of(i)
	for n := range items {
		it := &items[n]
		if it.k.fate != model.Used && it.k.fate != model.Refused {
			continue
		}
		all += it.t.records
		for _, h := range it.t.hours() {
			a := r.shown[place{proto, it.k.observer, h.n}]
			if a == nil || !a.most && !a.clients.has(e.Src) && !a.servers.has(e.Dst) {
				unshown += uint64(h.records)
			}
		}
	}
	const hardly = 10 // one in so many
	return hardly*unshown <= all
}

func (r *grader) gradeOf(i EdgeID) (Grade, Doubt) {
	e, p := &r.g.Edges[i], &r.proofs[i]
	switch {
	case p.answered && p.forwards && e.Proto.HasOpening():
		return Established, DoubtNone
	case p.answered:
		return Answered, DoubtNone
	case p.old:
		return GradeUnknown, DoubtOld
	case p.unasked:
		return r.gradeUnasked(e)
	case p.proxied:
		return GradeUnknown, DoubtNoAnswers
	case p.unanswered || p.reset && p.forwards && !p.uncounted:
		return r.gradeCounted(e, p)
	case e.Proto == model.TCP:
		return r.gradeTCP(i)
	case e.Proto.NeedsAnswer() && !r.g.Peers[e.Dst].Address.IsMulticast():
		return r.gradeAsked(i)
	}
	return r.gradeDatagrams(i)
}

// gradeCounted grades an edge of a log that counts packets both ways.
func (r *grader) gradeCounted(e *Edge, p *proof) (Grade, Doubt) {
	switch {
	case p.uncounted:
		return GradeUnknown, DoubtNoAnswers
	case p.reset:
		return Reset, DoubtNone
	case !r.counts:
		return GradeUnknown, DoubtNoAnswers
	case !e.Proto.NeedsAnswer() && e.Used > 1:
		p.soft = true // one at a time
		return r.oneWay(e)
	case r.incomplete(e):
		p.soft = true
		return GradeUnknown, DoubtIncomplete
	}
	return Attempted, DoubtNone
}

// incomplete reports whether records are missing of an hour in which an edge was seen: its answer may be among them.
func (r *grader) incomplete(e *Edge) bool {
	return slices.ContainsFunc(e.Windows, r.cfg.incomplete)
}

func (r *grader) gradeTCP(i EdgeID) (Grade, Doubt) {
	p := &r.proofs[i]
	switch {
	case p.reset && (p.syn || r.oneSided(i)):
		return Reset, DoubtNone
	case p.reset:
		p.soft = true
		return GradeUnknown, DoubtNoOpening
	case !p.bare && few(&r.g.Edges[i]) && r.oneSided(i):
		return Attempted, DoubtNone
	case !p.bare:
		p.soft = r.tells(i)
		return GradeUnknown, DoubtNoOpening
	case !r.tells(i):
		return GradeUnknown, DoubtNoAnswers
	}
	return r.unanswered(i)
}

// unanswered grades what got no answer though the log would show one.
func (r *grader) unanswered(i EdgeID) (Grade, Doubt) {
	e, p := &r.g.Edges[i], &r.proofs[i]
	switch {
	case r.incomplete(e):
		p.soft = true
		return GradeUnknown, DoubtIncomplete
	case r.span.cut(e.First):
		p.soft = true
		return GradeUnknown, DoubtCutOff
	}
	return Attempted, DoubtNone
}

// gradeUnasked grades answers that conntrack knew of no request to, and that the log shows none to: it lost the
// request, or there was none. Where the log shows what clients send it would show that as well.
func (r *grader) gradeUnasked(e *Edge) (Grade, Doubt) {
	if r.asked && !r.incomplete(e) && (!r.nearEdge(e.First) || r.amid(e)) {
		return Attempted, DoubtNone
	}
	return Answered, DoubtNone
}

// gradeAsked grades what has no flags to tell by and is nothing without an answer: a ping, an association of SCTP.
// Where nobody else uses the protocol the answers of others over TCP show that the log has answers.
func (r *grader) gradeAsked(i EdgeID) (Grade, Doubt) {
	p := &r.proofs[i]
	switch {
	case p.reset && p.syn: // an association that was aborted before it was one
		return Reset, DoubtNone
	case p.reset:
		p.soft = true
		return GradeUnknown, DoubtNoOpening
	case !r.tells(i) && !r.tellsOf(i, model.TCP):
		return GradeUnknown, DoubtNoAnswers
	}
	return r.unanswered(i)
}

// gradeDatagrams grades what has no opening to tell by, and may need no answer. As few as a scanner sends are an
// attempt, where the log has answers, of others over TCP at least.
func (r *grader) gradeDatagrams(i EdgeID) (Grade, Doubt) {
	e, p := &r.g.Edges[i], &r.proofs[i]
	back := pair{e.Dst, e.Src}
	if e.Proto == model.UDP && r.refusals[back] > 0 {
		if r.refusals[back] >= r.unheard[back] {
			return Reset, DoubtNone
		}
		p.soft = true // systems limit how many errors they send
	}
	switch {
	case !few(e) || r.g.Peers[e.Dst].Address.IsMulticast():
		return r.oneWay(e)
	case !r.tells(i) && !r.tellsOf(i, model.TCP):
		return GradeUnknown, DoubtNoAnswers
	}
	return r.unanswered(i)
}

// few reports whether an edge is as few packets as a scanner sends. More of them may be of a connection whose other
// direction a filter took from the log.
func few(e *Edge) bool { return e.Used+e.RefusedRecords <= fewDatagrams && len(e.Windows) == 1 }

// oneWay grades datagrams that nobody answered: over days they are a dependency that needs no answer.
func (r *grader) oneWay(e *Edge) (Grade, Doubt) {
	const hoursADay = 24
	days := map[uint32]bool{}
	for _, h := range e.Windows {
		days[h/hoursADay] = true
	}
	if len(e.Windows) >= oneWayHours && len(days) >= oneWayDays && r.g.Peers[e.Src].Workload >= 0 {
		return OneWay, DoubtNone
	}
	return GradeUnknown, DoubtDatagrams
}
