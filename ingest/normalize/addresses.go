package normalize

import (
	"hash/maphash"
	"net/netip"

	"sluice/model"
)

// byIdentity are the entities that Cilium finds by their identity: no CIDR and no name finds an address of theirs.
const byIdentity = model.Host | model.RemoteNode | model.KubeAPIServer | model.HealthEndpoint | model.IngressEntity |
	model.Unmanaged | model.Init

// notes remember the ends at addresses that were noted last, each with its hour, by hashes of 64 bits under a seed of
// this process: in sets of four, half a line of a processor's cache. What is forgotten is noted again, and changes
// nothing.
type notes struct {
	seed maphash.Seed
	sets [][4]uint64
}

// noteSets is a power of two. Four places in each are enough for the 50,000 pods and nodes of a large cluster.
const noteSets = 1 << 14

// known reports whether an end was noted in an hour, and remembers that it is now.
func (n *notes) known(id model.EndpointID, ip []byte, hour uint32) bool {
	if n.sets == nil {
		*n = notes{maphash.MakeSeed(), make([][4]uint64, noteSets)}
	}
	h := (maphash.Bytes(n.seed, ip) ^ uint64(hour)<<32 ^ uint64(id)) * 0x9E3779B97F4A7C15
	set := &n.sets[h>>32&(noteSets-1)]
	for _, k := range set {
		if k == h {
			return true
		}
	}
	copy(set[1:], set[:])
	set[0] = h
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
