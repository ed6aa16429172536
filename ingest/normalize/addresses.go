package normalize

import (
	"net/netip"

	"sluice/model"
)

// byIdentity are the entities that Cilium finds by their identity: no CIDR and no name finds an address of theirs.
const byIdentity = model.Host | model.RemoteNode | model.KubeAPIServer | model.HealthEndpoint | model.IngressEntity |
	model.Unmanaged | model.Init

// noted is an end at an address.
type noted struct {
	ip string
	id model.EndpointID
}

// notes remember the hour in which each end was noted last: all in a map, those met last before it.
type notes struct {
	all  map[noted]uint32
	last []lastNoted // by place
}

type lastNoted struct {
	noted
	hour uint32
}

// maxNoted is how many ends are remembered: those of a large cluster. What is forgotten is noted again.
const maxNoted = 1 << 16

// lastPlaces is a power of two: those of a few nodes.
const lastPlaces = 1 << 13

// known reports whether an end was noted in an hour, and remembers that it is now.
func (n *notes) known(id model.EndpointID, ip []byte, hour uint32) bool {
	if n.last == nil {
		n.last = make([]lastNoted, lastPlaces)
	}
	h := uint32(id) ^ 2166136261
	for _, c := range ip {
		h = (h ^ uint32(c)) * 16777619
	}
	l := &n.last[(h^h>>16)&(lastPlaces-1)]
	if l.id == id && l.hour == hour && l.ip == string(ip) {
		return true
	}
	if was, ok := n.all[noted{string(ip), id}]; ok && was == hour {
		*l = lastNoted{noted{string(ip), id}, hour}
		return true
	}
	if n.all == nil || len(n.all) >= maxNoted {
		n.all = map[noted]uint32{}
	}
	*l = lastNoted{noted{string(ip), id}, hour}
	n.all[l.noted] = hour
	return false
}

// noteAddresses hands on at which addresses a record shows nodes, pods, and other ends that policies know by something
// else than their address, once an hour for each: what else is seen at such an address is found by no rule for it. The
// row counts no record.
func (n *Normalizer) noteAddresses(f *model.Flow) {
	if n.Endpoints == nil {
		return
	}
	n.noteAddress(f, &f.Src, f.SrcIP, f.SrcPod)
	n.noteAddress(f, &f.Dst, f.DstIP, f.DstPod)
}

func (n *Normalizer) noteAddress(f *model.Flow, end *model.Ref, ip, pod []byte) {
	if len(ip) == 0 || !(ofNode(end) || ofPod(f, end, ip, pod)) {
		return
	}
	hour := n.windowOf(f.Time) / 60
	if n.notes.known(end.ID, ip, hour) {
		return
	}
	addr, err := netip.ParseAddr(string(ip))
	if err != nil {
		return
	}
	n.fold.Add(&model.Observation{
		Window: hour * 60, Dst: end.ID, Fate: model.Irrelevant, Reason: model.NodeAddress, Marks: model.MarkNoted,
		Src:   n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: addr}),
		First: f.Time, Last: f.Time,
	}, nil, pod)
}

// ofNode reports whether an end is a node, or another that Cilium finds by its identity.
func ofNode(end *model.Ref) bool {
	return end.Kind == model.KindHost ||
		end.Kind == model.KindEntity && end.Entities&byIdentity != 0 && end.Entities&model.World == 0
}

// ofPod reports whether the address of an end is a pod's own. Hubble names the pod that has the address: an identity
// without a name may be that of who sent it, with the address of who forwarded it.
func ofPod(f *model.Flow, end *model.Ref, ip, pod []byte) bool {
	return end.Kind == model.KindPod && end.Marks&(model.MarkHostNetwork|model.MarkWorldPod) == 0 &&
		(f.Event == model.EventConnection && !f.Aggregated || len(pod) > 0) && !loopback(ip)
}
