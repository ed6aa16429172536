package policy

import (
	"fmt"
	"net/netip"

	"sluice/model"
)

// Action is what a rule does with a connection it matches.
type Action uint8

// The actions. Synthesis only allows; Deny and Pass are read from foreign policies.
const (
	Allow Action = iota
	Deny
	Pass // leave the decision to the next tier
)

// String is the lower-case name.
func (a Action) String() string { return [...]string{"allow", "deny", "pass"}[a] }

// Rule matches connections of one direction by the other end and the port of the server. A rule that names neither
// peers nor AnyPeer matches nothing, and so does one that names neither ports nor AnyPort.
type Rule struct {
	Direction model.Direction
	Action    Action
	AnyPeer   bool   // every other end, in the cluster or outside; Peers is then empty
	AnyPort   bool   // every protocol and port, protocols without ports among them; Ports is then empty
	Self      []Peer // conditions on the subject itself, any of them; none for every subject
	Peers     []Peer // any of them
	Ports     []Port // any of them
	NotPorts  []Port // none of them, whatever Ports and AnyPort say
	// Source is where it was read, the first place of rules that were merged; no part of its meaning.
	Source Position
}

// PeerKind says how a Peer names the other end.
type PeerKind uint8

// The kinds of peers.
const (
	PeerPods     PeerKind = iota // Namespaces and Pods
	PeerCIDR                     // CIDR less Except
	PeerEntities                 // Entities
	PeerFQDN                     // Name, a DNS name or a pattern with *
	// Name, a named network (NetworkSet, CIDRGroup); without a name those of no namespace that Pods selects
	PeerNetwork
	// Namespace and Name, or Pods for the service's labels: the endpoints of a service; to Calico at the destination
	// with the service's ports
	PeerService
	PeerAll   // every one of All, and none of None
	PeerNodes // the nodes whose labels Pods selects, by their addresses
)

// Peer is a set of other ends. Only the fields of its Kind are set.
type Peer struct { // a large cluster has hundreds of thousands: what is small stands together
	Kind PeerKind
	// Inside says of a peer around the policies of namespaces that it is of pods though it asks for no label of theirs:
	// to Cilium one of namespaces alone finds what is no pod as well.
	Inside   bool
	Entities model.Entities // any of them
	// Namespaces selects the pod's namespace by its labels, Pods the pod in it; both must match, and an empty one
	// matches all. A peer "in the policy's own namespace" names that namespace here. To Calico a network with a
	// namespace is selected as if it were a pod of it.
	Namespaces, Pods Selector
	CIDR             netip.Prefix
	Except           []netip.Prefix
	Name             string
	Namespace        string // of a service
	All, None        []Peer
}

// PodsIn is the peer of the pods that sel selects in the given namespace.
func PodsIn(namespace string, sel Selector) Peer {
	return Peer{Kind: PeerPods, Namespaces: Namespace(namespace), Pods: sel}
}

// Within reports whether the peer is pods of this one namespace and no other: written in a policy of it, it needs no
// word for the namespace.
func (p *Peer) Within(namespace string) bool {
	s := p.Namespaces
	return p.Kind == PeerPods && namespace != "" && len(s) == 1 && s[0].Key == NamespaceName && s[0].Op == In &&
		len(s[0].Values) == 1 && s[0].Values[0] == namespace
}

// Port is a range of ports of one protocol, or a named port. For ICMP the numbers are message types.
type Port struct {
	Proto       model.Proto
	First, Last uint16 // inclusive; 0 to 65535 is the whole protocol
	Name        string // a port name of the server's containers; First and Last are then 0
	Code        uint16 // 1 + the code of an ICMP message, 0 for every code
}

// LastPort is the highest port.
const LastPort = 65535

// OnePort is the range of a single port.
func OnePort(p model.Proto, n uint16) Port { return Port{Proto: p, First: n, Last: n} }

// AllPorts is the whole of a protocol.
func AllPorts(p model.Proto) Port { return Port{Proto: p, Last: LastPort} }

// Whole reports whether p is a whole protocol.
func (p Port) Whole() bool { return p.Name == "" && p.First == 0 && p.Last == LastPort && p.Code == 0 }

// Position is a place in a file of YAML documents. The zero value means that the policy was never in a file.
type Position struct {
	File     string
	Document int // 1-based
	Line     int // 1-based line of the file; 0 is all of it
	Column   int // 1-based, in characters; 0 where it is not known
}

// String is "file:line (document n)" or "file", "" for the zero value.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d (document %d)", p.File, p.Line, p.Document)
}
