package graph

import (
	"net/netip"
	"strings"

	"sluice/model"
)

// services are the endpoints that are services, by their addresses.
type services map[netip.Addr]*model.Endpoint

func servicesAt(list []*model.Endpoint) services {
	out := services{}
	for _, e := range list {
		if a := plain(e.Address); e.Kind == model.KindService && a.IsValid() && (out[a] == nil || e.Compare(out[a]) < 0) {
			out[a] = e
		}
	}
	return out
}

// of returns the service at whose address an endpoint was seen, the endpoint itself where there is none: answers of a
// service name only its address.
func (s services) of(e *model.Endpoint) *model.Endpoint {
	if e.Kind == model.KindAddress {
		if x := s[plain(e.Address)]; x != nil {
			return x
		}
	}
	return e
}

// backends knows which pods a client was seen to reach, and so which of its records to the address of a service another
// record explains. What is translated on its way is seen again with the backend: the rows of model.Backend tell it of
// the same connection, else the workload of the service's name does. What a proxy takes (Gateway, Ingress, a service
// that is balanced by requests) is judged by a backend that only a record of the same request has, or the manifests.
type backends struct {
	g       *Graph
	cfg     *Config
	of      *Builder
	service []bool // by peer
	reached map[reach]*reached
	found   map[call]*heard
	leads   map[call][]string // the backends that manifests lead to, where they are several
	taken   map[call]bool     // a record of the call shows that a proxy took it
	// pods are the endpoints that are pods, by their namespaces.
	pods map[string][]model.EndpointID
	// services are how many services a client asked at a port.
	services map[call]int
}

// call is a client that asks a service. In answers of requests the service is -1: only the port is known.
type call struct {
	client, service PeerID
	port            uint16
	proto           model.Proto
}

// heard is what the log shows of a call.
type heard struct {
	same    bool // a connection of it is seen with the backend
	hosts   map[uint32][]string
	servers map[uint32][]target
	plain   bool // no proxy stands before the servers
}

// target is a pod and its port.
type target struct {
	pod  model.EndpointID
	port uint16
}

// reach is a client and where it might find a backend.
type reach struct {
	client    PeerID
	namespace string
	proto     model.Proto
}

// reached are the workloads of a namespace that a client was seen to reach, and the hours that it did.
type reached struct {
	of map[PeerID]map[uint32]bool
}

func newBackends(g *Graph, b *Builder, cfg *Config) *backends {
	x := &backends{g, cfg, b, make([]bool, len(g.Peers)), map[reach]*reached{}, map[call]*heard{}, map[call][]string{},
		map[call]bool{}, nil, map[call]int{}}
	asked := map[PeerID]bool{} // clients of services
	for i := range g.Peers {
		x.service[i] = g.Peers[i].Kind == model.KindService
	}
	known := map[call]bool{}
	for t := range b.all {
		if !x.isService(t.k.dst) || t.k.reason.Notes() {
			continue
		}
		c := x.callOf(&t.k)
		asked[c.client] = true
		x.taken[c] = x.taken[c] || byProxy(&t.k)
		if !known[c] {
			known[c] = true
			c.service = -1
			x.services[c]++
		}
	}
	if len(asked) == 0 {
		return x
	}
	for t := range b.all {
		if t.k.reason == model.Backend {
			if !t.namesAddress(g.Tables.Endpoints.Get(t.k.dst)) {
				x.hear(t)
			}
			continue
		}
		client, server := g.PeerOf[t.k.src], g.PeerOf[t.k.dst]
		if t.k.fate != model.Used && t.k.fate != model.Reply || !asked[client] || g.Peers[server].Kind != model.KindPod {
			continue
		}
		x.visit(reach{client, g.Peers[server].Namespace, t.k.proto}, server, t)
	}
	return x
}

func (x *backends) callOf(k *key) call {
	return call{x.g.PeerOf[k.src], x.g.PeerOf[k.dst], k.port, k.proto}
}

// hear takes a row that tells of backends.
func (x *backends) hear(t *tally) {
	c := x.callOf(&t.k)
	names := x.g.Tables.Endpoints.Get(t.k.dst).Names
	pod := !x.isService(t.k.dst)
	if pod {
		c.service, c.port = -1, t.k.srcPort
	}
	a := x.found[c]
	if a == nil {
		a = &heard{hosts: map[uint32][]string{}, servers: map[uint32][]target{}}
		x.found[c] = a
	}
	for _, h := range t.hours() {
		switch {
		case pod:
			a.servers[h.n] = append(a.servers[h.n], target{t.k.dst, t.k.port})
			a.plain = a.plain || t.k.observer != model.ToProxy
		case len(names) > 0:
			a.hosts[h.n] = append(a.hosts[h.n], names...)
		default:
			a.same = true
		}
	}
}

func (x *backends) visit(r reach, server PeerID, t *tally) {
	at := x.reached[r]
	if at == nil {
		at = &reached{map[PeerID]map[uint32]bool{}}
		x.reached[r] = at
	}
	if at.of[server] == nil {
		at.of[server] = map[uint32]bool{}
	}
	for _, h := range t.hours() {
		at.of[server][h.n] = true
	}
}

func (x *backends) isService(id model.EndpointID) bool {
	p := x.g.PeerOf[id]
	return p >= 0 && x.service[p]
}

// decide returns the key under which a record to the address of a service counts, and whether a proxy stands between:
// irrelevant where another record of the client explains it, of the backend where that is proven, else refused. Other
// keys stay.
func (x *backends) decide(k key, t *tally) (_ key, proxied bool) {
	if !x.isService(k.dst) || k.fate == model.Irrelevant && k.reason != model.ServiceAddress {
		return k, false
	}
	was := k
	k.fate, k.reason = model.Refused, model.ServiceAddress
	if x.g.Peers[x.g.PeerOf[k.src]].Kind != model.KindPod || x.explained(&k, t) {
		k.fate = model.Irrelevant
		return k, false
	}
	to, proxied, ok := x.proven(&k, t)
	if !ok {
		return k, false
	}
	k.dst, k.port, k.reason = to.pod, to.port, model.ReasonNone
	switch {
	case was.fate == model.Reply:
		k.fate = model.Reply
	case k.verdict == model.Dropped:
		k.fate = model.Denied
	default:
		k.fate = model.Used
	}
	return k, proxied
}

// byProxy reports whether a record shows that a proxy took the connection.
func byProxy(k *key) bool {
	return k.observer == model.ToProxy || k.observer == model.AtL7 || k.verdict == model.Redirected
}

// explained reports whether a connection of the client to the service is seen with its backend, or the client was seen
// to reach the workload that bears the service's name whenever it asked the service.
func (x *backends) explained(k *key, t *tally) bool {
	if x.proxied(k) {
		return false
	}
	if a := x.found[x.callOf(k)]; a != nil && a.same {
		return true
	}
	s := &x.g.Peers[x.g.PeerOf[k.dst]]
	at := x.reached[reach{x.g.PeerOf[k.src], s.Namespace, k.proto}]
	if at == nil {
		return false
	}
	named := x.bearers(s)
	for server, hours := range at.of {
		if !named[x.g.Peers[server].Workload] {
			continue
		}
		seen := true
		for _, h := range t.hours() {
			seen = seen && (hours[h.n] || hours[h.n+1])
		}
		if seen {
			return true
		}
	}
	return false
}

// bearers are the workloads that bear the name of a service, or have it in a label.
func (x *backends) bearers(s *Peer) map[WorkloadID]bool {
	out := map[WorkloadID]bool{}
	for i, w := range x.g.AllWorkloads() {
		if w.Namespace != s.Namespace {
			continue
		}
		named := w.Name == s.Name
		for _, l := range w.Common {
			named = named || strings.HasSuffix(l, "="+s.Name)
		}
		if named {
			out[i] = true
		}
	}
	return out
}
