package normalize

import (
	"net/netip"

	"sluice/model"
)

// byIdentity are the entities that Cilium finds by their identity: no CIDR and no name finds an address of theirs.
const byIdentity = model.Host | model.RemoteNode | model.KubeAPIServer | model.HealthEndpoint | model.IngressEntity |
	model.Unmanaged | model.Init

// nodeAddress is an address of a node, or of another end that policies know by something else than its address.
type nodeAddress struct {
	id model.EndpointID
	ip string
}

// maxNodeAddresses is how many of them are remembered: those of a large cluster.
const maxNodeAddresses = 1 << 14

// noteNodes hands on at which addresses a record shows nodes, once an hour for each: what else is seen at such an
// address is found by no rule for it. The row counts no record.
func (n *Normalizer) noteNodes(f *model.Flow) {
	if n.Endpoints == nil {
		return
	}
	n.noteNode(f, &f.Src, f.SrcIP)
	n.noteNode(f, &f.Dst, f.DstIP)
}

func (n *Normalizer) noteNode(f *model.Flow, end *model.Ref, ip []byte) {
	node := end.Kind == model.KindHost ||
		end.Kind == model.KindEntity && end.Entities&byIdentity != 0 && end.Entities&model.World == 0
	if !node || len(ip) == 0 {
		return
	}
	window := n.windowOf(f.Time)
	hour := window / 60
	if noted, ok := n.nodes[nodeAddress{end.ID, string(ip)}]; ok && noted == hour {
		return
	}
	addr, err := netip.ParseAddr(string(ip))
	if err != nil {
		return
	}
	if n.nodes == nil || len(n.nodes) >= maxNodeAddresses {
		n.nodes = map[nodeAddress]uint32{}
	}
	n.nodes[nodeAddress{end.ID, string(ip)}] = hour
	n.fold.Add(&model.Observation{
		Window: window, Dst: end.ID, Fate: model.Irrelevant, Reason: model.NodeAddress, Marks: model.MarkNoted,
		Src:   n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: addr}),
		First: f.Time, Last: f.Time,
	}, nil, nil)
}
