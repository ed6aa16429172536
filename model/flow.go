package model

import (
	"strings"
)

// Ref is an endpoint as a decoder hands it on: the interned id with the few facts of it that normalizing needs for
// every record.
type Ref struct {
	ID       EndpointID
	Kind     Kind
	Entities Entities
	Marks    Marks
}

// Flow is one log record after decoding, before normalizing. Decoders reuse one Flow; the byte slices alias
// their buffer and are valid until the sink returns. Source and destination are those of the packet (Hubble) or of
// the connection (Calico).
type Flow struct {
	Time    Micros // 0: the record has none. Start of the window for aggregated logs
	End     Micros // end of the window for aggregated logs, else 0
	Src     Ref
	Dst     Ref
	SrcPod  []byte // pod name as logged, or empty
	DstPod  []byte
	SrcIP   []byte // address text as logged, or empty
	DstIP   []byte
	SrcPort uint16
	DstPort uint16 // for ICMP: the type
	Proto   Proto  // 0: the record has no layer 4
	Flags   TCPFlags
	// HasFlags reports that the record carries TCP flags: without them nothing follows from the absence of SYN.
	HasFlags  bool
	Verdict   Verdict
	Drop      Drop
	IsReply   Tri
	Direction Direction
	Event     Event
	Observer  Observer
	Related   bool // trace_reason RELATED, or SRV6: not judged by policy
	// Aggregated: the log's aggregation left out the port or what an end is known by (Calico).
	Aggregated bool
	// Transit: Calico reporter fwd without src or dst.
	Transit bool
	Conns   uint32 // connections that the record itself counts (Calico num_flows_started, an aggregate of Hubble); else 0
	Marks   Marks  // marks known to the decoder
	// Host and Request are of an HTTP request that a proxy of Ingress and Gateway took or made: the host that it is for,
	// with the path behind it where that is known, and what it is called in the logs of all that it passes.
	Host, Request []byte
	// Answer is what a resolver answered to the destination, where a proxy read it; nil otherwise.
	Answer *Answer
	// Asked is the name that a resolver was asked for, as logged, by the source, or where this is its reply by the
	// destination; "" where no proxy read it.
	Asked    string
	Node     []byte // that reported it, where a file says so; a live source accounts for nodes by itself
	Policies []byte // the policies that decided, each as PolicyNames has it with a zero byte behind it
	Logged   []byte // what the policies that decided were told to log, each text with a zero byte behind it
}

// Answer is one of a resolver: which addresses a name has, as logged, and for how many seconds.
type Answer struct {
	Name      string
	Addresses []string
	TTL       uint32
}

// TCPFlags are the flags that tell who opened a connection, and who refused it. An INIT of SCTP is a SYN here, and an
// ABORT a RST.
type TCPFlags uint8

// The flags.
const (
	SYN TCPFlags = 1 << iota
	ACK
	FIN
	RST
)

// Marks are facts beside an observation that findings are made of. Stores keep their bits.
type Marks uint16

// The marks.
const (
	MarkSYN         Marks = 1 << iota // a SYN without ACK was seen
	MarkWorldPod                      // an end is a pod by name but reserved:world by identity
	MarkHostNetwork                   // an end is a hostNetwork pod, taken as its node
	MarkUnmanaged                     // an end is a pod that the CNI does not manage
	MarkReplyNo                       // undecided, or the answer to a ping, although the record said is_reply=false
	MarkDenied                        // undecided record of a policy drop
	MarkL7Denied                      // an L7 rule denied the request; the connection itself was allowed
	MarkStagedDeny                    // staged policies would deny (Calico pending)
	MarkProfile                       // only the namespace profile allowed it: default deny would cut it (Calico)
	MarkNoted                         // the row says what came back; rows of stores from before these four marks do not
	MarkAnswered                      // the server answered by more than a reset; undecided: so it did if this is a reply
	MarkReset                         // the server answered by a reset; undecided: as above
	MarkUnanswered                    // the record counts packets, and none came back (Calico)
	MarkLogged                        // a policy that decided has a log value (Cilium's spec.log.value)
	MarkAggregate                     // a record stands for several flows of one kind (Hubble)
	MarkDenyRule                      // a rule that denies decided, and not that none allows
)

// KeyMarks are the marks that tell rows apart; the others are facts that add up by OR.
const KeyMarks = MarkReplyNo | MarkDenied

var markNames = [...]struct {
	mark Marks
	name string
}{
	{MarkSYN, "syn"}, {MarkWorldPod, "world-pod"}, {MarkHostNetwork, "host-network"}, {MarkUnmanaged, "unmanaged"},
	{MarkL7Denied, "l7-denied"}, {MarkStagedDeny, "staged-deny"}, {MarkProfile, "profile-only"},
	{MarkLogged, "policy-log"}, {MarkAggregate, "aggregate"}, {MarkDenyRule, "deny-rule"},
}

// Names lists the marks, those aside whose meaning ends where edges are built: of KeyMarks, and of what came back.
func (m Marks) Names() (names []string) {
	for _, n := range markNames {
		if m&n.mark != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String is the names with commas.
func (m Marks) String() string { return strings.Join(m.Names(), ",") }

// NameID refers to a text of a Strings table; 0 is the empty text.
type NameID uint32

// Observation is the stored row: records of one connection key folded over one window. It is a sum: two rows of
// one key may be added in any order.
type Observation struct {
	Window   uint32 // start of the window, minutes since 1970 UTC
	Src, Dst EndpointID
	SrcPort  uint16 // only where Fate is Undecided; ephemeral ports as 0
	Port     uint16 // port of the server; ICMP type; undecided: destination port of the packet, ephemeral as 0
	Proto    Proto
	Verdict  Verdict
	Observer Observer
	Fate     Fate
	Reason   Reason
	Marks    Marks
	Records  uint32
	Conns    uint32 // connections opened, 0 where the log does not say
	First    Micros
	Last     Micros
	SrcPod   NameID // pods of the earliest record (smallest names at equal times); 0 where unknown
	DstPod   NameID
}

// LastWith is the last time of the sum of two rows of one key. Rows that note an address have that of the first one
// alone: which of those after it are noted depends on who read what.
func (o *Observation) LastWith(other *Observation) Micros {
	if o.Reason == NodeAddress {
		return min(o.Last, other.Last)
	}
	return max(o.Last, other.Last)
}
