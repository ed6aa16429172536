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
// this process: in sets of eight, a line of a processor's cache. What is forgotten is noted again, and changes nothing.
// Where much is forgotten there are more sets.
type notes struct {
	seed   maphash.Seed
	sets   []noteSet
	forgot int // since there were as many sets
}

type noteSet [8]uint64

// Numbers of sets, powers of two: places for 8,000 pods and nodes at first, and for 200,000 in the end, in 2 MiB.
const (
	noteSets = 1 << 10
	mostSets = 1 << 15
)

// hash is what an end at an address is remembered by in an hour.
func (n *notes) hash(id model.EndpointID, ip []byte, hour uint32) uint64 {
	if n.sets == nil {
		*n = notes{maphash.MakeSeed(), make([]noteSet, noteSets), 0}
	}
	return max(1, (maphash.Bytes(n.seed, ip)^uint64(hour)<<32^uint64(id))*0x9E3779B97F4A7C15)
}

// has reports whether a hash is remembered. It takes no branch, so that the processor goes on while memory is slow.
func (n *notes) has(h uint64) bool {
	all := ^uint64(0)
	for _, k := range n.at(h) {
		k ^= h
		all &= k | -k // whose highest bit is 0 where k is 0
	}
	return int64(all) >= 0
}

// add remembers a hash.
func (n *notes) add(h uint64) {
	if n.forgot > len(n.sets)/2 && len(n.sets) < mostSets {
		n.grow()
	}
	n.put(h)
}

// at is the set of a hash.
func (n *notes) at(h uint64) *noteSet { return &n.sets[h>>32&uint64(len(n.sets)-1)] }

// put remembers a hash.
func (n *notes) put(h uint64) {
	set := n.at(h)
	if set[len(set)-1] != 0 {
		n.forgot++
	}
	copy(set[1:], set[:])
	set[0] = h
}

// grow makes room for twice as many.
func (n *notes) grow() {
	old := n.sets
	n.sets, n.forgot = make([]noteSet, 2*len(old)), 0
	for i := range old {
		for k := len(old[i]) - 1; k >= 0; k-- {
			if h := old[i][k]; h != 0 {
				n.put(h)
			}
		}
	}
}

// noteAddresses hands on at which addresses a record shows nodes, pods, and other ends that policies know by something
// else than their address, once an hour for each: what else is seen at such an address is found by no rule for it. The
// row counts no record.
func (n *Normalizer) noteAddresses(f *model.Flow) {
	if n.Endpoints == nil {
		return
	}
	hour := n.windowOf(f.Time) / 60
	src, dst := uint64(0), uint64(0)
	if noted(f, &f.Src, f.SrcIP, f.SrcPod) {
		src = n.notes.hash(f.Src.ID, f.SrcIP, hour)
	}
	if noted(f, &f.Dst, f.DstIP, f.DstPod) {
		dst = n.notes.hash(f.Dst.ID, f.DstIP, hour)
	}
	srcNew, dstNew := src != 0 && !n.notes.has(src), dst != 0 && !n.notes.has(dst) // both at once
	if srcNew {
		n.noteAddress(src, f.Src.ID, f.SrcIP, f.SrcPod, hour, f.Time)
	}
	if dstNew {
		n.noteAddress(dst, f.Dst.ID, f.DstIP, f.DstPod, hour, f.Time)
	}
}

func (n *Normalizer) noteAddress(hash uint64, id model.EndpointID, ip, pod []byte, hour uint32, at model.Micros) {
	n.notes.add(hash)
	addr, err := netip.ParseAddr(string(ip))
	if err != nil {
		return
	}
	n.fold.Add(&model.Observation{
		Window: hour * 60, Dst: id, Fate: model.Irrelevant, Reason: model.NodeAddress, Marks: model.MarkNoted,
		Src:   n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: addr}),
		First: at, Last: at,
	}, nil, pod)
}

// noted reports whether an end is one whose address is noted.
func noted(f *model.Flow, end *model.Ref, ip, pod []byte) bool {
	return len(ip) > 0 && (ofNode(end) || ofPod(f, end, ip, pod))
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
