package live

import (
	"cmp"
	"context"
	"sync"
	"time"

	"sluice/ingest"
	"sluice/ingest/normalize"
	"sluice/model"
)

// maxWaiting is how many folded rows wait for the store before the server has to: 9 MiB.
const maxWaiting = 1 << 17

// Session takes what a Client receives. Its methods may be called by one goroutine; they block while the store is
// behind.
type Session struct {
	ctx    context.Context
	window int
	much   chan struct{} // much waits to be stored

	mu       sync.Mutex // of all below
	room     *sync.Cond // waiting has become shorter, or the tables are new
	outgrown bool       // the tables are to be renewed as soon as nothing refers to them
	up       bool       // the server has answered on this stream
	tables   model.Tables
	norm     *normalize.Normalizer
	waiting  []model.Observation
	seen     seen
	unstored []uint64 // ids of the records in waiting
	seenFrom int64    // watermark when the first of unstored came
	nodes    map[string]*node
	lastName string // of last
	last     *node
	mark     int64 // watermark
	clocks   *model.Clock
	clock    int64 // when the clock was last looked at, by the later of its times
	early    int64 // likewise, by the earlier
	steady   int64 // likewise, by the one that nobody sets
	arrived  uint64
	batch    Batch // counts since the last take
	total    Stats
	resumed  bool // the store had records of the stream

	maxTables int    // bytes
	unlooked  int    // flows until the size of the tables is looked at again
	crowded   bool   // the tables have grown too large for this stream
	enough    func() // ends the stream
	oldDays   map[int64]bool
}

// node is what is known of a node.
type node struct {
	last    int64    // newest record
	at      int64    // when that arrived, by our own clock, which nobody sets
	arrived uint64   // records, repetitions included
	owed    bool     // its first record since the stream was opened is to come
	ties    []uint64 // ids of the first records that came with the time of last
	allTies bool     // ties has them from the first on
	state   NodeState
	why     string // the message that came with the state
	delta   NodeAccount
	lost    map[string]uint64 // since the collector started
}

var _ ingest.Sink = (*Session)(nil)

func newSession(ctx context.Context, cfg *Config, p Position) *Session {
	s := &Session{ctx: ctx, window: cfg.WindowMinutes, clocks: cmp.Or(cfg.Clock, model.NewClock()),
		much: make(chan struct{}, 1), nodes: map[string]*node{},
		maxTables: maxTables, oldDays: map[int64]bool{}}
	s.look()
	s.room = sync.NewCond(&s.mu)
	s.renew()
	s.resumed = len(p.Last) > 0
	for name, last := range p.Last {
		s.nodes[name] = &node{last: last}
		s.mark = max(s.mark, last)
	}
	if p.Watermark > 0 {
		s.mark = min(s.mark, p.Watermark) // nodes whose clocks are ahead do not take it along
	}
	for _, id := range p.Seen {
		s.seen.add(id, p.SeenFrom)
	}
	return s
}

// renew makes new tables: texts of pods that came and went must not stay for ever.
func (s *Session) renew() {
	s.tables = model.NewTables()
	s.norm = normalize.New(ingest.NewFold(s.tables.Names, ingest.MinuteRows, func(rows []model.Observation) {
		s.waiting = append(s.waiting, rows...)
	}), s.window)
	s.norm.Endpoints = s.tables.Endpoints
}

// Connected says that the server has answered: the stream is open. Records of it may follow.
func (s *Session) Connected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		s.up = true
		s.batch.Streams++
		s.total.Streams++
	}
}

// Tables are where the flows of this Stream have their endpoints. They change between two calls of Stream.
func (s *Session) Tables() model.Tables {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tables
}

// The bounds of what servers say of nodes: whoever makes up ever new names must not fill the memory, nor commits that
// have all of them.
const (
	maxNodes  = 1 << 16 // more are one without a name
	maxCauses = 1 << 5  // of losses of a node
)

// node finds or makes the node of a name, of which no more counts than a name may have.
func (s *Session) node(name []byte) *node {
	name = name[:min(len(name), ingest.MaxNodeName)]
	if s.last != nil && s.lastName == string(name) {
		return s.last
	}
	n := s.nodes[string(name)]
	if n == nil && len(s.nodes) >= maxNodes {
		name = nil
		n = s.nodes[""]
	}
	if n == nil {
		n = &node{}
		s.nodes[string(name)] = n
	}
	s.last, s.lastName = n, string(name)
	return n
}

// Flow takes a record. It blocks while too many rows wait for the store.
func (s *Session) Flow(f *model.Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flow(f)
}

func (s *Session) flow(f *model.Flow) {
	for len(s.waiting) >= maxWaiting && s.ctx.Err() == nil {
		s.total.Blocked++
		s.room.Wait()
	}
	s.doubt(f)
	s.norm.Flow(f)
	s.bound()
	if len(s.waiting) >= maxWaiting/2 || len(s.unstored) >= seenWindow {
		s.hurry()
	}
}

// hurry asks for what waits to be stored, however long ago that was done last.
func (s *Session) hurry() {
	select {
	case s.much <- struct{}{}:
	default:
	}
}

// Reject takes a record that cannot become a flow.
func (s *Session) Reject(r ingest.Rejection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.norm.Reject(r)
}

// Received counts bytes received.
func (s *Session) Received(bytes int) {
	s.mu.Lock()
	s.batch.Bytes += uint64(bytes)
	s.mu.Unlock()
}

// otherCause is that of losses where a node has told too many.
const otherCause = "other"

// Lost takes the server's word that events of a node were lost, where, and from when to when: 0 is not known.
func (s *Session) Lost(name []byte, cause string, events uint64, from, to model.Micros) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.node(name)
	events = min(events, model.MaxLoss)
	if _, known := n.lost[cause]; !known && len(n.lost) >= maxCauses {
		cause = otherCause
	}
	if n.delta.Lost == nil {
		n.delta.Lost = map[string]uint64{}
	}
	if n.lost == nil {
		n.lost = map[string]uint64{}
	}
	n.delta.Lost[cause] += events
	n.lost[cause] += events
	s.norm.Lose(from, to, events)
	s.total.Lost += events
}

// Node takes the server's word on the state of a node.
func (s *Session) Node(name string, state NodeState, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.node([]byte(name))
	if state != NodeConnected && n.state == NodeConnected {
		n.delta.Breaks++
	}
	n.state, n.why = state, Brief(message)
}

// opened prepares for a new stream from a time on: it must show the last record of each node once more, or there is a
// gap.
func (s *Session) opened(from int64, enough func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		n.owed = n.last > 0 && n.last >= from
		n.state, n.why = NodeConnected, ""
	}
	s.up, s.crowded, s.enough = false, false, enough
}

func (s *Session) closed() {
	s.mu.Lock()
	s.up = false
	s.mu.Unlock()
}

// maxBehind is how far behind the newest node a silent one may pull the start of the next stream.
const maxBehind = 5 * 60e6

// maxSkew is how far the clock of a node may be behind. One that has sent nothing since the start, and whose records of
// before are older, is gone.
const maxSkew = 24 * 3600e6

// resume returns the time to ask from, in microseconds, 0 where nothing was received yet: before the last record of
// each node, but not so early that repetitions could not be told. Only for a node that is at work and whose clock is
// far behind it is earlier: then records may be counted twice, which is better than losing them.
func (s *Session) resume(overlap time.Duration) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark == 0 {
		return 0
	}
	low, slow := s.mark, s.mark
	for _, n := range s.nodes {
		switch {
		case n.last == 0:
		case n.last >= s.mark-maxBehind:
			low = min(low, n.last)
		case n.at == 0 && n.last < s.mark-maxSkew:
		case n.at >= s.steady-maxBehind:
			slow = min(slow, n.last)
		}
	}
	from := max(low-overlap.Microseconds(), s.seen.from(), 1)
	// Servers leave out what is older than we ask for, by the clocks of their nodes: all of a node whose clock is behind.
	return min(from, slow-overlap.Microseconds())
}

// take moves what came since the last take into b, whose memory it reuses; false where there is nothing to store.
func (s *Session) take(b *Batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	s.norm.Flush()
	spare, ids := b.Rows[:0], b.Seen[:0]
	*b = s.batch
	b.Tables = s.tables
	b.Rows, s.waiting = s.waiting, spare
	b.Seen, s.unstored = s.unstored, ids
	b.SeenFrom, b.Watermark = s.seenFrom, s.mark
	s.batch = Batch{}
	b.Report, s.norm.Report = s.norm.Report, ingest.Report{}
	s.takeNodes(b)
	if s.outgrown {
		s.outgrown = false
		s.renew()
	}
	s.room.Broadcast()
	return len(b.Rows) > 0 || b.Report.Total() > 0 || b.Report.Lost > 0 || len(b.Gaps) > 0 || len(b.Nodes) > 0 ||
		b.Resent > 0
}

func (s *Session) takeNodes(b *Batch) {
	for name, n := range s.nodes {
		if n.delta.Records == 0 && n.delta.Lost == nil && n.delta.Breaks == 0 {
			continue
		}
		if b.Nodes == nil {
			b.Nodes = map[string]NodeAccount{}
		}
		n.delta.Last = n.last
		b.Nodes[name] = n.delta
		n.delta = NodeAccount{}
	}
}

const (
	maxEndpoints = 1 << 16
	maxNames     = 1 << 17
)

// maxTables is how many bytes the tables of one stream may take: some 300,000 addresses, or 100,000 workloads with many
// labels. Whoever sends packets from ever new addresses fills them in seconds.
const maxTables = 128 << 20

// bound ends the stream where its tables have grown too large: what was received is stored, the tables begin anew,
// and the next stream goes on from there.
func (s *Session) bound() {
	if s.unlooked--; s.unlooked > 0 || s.crowded {
		return
	}
	s.unlooked = 1 << 4 // of messages with as many labels as an object of Kubernetes has room for, megabytes
	if s.tables.Size() <= s.maxTables || s.enough == nil {
		return
	}
	s.crowded = true
	s.total.Crowded++
	s.enough()
}

// ended reports whether it was the tables that ended the stream.
func (s *Session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowded
}

// shrink waits for new tables where the old ones have grown large. No stream may be open.
func (s *Session) shrink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outgrown = s.tables.Endpoints.Len() > maxEndpoints || s.tables.Names.Len() > maxNames ||
		s.tables.Size() > s.maxTables
	if s.outgrown {
		s.hurry()
	}
	for s.outgrown && s.ctx.Err() == nil {
		s.room.Wait()
	}
}

// Arrived is how many records came from the nodes of these names, of all nodes where none is given, repetitions
// included.
func (s *Session) Arrived(names ...string) (n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		return s.arrived
	}
	done := map[string]bool{}
	for _, name := range names {
		if known := s.nodes[name]; known != nil && !done[name] {
			n += known.arrived
			done[name] = true
		}
	}
	return n
}

// Remembers returns the time from which on all repetitions are told: Fresh takes one of a record that came when the
// watermark stood at that time, in microseconds, or before for a new record. ok is false as long as nothing was
// received.
func (s *Session) Remembers() (from int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.resumed && len(s.seen.gen[1].ids) == 0 {
		return 0, s.mark != 0 // nothing was forgotten
	}
	return s.seen.from(), s.mark != 0
}

// Repeated reports whether something other than a record was received before, and remembers it.
func (s *Session) Repeated(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.has(id) {
		return true
	}
	s.remember(id)
	return false
}
