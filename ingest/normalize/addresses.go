package normalize

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"sync"

	"sluice/model"
)

// byIdentity are the entities that Cilium finds by their identity: no CIDR and no name finds an address of theirs.
const byIdentity = model.Host | model.RemoteNode | model.KubeAPIServer | model.HealthEndpoint | model.IngressEntity |
	model.Unmanaged | model.Init

// notes remember the ends at addresses that were noted last, each with its hour and the time of the record, by hashes
// of 64 bits under a seed of this process: in sets of four, a line of a processor's cache. What is forgotten is noted
// again, and changes nothing. Where much is forgotten there are more sets.
type notes struct {
	seed   noteSeed
	sets   []noteSet
	forgot int // since there were as many sets, and less than an hour old
	most   int // sets
}

type noteSet [4]note

type note struct {
	hash uint64 // of endpoint, address and hour
	at   int64  // the time, and below it a few bits that tell pods apart
}

const (
	podBits = 10
	hourAt  = hourTime << podBits
)

// Numbers of sets, powers of two: places for 8,000 pods and nodes at first, and for 200,000 in the end, in 4 MiB.
const (
	noteSets = 1 << 11
	mostSets = 1 << 16
)

// noteSeed is what notes hash by.
type noteSeed struct {
	words [2]uint64
	long  maphash.Seed
}

func newNoteSeed() noteSeed {
	seed := maphash.MakeSeed()
	return noteSeed{[2]uint64{maphash.String(seed, "first"), maphash.String(seed, "last")}, seed}
}

// hash hashes the text of an address. Most are of so many bytes that two words have them all.
func (s *noteSeed) hash(ip []byte) uint64 {
	n := len(ip)
	if n < 8 || n > 16 {
		return maphash.Bytes(s.long, ip)
	}
	first, last := binary.LittleEndian.Uint64(ip), binary.LittleEndian.Uint64(ip[n-8:])
	hi, lo := bits.Mul64(first^s.words[0], last^s.words[1]+uint64(n))
	return hi ^ lo
}

// newNotes makes notes that know nothing. Those of one seed know the same by the same hash.
func newNotes(seed noteSeed, sets, most int) notes {
	return notes{seed: seed, sets: model.Room[noteSet](sets), most: most}
}

// of is what an end at an address is remembered by in an hour. Of pods with one address and endpoint the first one
// counts, and of several at one time all do: their row takes the smallest name.
func (n *notes) of(id model.EndpointID, ip, pod []byte, hour uint32, at model.Micros) note {
	h := n.seed.hash(ip) ^ uint64(hour)<<32 ^ uint64(id)
	end := uint64(0)
	if len(pod) >= 8 {
		end = binary.LittleEndian.Uint64(pod[len(pod)-8:])
	} else {
		for _, c := range pod {
			end = end<<8 | uint64(c)
		}
	}
	return note{max(1, h*0x9E3779B97F4A7C15), at<<podBits | int64(end*0x9E3779B97F4A7C15>>(64-podBits))}
}

// has reports whether the same is remembered of an earlier time, or of this one and the same pod. It takes no branch,
// so that the processor goes on while memory is slow.
func (n *notes) has(x note) bool {
	set, at := n.at(x), int64(0)
	for i := range set {
		other := int64(set[i].hash ^ x.hash)
		at |= set[i].at &^ ((other | -other) >> 63) // one at most has the hash
	}
	return at != 0 && (at == x.at || at < x.at>>podBits<<podBits)
}

// add remembers an end.
func (n *notes) add(x note) {
	if n.forgot > len(n.sets)/2 && len(n.sets) < n.most {
		n.grow()
	}
	n.put(x)
}

// at is the set of a note.
func (n *notes) at(x note) *noteSet { return &n.sets[x.hash>>32&uint64(len(n.sets)-1)] }

// put remembers an end, in place of what it knew of it.
func (n *notes) put(x note) {
	set := n.at(x)
	last := 0
	for last < len(set)-1 && set[last].hash != x.hash {
		last++
	}
	if k := &set[last]; k.hash != 0 && k.hash != x.hash && x.at-k.at < hourAt {
		n.forgot++
	}
	copy(set[1:last+1], set[:last])
	set[0] = x
}

// grow makes room for twice as many.
func (n *notes) grow() {
	old := n.sets
	n.sets, n.forgot = model.Room[noteSet](2*len(old)), 0
	for i := range old {
		for k := len(old[i]) - 1; k >= 0; k-- {
			if x := old[i][k]; x.hash != 0 {
				n.put(x)
			}
		}
	}
}

// Noted are the ends at addresses that all who read one log have noted: what one of them has, no other notes again. It
// is asked only for what its reader does not remember.
type Noted struct {
	seed   noteSeed // of all readers
	shards [1 << shardBits]shard
}

type shard struct {
	mu    sync.Mutex
	notes notes
}

// shardBits are those of a hash that say in which part of Noted it is: so many that readers seldom wait.
const shardBits = 6

// NewNoted makes one that knows nothing.
func NewNoted() *Noted {
	n := &Noted{seed: newNoteSeed()}
	for i := range n.shards {
		n.shards[i].notes = newNotes(n.seed, noteSets>>shardBits, mostSets>>shardBits)
	}
	return n
}

// add remembers an end; false: the same was, of this time or an earlier one.
func (n *Noted) add(x note) bool {
	s := &n.shards[x.hash>>(64-shardBits)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notes.has(x) {
		return false
	}
	s.notes.add(x)
	return true
}

// noteAddresses hands on at which addresses a record shows nodes, pods, and other ends that policies know by something
// else than their address, once an hour for each: what else is seen at such an address is found by no rule for it. The
// row counts no record, and has the time of the first one, whichever worker found it.
func (n *Normalizer) noteAddresses(f *model.Flow) {
	if n.Endpoints == nil {
		return
	}
	if n.notes.sets == nil {
		seed := newNoteSeed()
		if n.Noted != nil {
			seed = n.Noted.seed
		}
		n.notes = newNotes(seed, noteSets, mostSets)
	}
	hour := n.windowOf(f.Time) / 60
	var src, dst note
	if noted(f, &f.Src, f.SrcIP, f.SrcPod) {
		src = n.notes.of(f.Src.ID, f.SrcIP, f.SrcPod, hour, f.Time)
	}
	if noted(f, &f.Dst, f.DstIP, f.DstPod) {
		dst = n.notes.of(f.Dst.ID, f.DstIP, f.DstPod, hour, f.Time)
	}
	srcNew, dstNew := src.hash != 0 && !n.notes.has(src), dst.hash != 0 && !n.notes.has(dst) // both at once
	if srcNew {
		n.noteAddress(src, f.Src.ID, f.SrcIP, f.SrcPod, f.Time)
	}
	if dstNew {
		n.noteAddress(dst, f.Dst.ID, f.DstIP, f.DstPod, f.Time)
	}
}

func (n *Normalizer) noteAddress(x note, id model.EndpointID, ip, pod []byte, at model.Micros) {
	n.notes.add(x)
	if n.Noted != nil && !n.Noted.add(x) {
		return
	}
	addr, err := netip.ParseAddr(string(ip))
	if err != nil {
		return
	}
	world := model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: addr.Unmap()}
	n.fold.Add(&model.Observation{
		Window: n.windowOf(at) / 60 * 60, Dst: id, Fate: model.Irrelevant, Reason: model.NodeAddress, Marks: model.MarkNoted,
		Src:   n.Endpoints.Intern(world),
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
