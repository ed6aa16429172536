package graph

import (
	"net/netip"
	"strings"

	"sluice/model"
)

// services are the endpoints that are services, by their addresses.
type services map[netip.Addr]*model.Endpoint

func servicesAt(list []model.Endpoint) services {
	out := services{}
	for i := range list {
		e := &list[i]
		if a := plain(e.Address); e.Kind == model.KindService && a.IsValid() && (out[a] == nil || e.Key() < out[a].Key()) {
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
// record explains. What is translated on its way is seen again with the backend, in the same hour; what a proxy takes
// (Gateway, Ingress, a service that is balanced by requests) is judged by a backend that no record of the client has.
type backends struct {
	g       *Graph
	service []bool // by peer
	reached map[reach]*reached
}

// reach is a client and where it might find a backend.
type reach struct {
	client    PeerID
	namespace string
	proto     model.Proto
}

// reached are the workloads of a namespace that a client was seen to reach.
type reached struct {
	of map[PeerID]*visits
}

type visits struct {
	conns uint64
	hours map[uint32]bool
}

func newBackends(g *Graph, b *Builder) *backends {
	x := &backends{g: g, service: make([]bool, len(g.Peers)), reached: map[reach]*reached{}}
	asked := map[PeerID]bool{} // clients of services
	for i := range g.Peers {
		x.service[i] = g.Peers[i].Kind == model.KindService
	}
	for t := range b.all {
		if x.isService(t.k.dst) {
			asked[g.PeerOf[t.k.src]] = true
		}
	}
	if len(asked) == 0 {
		return x
	}
	for t := range b.all {
		client, server := g.PeerOf[t.k.src], g.PeerOf[t.k.dst]
		if t.k.fate != model.Used && t.k.fate != model.Reply || !asked[client] || g.Peers[server].Kind != model.KindPod {
			continue
		}
		x.visit(reach{client, g.Peers[server].Namespace, t.k.proto}, server, t)
	}
	return x
}

func (x *backends) visit(r reach, server PeerID, t *tally) {
	at := x.reached[r]
	if at == nil {
		at = &reached{map[PeerID]*visits{}}
		x.reached[r] = at
	}
	v := at.of[server]
	if v == nil {
		v = &visits{hours: map[uint32]bool{}}
		at.of[server] = v
	}
	v.conns = max(v.conns, t.conns) // each observer counts them
	for _, h := range t.hours {
		v.hours[h.n] = true
	}
}

func (x *backends) isService(id model.EndpointID) bool {
	p := x.g.PeerOf[id]
	return p >= 0 && x.service[p]
}

// decide returns the key under which a record to the address of a service counts: irrelevant where another record of
// the client explains it, else refused. Other keys stay.
func (x *backends) decide(k key, t *tally) key {
	if !x.isService(k.dst) || k.fate == model.Irrelevant && k.reason != model.ServiceAddress {
		return k
	}
	k.fate, k.reason = model.Refused, model.ServiceAddress
	if x.g.Peers[x.g.PeerOf[k.src]].Kind != model.KindPod || x.explained(&k, t) {
		k.fate = model.Irrelevant
	}
	return k
}

// explained reports whether the client was seen to reach a pod of the service's namespace whenever it asked the
// service: the workload that bears its name, or where none does, any, as often.
func (x *backends) explained(k *key, t *tally) bool {
	if k.observer == model.ToProxy || k.observer == model.AtL7 || k.verdict == model.Redirected {
		return false
	}
	s := &x.g.Peers[x.g.PeerOf[k.dst]]
	at := x.reached[reach{x.g.PeerOf[k.src], s.Namespace, k.proto}]
	if at == nil {
		return false
	}
	named := x.bearers(s)
	for server, v := range at.of {
		if len(named) > 0 && !named[x.g.Peers[server].Workload] || len(named) == 0 && v.conns < t.conns {
			continue
		}
		seen := true
		for _, h := range t.hours {
			seen = seen && (v.hours[h.n] || v.hours[h.n+1])
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
