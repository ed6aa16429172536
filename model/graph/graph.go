package graph

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/model"
	"sluice/model/workload"
)

// WorkloadID is the place of a workload in Graph.Workloads. -1: none.
type WorkloadID int

// PeerID is the place of a peer in Graph.Peers. -1: none.
type PeerID int

// EdgeID is the place of an edge in Graph.Edges. -1: none.
type EdgeID int

// Peer is one end of an edge: a workload, or what stands for an end that no policy can select as a pod.
type Peer struct {
	Kind      model.Kind
	Workload  WorkloadID // -1 if the peer is none
	Namespace string
	Name      string         // pod that no selector reaches, NetworkSet, network or node name
	Entities  model.Entities // KindEntity
	Address   netip.Addr     // KindAddress
	// Also, AlsoHost and AlsoPod are what the log shows at Address in other records: identities of Cilium, which no CIDR
	// finds, the host endpoint of a node (Calico), or a pod, by its peer. Zero: nothing.
	Also     model.Entities
	AlsoHost string
	AlsoPod  string
	ID       string // "ns/workload", "entity:host", "world:1.2.3.4", "networkset:name", "service:ns/name", "unknown"; unique
	Refusal  string // of a pod that no selector reaches: why, and what to do about it; "" where nobody knows
	// First and Last are the times of the records that show it, those of noise among them: microseconds since 1970 UTC.
	First, Last int64
}

// NetworkName is what a configuration calls a network of the log: a network set of a namespace is NAMESPACE/NAME.
func (p *Peer) NetworkName() string {
	if p.Kind == model.KindNetworkSet && p.Namespace != "" {
		return p.Namespace + "/" + p.Name
	}
	return p.Name
}

// State is what the evidence says of an edge.
type State uint8

// The states.
const (
	Allowed State = iota // it worked
	Mixed                // it worked, and was denied at other times or ends
	Denied               // policy denied it, and nothing shows that it ever worked
	Refused              // it cannot be learned: Reason says why
	Pending              // it was tried, and nothing shows that it ever worked: Grade says how it failed
)

var stateNames = [...]string{"allowed", "mixed", "denied", "refused", "pending"}

// String is the lower-case name.
func (s State) String() string { return stateNames[s] }

// Worked reports whether the evidence shows that traffic passed.
func (s State) Worked() bool { return s == Allowed || s == Mixed }

// Evidence is what was seen of an edge or connection.
type Evidence struct {
	Used, Replies, Duplicates, DeniedRecords, RefusedRecords uint64
	// connections opened; 0: the log does not show openings
	Conns          uint64
	First, Last    model.Micros
	Windows        []uint32
	Observers      model.Observers
	Marks          model.Marks
	SrcPod, DstPod string // pods of the earliest record
}

// Records is the number of records behind the evidence.
func (e *Evidence) Records() uint64 {
	return e.Used + e.Replies + e.Duplicates + e.DeniedRecords + e.RefusedRecords
}

// Edge is a dependency between two peers on one port.
type Edge struct {
	Src, Dst PeerID
	Proto    model.Proto
	Port     uint16 // ICMP: the type
	State    State
	Reason   model.Reason // of Refused, and of what is pending and could not be learned anyway
	Denials  Denials      // of an edge that was denied, at which ends
	// NeverWorked says of a Refused edge that every record of it was a denial: nothing depends on it.
	NeverWorked bool
	// FromSrc and FromDst say that a record of it is from the node of the client, and from that of the server, Answers
	// that one from there is an answer.
	FromSrc, FromDst, Answers bool
	Grade                     Grade // of an edge that is allowed, mixed or pending
	Doubt                     Doubt // of GradeUnknown
	// ByAddress says of an edge of pods that records of it have only the address of one of them.
	ByAddress bool
	// Proxied says that a proxy of Ingress or Gateway stands between the ends: the client's egress is judged against the
	// destination, and what comes in there is the proxy.
	Proxied bool
	// Backends are, of an edge to the address of a service, those that the manifests lead to, "shop/web 8080/tcp", where
	// they are several, and what the manifests lack to tell; sorted.
	Backends []string
	Names    []string // DNS names that the source itself asked for and got the destination's address; sorted
	Turns    *Turns   // of a Mixed edge alone
	Evidence
}

// Turns are the hours in which a Mixed edge worked and was denied, and the last of each.
type Turns struct {
	Worked, Denied         int
	LastWorked, LastDenied uint32
}

// Closed reports whether an edge was denied after it had last worked.
func (t *Turns) Closed() bool { return t != nil && t.LastDenied > t.LastWorked }

// EdgeText is "shop/web -> shop/db 5432/tcp", as bundle.json names an edge.
func (g *Graph) EdgeText(e *Edge) string {
	return g.Peers[e.Src].ID + " -> " + g.Peers[e.Dst].ID + " " + e.PortString()
}

// PortString is "8080/tcp"; for ICMP the type stands in place of the port, other protocols have none: "vrrp", or "0/47"
// where there is but a number.
func (e *Edge) PortString() string {
	if e.Proto.Whole() && e.Proto.Named() {
		return e.Proto.String()
	}
	return strconv.Itoa(int(e.Port)) + "/" + e.Proto.String()
}

// Connection is an edge between raw endpoints: what verify replays.
type Connection struct {
	Src, Dst model.EndpointID
	Proto    model.Proto
	Port     uint16
	Edge     EdgeID
	Records  uint64
}

// FanOut is a client that tried many ports or many peers, most of them in vain: a scan, or a client whose servers are
// gone.
type FanOut struct {
	Client PeerID
	Edges  []EdgeID // those that failed or were denied, sorted
	Peers  int      // how many different peers they go to
	Ports  int      // on how many different ports
}

// Graph is the result of Build. Everything is sorted by content and immutable.
type Graph struct {
	Tables      model.Tables
	Workloads   []workload.Workload
	Peers       []Peer
	Edges       []Edge
	Connections []Connection
	FanOuts     []FanOut // by client
	Tunnels     []Tunnel // by client and zone
	// Probed are the ports of pods that the hosts of their own nodes asked, sorted: the kubelet does, and pods on the
	// network of the node, which a log cannot tell from it. They are no edges.
	Probed []Probed
	// PeerOf gives the peer of an endpoint, -1 for endpoints that no record has but noise without ports.
	PeerOf []PeerID
	// occurs says of an endpoint whether a record has it as an end. Tables may hold more: those of records that could not
	// be read, or lie outside of the time that was asked for, and addresses that were only noted.
	occurs []bool
	// standsFor gives for an address that was a pod's, hour by hour, the pods that its records were counted for.
	standsFor map[model.EndpointID][]model.EndpointID
	// Fates counts records after the decisions that Build takes, by fate and reason. Malformed records and those
	// without a time never reach a graph and are not in it.
	Fates       model.Counts
	First, Last model.Micros
	// AsOf is the time that ages are counted from: nearly all records lie before it, and no single one can set it. Late
	// counts the records that lie more than an hour after it, and Ahead those of them that do so for the clock alone.
	AsOf  model.Micros
	Late  uint64
	Ahead uint64
	// Begin and End are First and Last without the few records whose times lie, where there are enough to tell.
	Begin, End model.Micros
	// Through is the time before which nearly all records lie, whatever time ages are counted from.
	Through model.Micros
	// hours are those since 1970 UTC that have a record, sorted: nobody watched in others.
	hours []uint32
}

// Probed is a port that the host of the pod's own node asked.
type Probed struct {
	Server PeerID
	Proto  model.Proto
	Port   uint16
}

// probe notes a record of a node that asks one of its own pods. Client ports are folded away, and are none.
func (g *Graph) probe(at []PeerID, k *key) {
	if p := at[k.dst]; k.reason == model.OwnNode && k.port != 0 && k.proto.HasPorts() && p >= 0 {
		g.Probed = append(g.Probed, Probed{p, k.proto, k.port})
	}
}

// MeshPort says at which proxy of a mesh an edge ends, which carries the connections of others, "" if at none.
func (g *Graph) MeshPort(e *Edge) string {
	if w := g.Peers[e.Dst].Workload; w >= 0 {
		return model.SidecarPort(e.Proto, e.Port, g.Workloads[w].Common)
	}
	return model.MeshPort(e.Proto, e.Port)
}

// AllWorkloads goes over the workloads in their order.
func (g *Graph) AllWorkloads() iter.Seq2[WorkloadID, *workload.Workload] {
	return all[WorkloadID](g.Workloads)
}

// AllPeers goes over the peers in their order.
func (g *Graph) AllPeers() iter.Seq2[PeerID, *Peer] { return all[PeerID](g.Peers) }

// AllEnds goes over the endpoints that records have as an end, those of noise among them.
func (g *Graph) AllEnds() iter.Seq2[model.EndpointID, *model.Endpoint] {
	return func(yield func(model.EndpointID, *model.Endpoint) bool) {
		for id, ep := range g.Tables.Endpoints.Snapshot() {
			if g.occurs[id] && !yield(model.EndpointID(id), ep) {
				return
			}
		}
	}
}

// AllEdges goes over the edges in their order.
func (g *Graph) AllEdges() iter.Seq2[EdgeID, *Edge] { return all[EdgeID](g.Edges) }

func all[ID ~int, T any](list []T) iter.Seq2[ID, *T] {
	return func(yield func(ID, *T) bool) {
		for i := range list {
			if !yield(ID(i), &list[i]) {
				return
			}
		}
	}
}

func peerID(p *Peer, w []workload.Workload) string {
	switch p.Kind {
	case model.KindPod:
		if p.Workload >= 0 {
			return w[p.Workload].ID
		}
		return p.Namespace + "/pod:" + p.Name
	case model.KindEntity:
		return "entity:" + p.Entities.String()
	case model.KindAddress:
		return "world:" + p.Address.String()
	case model.KindNetworkSet:
		if p.Namespace != "" {
			return "networkset:" + p.Namespace + "/" + p.Name
		}
		return "networkset:" + p.Name
	case model.KindNetwork:
		return "network:" + p.Name
	case model.KindHost:
		return "host:" + p.Name
	case model.KindService:
		return "service:" + p.Namespace + "/" + p.Name
	default:
	}
	if p.Name != "" {
		return p.Namespace + "/pod:" + p.Name // a field-masked export names the pod and nothing else
	}
	return "unknown"
}

// peerFor returns the peer of an endpoint, before it has an index.
func peerFor(e *model.Endpoint, w WorkloadID) Peer {
	p := Peer{Kind: e.Kind, Workload: -1}
	switch e.Kind {
	case model.KindPod:
		p.Workload, p.Namespace = w, e.Namespace
		if w < 0 {
			p.Name = cmp.Or(e.Name, strings.Join(e.Labels, ","))
		}
	case model.KindEntity:
		p.Entities = e.Entities
	case model.KindAddress:
		p.Address = e.Address
	default:
		p.Namespace, p.Name = e.Namespace, e.Name
	}
	return p
}

// NoPod reports whether a peer is surely no pod, whose own policies could deny what it does.
func (p *Peer) NoPod() bool {
	return p.Kind != model.KindPod && p.Kind != model.KindUnknown && !p.Passing()
}

// Passing reports whether a peer is an identity that a pod has until the network plugin knows it.
func (p *Peer) Passing() bool {
	return p.Entities&(model.Init|model.UnknownEntity|model.Unmanaged) != 0
}

// Masked reports whether the log shows something else at the address of a peer: no CIDR finds it for Cilium, and in no
// policy is it that address for long.
func (p *Peer) Masked() bool { return p.Also != 0 || p.AlsoPod != "" }

// Check tests what must hold for every graph and returns the first breach. Tests call it always; a command does
// when SLUICE_VALIDATE is set.
func (g *Graph) Check() error {
	if !slices.IsSortedFunc(g.Peers, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) }) {
		return fmt.Errorf("peers are not sorted")
	}
	for i, e := range g.AllEdges() {
		if e.Records() == 0 {
			return fmt.Errorf("edge %s -> %s %s has no record", g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString())
		}
		if because := e.Reason != model.ReasonNone; because != (e.State == Refused) && e.State != Pending {
			return fmt.Errorf(
				"edge %s -> %s %s: state %s with reason %q",
				g.Peers[e.Src].ID,
				g.Peers[e.Dst].ID,
				e.PortString(),
				e.State,
				e.Reason,
			)
		}
		if i > 0 && compareEdges(&g.Edges[i-1], e) >= 0 {
			return fmt.Errorf("edges are not sorted at %d", i)
		}
	}
	return nil
}

func compareEdges(a, b *Edge) int {
	return cmp.Or(
		cmp.Compare(a.Src, b.Src),
		cmp.Compare(a.Dst, b.Dst),
		cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Port, b.Port),
		cmp.Compare(b2i(a.State == Refused), b2i(b.State == Refused)),
		cmp.Compare(a.Reason, b.Reason),
	)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
