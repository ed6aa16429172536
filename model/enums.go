package model

import (
	"math/bits"
	"strconv"
	"strings"
)

// Proto is an IANA protocol number. Zero means the record named none.
type Proto uint8

// The protocols that policies can name.
const (
	ICMP   Proto = 1
	IGMP   Proto = 2
	TCP    Proto = 6
	UDP    Proto = 17
	ICMPv6 Proto = 58
	VRRP   Proto = 112
	SCTP   Proto = 132
)

// String is the lower-case name used in ports ("6379/tcp"), or the number.
func (p Proto) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMPv6:
		return "icmpv6"
	case IGMP:
		return "igmp"
	case VRRP:
		return "vrrp"
	case SCTP:
		return "sctp"
	case 0:
		return "unknown"
	}
	return strconv.Itoa(int(p))
}

// HasPorts reports whether a port means something for p. For ICMP and ICMPv6 a Port field holds the message type.
func (p Proto) HasPorts() bool { return p == TCP || p == UDP || p == SCTP }

// NeedsAnswer reports whether nothing works over p without an answer: a connection, an association, a ping. Datagrams
// may need none, and of other protocols nobody knows.
func (p Proto) NeedsAnswer() bool { return p == TCP || p == SCTP || p == ICMP || p == ICMPv6 }

// HasOpening reports whether what begins a connection over p can be told from all else, and what refuses one: by flags
// of TCP, and by chunks of SCTP, which Hubble names from Cilium 1.20 on.
func (p Proto) HasOpening() bool { return p == TCP || p == SCTP }

// Whole reports whether p has neither ports nor types of messages, so that a rule can name it as a whole only.
func (p Proto) Whole() bool { return p != 0 && !p.HasPorts() && p != ICMP && p != ICMPv6 }

// Named reports whether p has a name. The number of one without would read as that of a port.
func (p Proto) Named() bool { return p.String() != strconv.Itoa(int(p)) }

// Tri is a boolean that a record may leave out; the zero value is Unknown. Unknown is never read as No
// (23 % of real Hubble records carry no is_reply).
type Tri uint8

// The values of Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// Direction is the direction of the connection at the endpoint that reported it, not of the packet.
type Direction uint8

// The directions; the zero value means that the record named none.
const (
	DirectionUnknown Direction = iota
	Ingress
	Egress
)

// String is "ingress", "egress" or "unknown".
func (d Direction) String() string { return [...]string{"unknown", "ingress", "egress"}[d] }

// Verdict is what the datapath said of the packet or connection, in the words of Hubble's flow.proto.
// Calico's allow and deny are Forwarded and Dropped. Stores keep its numbers.
type Verdict uint8

// The verdicts.
const (
	VerdictUnknown Verdict = iota
	Forwarded
	Dropped
	VerdictError
	Audit
	Redirected
	Traced
	Translated
)

// String is the lower-case name.
func (v Verdict) String() string {
	return [...]string{"unknown", "forwarded", "dropped", "error", "audit", "redirected", "traced", "translated"}[v]
}

// Allowed reports whether the packet went on: forwarded, redirected to a proxy, or let through by audit mode.
func (v Verdict) Allowed() bool { return v == Forwarded || v == Redirected || v == Audit }

// Drop is why a packet was dropped, as far as that is evidence of a policy. Readers of logs decide it; the numbers of a
// log's own reasons go no further.
type Drop uint8

// The kinds of drops; the zero value means that the record named no reason.
const (
	DropNone   Drop = iota
	DropPolicy      // policies denied it
	DropAuth        // until mutual authentication
	DropOther       // no policy did it
	DropRule        // a rule of a policy denies it; of DropPolicy nothing but that is known, or that no rule allows it
)

// String is the lower-case name, "" for none.
func (d Drop) String() string { return [...]string{"", "policy", "auth", "other", "rule"}[d] }

// Event is the kind of Hubble event behind a record (pkg/monitor/api: 1 drop, 4 trace, 5 policy verdict, 7 socket,
// 129 L7), or EventConnection for logs that report whole connections (Calico).
type Event uint8

// The events; EventNone means that the record named none (field-masked exports).
const (
	EventNone Event = iota
	EventDrop
	EventTrace
	EventVerdict
	EventL7
	EventSock
	EventDebug
	EventConnection
)

// Observer is the place in the datapath that saw the packet. The order is the precedence by which one of several
// records of one connection is the one that counts: the smallest present is used, the others are duplicates.
// Stores keep its numbers.
type Observer uint8

// The observers, most telling first.
const (
	AtDestination Observer = iota // delivered to the destination's endpoint (TO_ENDPOINT, Calico Dst)
	ToProxy                       // handed to a proxy
	ToNetwork                     // left the source's node
	ToOverlay                     // left the source's node by the tunnel
	ToStack                       // left the source for its own node's stack
	AtSource                      // seen at the source, place unknown (Calico Src)
	AtVerdict                     // a policy verdict event
	AtDrop                        // a drop event
	AtL7                          // an L7 event
	Elsewhere                     // seen between the ends, or the place is unknown
)

// Observers is a set of observers.
type Observers uint16

// Add puts an observer into the set.
func (s *Observers) Add(o Observer) { *s |= 1 << o }

// Has reports whether an observer is in the set.
func (s Observers) Has(o Observer) bool { return s&(1<<o) != 0 }

// Names lists the observers, the most telling first; it is never nil.
func (s Observers) Names() []string {
	names := make([]string, 0, bits.OnesCount16(uint16(s)))
	for o := AtDestination; o <= Elsewhere; o++ {
		if s.Has(o) {
			names = append(names, o.String())
		}
	}
	return names
}

// String is the names with commas.
func (s Observers) String() string { return strings.Join(s.Names(), ",") }

var observerNames = [...]string{"destination", "to-proxy", "to-network", "to-overlay", "to-stack", "source",
	"policy-verdict", "drop", "l7", "elsewhere"}

// String is the lower-case name.
func (o Observer) String() string { return observerNames[o] }

// Fate says what became of a record. Every record read has exactly one, and the counts add up. Stores keep its numbers.
type Fate uint8

// The fates. Undecided is provisional: when edges are built it becomes Used, Reply, Denied or Refused.
// Duplicate is only ever given when edges are built.
const (
	Malformed Fate = iota
	Used
	Reply
	Duplicate
	Denied
	Irrelevant
	Refused
	Undecided
)

var fateNames = [...]string{"malformed", "used", "reply", "duplicate", "denied", "irrelevant", "refused", "undecided"}

// String is the lower-case name.
func (f Fate) String() string { return fateNames[f] }

// Reason says why a record is irrelevant, refused or malformed, and of one that a policy denied at which end, where no
// observer tells. Others have ReasonNone. Stores keep its numbers: a new one comes last, whatever its fate.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = iota
	// irrelevant
	NotAFlow          // agent, debug, lost or node-status event
	SocketEvent       // socket-level trace, addresses before translation
	DebugEvent        // debug capture
	ICMPError         // ICMP destination unreachable, time exceeded, ...
	NeighborDiscovery // ICMPv6 router and neighbour messages
	Health            // cilium-health
	OwnNode           // a node's own host reaching its pod: kubelet probes, always permitted
	SelfTalk          // a pod talking to itself
	Related           // RELATED to another connection, not judged by policy
	NonPolicyDrop     // dropped for a reason that is not a policy
	AuthRequired      // dropped until mutual authentication
	VerdictOther      // ERROR, TRACED, TRANSLATED
	ServiceAddress    // a service address before translation; the backend has a record of its own
	Transit           // forwarded through a host, neither end is a pod
	GhostRecord       // Goldmane's empty record of a bucket that is filling
	NodeToNode        // neither end is a pod
	TunnelOuter       // only an outer tunnel header
	// refused
	FieldMasked      // the export left out what learning needs
	EmptyEndpoint    // {}: an endpoint without identity
	UnknownIdentity  // reserved:unknown or reserved:init, or labels of a node and of a pod at once
	Unlabelled       // a pod without labels or owner, nothing can select it
	UnknownDirection // undecided which end is the server
	NoPort           // no layer 4 in the record
	BadTime          // no time, or outside 2000-2100
	NoAddress        // an outside peer without address
	Aggregated       // the log's aggregation removed the port or the peer
	UnknownVerdict   // no verdict
	// malformed
	BadJSON
	BadValue   // right JSON, wrong kind or range of a value
	TooLong    // a line over the limit
	Truncated  // the input ended inside a record
	NotFlowLog // JSON of another kind
	// of no record
	NodeAddress // a row that counts no record: the address of its source is that of its destination, a node or a pod
	Backend     // a row that counts no record: what stands behind a service or an address, as other records show it
	// denied, or undecided and denied: then the ends are those of the packet
	AtEgress  // a policy of the source denied it
	AtIngress // a policy of the destination denied it
	numReasons
)

var reasonNames = [...]string{"",
	"not-a-flow", "socket-event", "debug-event", "icmp-error", "neighbor-discovery", "health", "own-node", "self", "related", "non-policy-drop", "auth-required", "verdict-other", "service-address", "transit", "ghost",
	"node-to-node", "tunnel-outer",
	"field-masked", "empty-endpoint", "unknown-identity", "unlabelled", "undecided", "no-port", "bad-time", "no-address",
	"aggregated", "unknown-verdict",
	"bad-json", "bad-value", "too-long", "truncated", "not-a-flow-log", "node-address", "backend",
	"at-egress", "at-ingress"}

// String is the lower-case name, "" for ReasonNone.
func (r Reason) String() string { return reasonNames[r] }

// Notes reports whether rows with the reason count no record.
func (r Reason) Notes() bool { return r == NodeAddress || r == Backend }

// NumReasons is one more than the largest Reason.
const NumReasons = int(numReasons)
