package hubble

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"sluice/ingest/scan"
)

// Kinds of objects whose members are read.
const (
	inEnvelope = iota
	inFlow
	inIP
	inLayer4
	inPorts
	inFlags
	inEnd
	inEvent
	inWorkload
	inService
	inLost
	inAggregate
	inLoose
	inKinds
)

// member numbers a member of an object.
type member uint8

// The members that are read.
const (
	noMember member = iota // none: what stands there is no member
	passed                 // says nothing here
	closed                 // the object ends
	// These and passed may stand more than once, wherever they do: no number of an inner object is theirs.
	envelopeTime
	envelopeEvent // agent_event, debug_event, node_status
	nameNode      // of the node that reported it, in the flow and around it
	keyPolicies   // the four lists of policies that decided
	keyLoose      // objects of scalars that are passed over
	envelopeFlow
	envelopeResult
	envelopeLost
	keyTime
	keyVerdict
	keyDrop
	keyDesc
	keyIP
	keyLayer4
	keySource
	keyDestination
	keyKind
	keyNames
	keyReply
	keyIsReply
	keyEvent
	keyService
	keyAggregate
	keyLog
	keyLayer7
	keyTrace
	keyDirection
	keyPoint
	keyReason
	keyEnvelope
)

// The members of the objects within a flow have numbers of their own, so that a set of any object's fits 64 bits.
const (
	ipSource member = iota + keyLoose + 1
	ipDestination
	ipVersion
	l4TCP
	l4UDP
	l4SCTP
	l4ICMP4
	l4ICMP6
	l4VRRP
	l4IGMP
	portSource
	portDestination
	portFlags
	portType
	portCode
	portChunk
	flagSYN
	flagACK
	flagFIN
	flagRST
	endID
	endIdentity
	endCluster
	endNamespace
	endLabels
	endPod
	endWorkloads
	eventType
	eventSubType
	workloadName
	workloadKind
	serviceName
	serviceNamespace
	lostNumber
	lostFirst
	lostLast
	flowCount
)

// memberNames are the names of members in flow.proto. Their JSON names, in camel case, count as well, and as with
// encoding/json so does any case.
var memberNames = [inKinds]map[member]string{
	inEnvelope: {envelopeFlow: "flow", envelopeResult: "result", envelopeTime: "time", envelopeLost: "lost_events",
		envelopeEvent: "agent_event debug_event node_status", nameNode: "node_name"},
	inFlow: {keyTime: "time", keyVerdict: "verdict", keyDrop: "drop_reason", keyDesc: "drop_reason_desc", keyIP: "IP",
		keyLayer4: "l4", keySource: "source", keyDestination: "destination", keyKind: "Type", keyNames: "destination_names",
		keyReply: "reply", keyIsReply: "is_reply", keyEvent: "event_type", keyService: "destination_service",
		keyAggregate: "aggregate", keyLog: "policy_log", keyLayer7: "l7", keyTrace: "trace_context",
		keyDirection: "traffic_direction", keyPoint: "trace_observation_point", keyReason: "trace_reason",
		keyLoose:    "ethernet interface",
		keyPolicies: "egress_allowed_by ingress_allowed_by egress_denied_by ingress_denied_by",
		keyEnvelope: "flow result lost_events agent_event debug_event node_status",
		nameNode:    "node_name",
		passed: "uuid emitter auth_type tunnel node_labels source_names source_service policy_match_type file " +
			"ip_trace_id debug_capture_point proxy_port sock_xlate_point socket_cookie cgroup_id Summary " +
			"extensions"},
	inIP: {
		ipSource:      "source",
		ipDestination: "destination",
		ipVersion:     "ipVersion",
		passed:        "encrypted source_xlated",
	},
	inLayer4: {l4TCP: "TCP", l4UDP: "UDP", l4SCTP: "SCTP", l4ICMP4: "ICMPv4", l4ICMP6: "ICMPv6", l4VRRP: "VRRP",
		l4IGMP: "IGMP"},
	inPorts: {
		portSource:      "source_port",
		portDestination: "destination_port",
		portFlags:       "flags",
		portType:        "type",
		portCode:        "code",
		portChunk:       "chunk_type",
	},
	inFlags: {flagSYN: "SYN", flagACK: "ACK", flagFIN: "FIN", flagRST: "RST", passed: "PSH URG ECE CWR NS"},
	inEnd: {
		endID:        "ID",
		endIdentity:  "identity",
		endCluster:   "cluster_name",
		endNamespace: "namespace",
		endLabels:    "labels",
		endPod:       "pod_name",
		endWorkloads: "workloads",
	},
	inEvent:     {eventType: "type", eventSubType: "sub_type"},
	inWorkload:  {workloadName: "name", workloadKind: "kind"},
	inService:   {serviceName: "name", serviceNamespace: "namespace"},
	inLost:      {lostNumber: "num_events_lost", lostFirst: "first", lostLast: "last", passed: "source"},
	inAggregate: {flowCount: "ingress_flow_count egress_flow_count unknown_direction_flow_count"},
	inLoose:     {passed: "source destination index name"},
}

// key is a name with the end of the string and the colon, as JSON without blanks has it. All of it and mask lie in one
// line of a processor's cache.
type key struct {
	scan.Words
	mask scan.Words // of the bytes that count
}

// differs is 0 where the key stands at b. It takes no branch.
func (k *key) differs(b *[maxKey]byte) uint64 {
	return (binary.LittleEndian.Uint64(b[:])&k.mask[0] ^ k.Words[0]) |
		(binary.LittleEndian.Uint64(b[8:])&k.mask[1] ^ k.Words[1]) |
		(binary.LittleEndian.Uint64(b[16:])&k.mask[2] ^ k.Words[2]) |
		(binary.LittleEndian.Uint64(b[24:])&k.mask[3] ^ k.Words[3])
}

// spot is what has to be known of a key before it is compared, in one word: its size, the member that it names, where
// it stands in the list, and the place of the next one with the same hash in more; 0 is none.
type spot uint32

func (p spot) size() int  { return int(p & 0xff) }
func (p spot) id() member { return member(p >> 8) }
func (p spot) key() int   { return int(p >> 16 & 0x7f) }

// keys are the names of one kind of objects.
type keys struct {
	spread uint32             // with it the hashes of names differ
	first  [1 << keyBits]spot // by the hash of a name
	list   [128]key           // from 1 on; the first one is no name
	more   [128]spot          // behind each of the list, one with the same hash
	n      int
	folded map[string]member // by the name in lower case
}

var allKeys = func() (all [inKinds]keys) {
	for kind := range all {
		k := &all[kind]
		k.folded = map[string]member{}
		k.list[0].Words[0] = 1 // of no byte that counts: stands nowhere
		ids, proto := map[string]member{}, map[string]int{}
		for id, list := range memberNames[kind] {
			for name := range strings.FieldsSeq(list) {
				ids[name], ids[camel(name)], proto[name] = id, id, 1
			}
		}
		// What is put last is found first: names of flow.proto before others in camel case, and short ones before long
		// ones that begin alike.
		names := slices.Collect(maps.Keys(ids))
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(proto[a]-proto[b], len(b)-len(a), strings.Compare(a, b))
		})
		k.spread = spreadOf(names)
		for _, name := range names {
			k.put(name, ids[name])
		}
	}
	return all
}()

// spreadOf returns the first of some factors that gives names that begin otherwise other hashes, else the best.
func spreadOf(names []string) uint32 {
	best, most := uint32(0), -1
	for n := range uint32(1 << 8) {
		spread := 0x9E3779B1 * (2*n + 1)
		heads, hashes := map[uint32]bool{}, map[uint32]bool{}
		for _, name := range names {
			head := headOf(name)
			heads[head], hashes[keyHash(head, spread)] = true, true
		}
		if len(hashes) > most {
			best, most = spread, len(hashes)
		}
		if most == len(heads) {
			break
		}
	}
	return best
}

// camel spells a name as protojson does by default.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}

func (k *keys) put(name string, id member) {
	k.folded[strings.ToLower(name)] = id
	if len(name) > maxKey-2 || len(name) < minKey {
		panic("a name too long or too short: " + name)
	}
	text := name + `":`
	k.n++
	e := &k.list[k.n]
	e.Words = scan.NewWords(text)
	e.mask = scan.NewWords(strings.Repeat("\xff", len(text)))
	h := keyHash(headOf(name), k.spread)
	k.more[k.n] = k.first[h]
	k.first[h] = spot(len(text) | int(id)<<8 | k.n<<16)
}

// headOf is what a name begins with, as a record has it.
func headOf(name string) uint32 { return binary.LittleEndian.Uint32([]byte(name + `":`)) }

// A name with its end fills at least a hash, and at most the words.
const (
	minKey  = 2
	maxKey  = scan.MaxWords
	keyBits = 9
)

// keyHash hashes what a name begins with.
func keyHash(head, spread uint32) uint32 { return head * spread >> (32 - keyBits) }
