package model

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Entities is a set of Cilium's reserved identities; an endpoint can carry two (kube-apiserver+world).
type Entities uint16

// The entities.
const (
	Host Entities = 1 << iota
	RemoteNode
	KubeAPIServer
	HealthEndpoint
	IngressEntity
	World
	Unmanaged
	Init
	UnknownEntity
)

var entityNames = []string{
	"host",
	"remote-node",
	"kube-apiserver",
	"health",
	"ingress",
	"world",
	"unmanaged",
	"init",
	"unknown",
}

// String joins the names with "+", "" for none.
func (e Entities) String() string {
	if i := bits.TrailingZeros16(uint16(e)); e != 0 && e == 1<<i { // mostly
		return entityNames[i]
	}
	var s []string
	for i, n := range entityNames {
		if e&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	return strings.Join(s, "+")
}

// ParseEntity returns the entity of one name ("world-ipv4" and "world-ipv6" are World), false if it is none.
func ParseEntity(name string) (Entities, bool) {
	if name == "world-ipv4" || name == "world-ipv6" {
		return World, true
	}
	i := slices.Index(entityNames, name)
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}

// Kind says what an endpoint is.
type Kind uint8

// The kinds. KindUnknown is an endpoint the record does not identify ({} or a masked export).
const (
	KindUnknown    Kind = iota
	KindPod             // namespace, and labels or owner or name
	KindEntity          // a reserved identity without address meaning: host, remote-node, kube-apiserver, health, ingress
	KindAddress         // an address outside the cluster (Cilium world, CIDR and FQDN identities)
	KindNetworkSet      // a Calico NetworkSet: Namespace (or "") and Name
	KindNetwork         // Calico's "pub" or "pvt", in Name: no address is known
	KindHost            // a Calico HostEndpoint: the node's name in Name
	KindService         // an address of a service before translation: Namespace and Name are the service's
)

var kindNames = [...]string{"unknown", "pod", "entity", "address", "networkset", "network", "host", "service"}

// String is the lower-case name.
func (k Kind) String() string { return kindNames[k] }

// ParseKind is the reverse of Kind.String.
func ParseKind(s string) (Kind, bool) {
	i := slices.Index(kindNames[:], s)
	return Kind(max(i, 0)), i >= 0
}

// Owner is the workload that the log names as the controller of a pod. The zero value means none.
type Owner struct{ Kind, Name string }

// Labels is a set of "key=value" (or "key" where the value is empty), sorted, without source prefix ("k8s:").
type Labels []string

// Get returns the value of key.
func (l Labels) Get(key string) (string, bool) {
	for _, kv := range l { // they are few: comparing the length alone passes over most
		switch {
		case kv == key && strings.IndexByte(kv, '=') < 0:
			return "", true
		case len(kv) > len(key) && kv[len(key)] == '=' && kv[:len(key)] == key && strings.IndexByte(key, '=') < 0:
			return kv[len(key)+1:], true
		}
	}
	return "", false
}

// MakeLabels sorts by key and removes duplicate keys (the smallest value stays). Mostly they are so already.
func MakeLabels(kv []string) Labels {
	if len(kv) == 0 {
		return nil
	}
	out := make(Labels, len(kv))
	copy(out, kv)
	last := labelKey(out[0])
	for _, l := range out[1:] {
		k := labelKey(l)
		if k <= last {
			slices.SortFunc(out, CompareLabels)
			return slices.CompactFunc(out, func(a, b string) bool { return labelKey(a) == labelKey(b) })
		}
		last = k
	}
	return out
}

func labelKey(kv string) string { k, _, _ := strings.Cut(kv, "="); return k }

// CompareLabels is the order of Labels: by key.
func CompareLabels(a, b string) int {
	return cmp.Or(cmp.Compare(labelKey(a), labelKey(b)), cmp.Compare(a, b))
}

// Endpoint is the identity of one end of a flow. It holds what tells peers apart, not what tells replicas apart:
// a pod with labels or an owner has no Name, and a pod has no Address.
type Endpoint struct {
	Kind            Kind
	Cluster         string
	Namespace       string
	Name            string // pod name only where neither labels nor owner are known; node, NetworkSet or network name
	Owner           Owner
	ServiceAccount  string
	Labels          Labels // the pod's (or NetworkSet's) labels
	NamespaceLabels Labels // labels of the pod's namespace, where the log has them
	Entities        Entities
	Address         netip.Addr // KindAddress and KindService only
	Names           []string   // DNS names of Address that the source asked for; sorted
	Marks           Marks      // MarkWorldPod, MarkHostNetwork, MarkUnmanaged: how the identity was found
}

// Key is a text that is equal exactly for equal endpoints; it sorts by kind, namespace, owner, labels, address.
func (e *Endpoint) Key() string {
	var room [1024]byte // most need no more
	return string(e.appendKey(room[:0]))
}

func (e *Endpoint) appendKey(b []byte) []byte {
	b = append(b, '0'+byte(e.Kind))
	for _, s := range [...]string{e.Namespace, e.Owner.Name, e.Owner.Kind, e.Name} {
		b = appendField(b, "", s)
	}
	b = appendList(b, e.Labels)
	b = appendField(b, "", e.Entities.String())
	if e.Address.IsValid() {
		a := e.Address.As16()
		b = appendField(b, "", string(a[:]))
		if e.Address.Is4() {
			b = appendField(b, "4", "")
		} else {
			b = appendField(b, "6", e.Address.Zone())
		}
	}
	b = appendList(b, e.Names)
	b = appendField(b, "", e.Cluster)
	b = appendField(b, "", e.ServiceAccount)
	b = appendList(b, e.NamespaceLabels)
	return append(b, byte(e.Marks), byte(e.Marks>>8))
}

// Compare is the order of keys. Most endpoints differ before one has to be made.
func (e *Endpoint) Compare(o *Endpoint) int {
	if e.Kind != o.Kind {
		return cmp.Compare(e.Kind, o.Kind)
	}
	switch {
	case e.Namespace != o.Namespace:
		return strings.Compare(e.Namespace, o.Namespace)
	case e.Owner.Name != o.Owner.Name:
		return strings.Compare(e.Owner.Name, o.Owner.Name)
	case e.Owner.Kind != o.Owner.Kind:
		return strings.Compare(e.Owner.Kind, o.Owner.Kind)
	case e.Name != o.Name:
		return strings.Compare(e.Name, o.Name)
	}
	for i, l := range e.Labels {
		if i == len(o.Labels) {
			return 1
		}
		if l != o.Labels[i] { // sooner than which one is less
			return strings.Compare(l, o.Labels[i])
		}
	}
	if len(e.Labels) < len(o.Labels) {
		return -1
	}
	return strings.Compare(e.Key(), o.Key())
}

// appendField ends a text with two zero bytes; one within it is followed by a 1, so that no two lists of texts give
// the same bytes.
func appendField(b []byte, prefix, s string) []byte {
	b = append(b, prefix...)
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(b, s...), 0, 0)
		}
		b = append(append(b, s[:i]...), 0, 1)
		s = s[i+1:]
	}
}

func appendList(b []byte, list []string) []byte {
	for _, s := range list {
		b = appendField(b, ".", s)
	}
	return append(b, 0, 0)
}

// EndpointID is an index into an Endpoints table. IDs mean nothing outside their table.
type EndpointID uint32

// Endpoints interns endpoints. It is safe for concurrent use; equal endpoints have one id. Keys are long, and are made
// again when they are asked for.
type Endpoints struct {
	mu   sync.RWMutex
	seed maphash.Seed
	ids  []endpointSlot // open addressing over a power of two
	list []*Endpoint
	room []Endpoint // for the next ones: none ever moves
	size int        // bytes of memory, about
}

// endpointSlot is the place of an endpoint in the table.
type endpointSlot struct {
	hash uint32
	next uint32 // the id and one, 0: free
}

// endpointSize is what an endpoint takes beside its texts: its place in the list and the table.
const endpointSize = 400

// mostRoom is for how many endpoints room is made at once. The collector of garbage reads all of it, and a page that is
// read before it is written is given twice by the system.
const mostRoom = 128

// NewEndpoints makes an empty table.
func NewEndpoints() *Endpoints {
	return &Endpoints{seed: maphash.MakeSeed(), ids: make([]endpointSlot, 1<<6)}
}

// Intern returns the id of e, adding it if it is new. The table keeps e: its slices must not change afterwards.
func (t *Endpoints) Intern(e Endpoint) EndpointID {
	var room [1024]byte // most need no more
	all := e.appendAll(room[:0])
	return t.intern(&e, uint32(maphash.Bytes(t.seed, all)), len(all))
}

// appendAll adds all that makes an endpoint, other bytes for any two that are not equal: texts with their lengths, and
// only what there is. It is made sooner than a key, and sorts by nothing.
func (e *Endpoint) appendAll(b []byte) []byte {
	b = append(b, byte(e.Kind), byte(e.Entities), byte(e.Entities>>8), byte(e.Marks), byte(e.Marks>>8))
	if e.Address.IsValid() {
		a := e.Address.As16()
		b = appendSized(append(append(b, byte(e.Address.BitLen())), a[:]...), e.Address.Zone())
	} else {
		b = append(b, 0)
	}
	for _, s := range [...]string{e.Namespace, e.Name, e.Owner.Name, e.Owner.Kind, e.Cluster, e.ServiceAccount} {
		b = appendSized(b, s)
	}
	for _, list := range [...][]string{e.Labels, e.Names, e.NamespaceLabels} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendSized(b, s)
		}
	}
	return b
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Grow makes room for n endpoints more.
func (t *Endpoints) Grow(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.Grow(t.list, n)
	t.room = make([]Endpoint, 0, n)
	for 2*(len(t.list)+n) > len(t.ids) {
		t.widen()
	}
}

// widen makes room for twice as many in the table.
func (t *Endpoints) widen() {
	old := t.ids
	t.ids = Room[endpointSlot](2 * len(old))
	for _, s := range old {
		if s.next > 0 {
			t.ids[t.place(s.hash, nil)] = s
		}
	}
}

// place is where an endpoint of a hash is, or belongs; nil: one that is not there.
func (t *Endpoints) place(hash uint32, e *Endpoint) uint32 {
	mask := uint32(len(t.ids) - 1)
	i := hash & mask
	for ; t.ids[i].next > 0; i = (i + 1) & mask {
		if e != nil && t.ids[i].hash == hash && e.equal(t.list[t.ids[i].next-1]) {
			break
		}
	}
	return i
}

// intern is Intern of an endpoint that has a hash and takes so many bytes.
func (t *Endpoints) intern(e *Endpoint, hash uint32, size int) EndpointID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if 2*len(t.list) >= len(t.ids) {
		t.widen()
	}
	slot := &t.ids[t.place(hash, e)]
	if slot.next > 0 {
		return EndpointID(slot.next - 1)
	}
	if len(t.room) == cap(t.room) {
		t.room = make([]Endpoint, 0, min(max(8, len(t.list)/4), mostRoom))
	}
	t.room = append(t.room, *e)
	t.list = append(t.list, &t.room[len(t.room)-1])
	t.size += size + endpointSize
	*slot = endpointSlot{hash, uint32(len(t.list))}
	return EndpointID(len(t.list) - 1)
}

// equal reports whether two endpoints have one Key.
func (e *Endpoint) equal(o *Endpoint) bool {
	return e.Kind == o.Kind && e.Namespace == o.Namespace && e.Name == o.Name && e.Owner == o.Owner &&
		e.Cluster == o.Cluster && e.ServiceAccount == o.ServiceAccount && e.Entities == o.Entities &&
		e.Address == o.Address && e.Marks == o.Marks && slices.Equal(e.Labels, o.Labels) &&
		slices.Equal(e.Names, o.Names) && slices.Equal(e.NamespaceLabels, o.NamespaceLabels)
}

// Size returns about how many bytes of memory the table takes.
func (t *Endpoints) Size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}

// Get returns the endpoint of an id. The result is shared and must not be changed.
func (t *Endpoints) Get(id EndpointID) *Endpoint {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.list[id]
}

// Key returns the Endpoint.Key of an id.
func (t *Endpoints) Key(id EndpointID) string { return t.Get(id).Key() }

// Len is the number of endpoints.
func (t *Endpoints) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.list)
}

// Snapshot returns the endpoints so far, by id. The result is shared and must not be changed.
func (t *Endpoints) Snapshot() []*Endpoint {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.list[:len(t.list):len(t.list)]
}
