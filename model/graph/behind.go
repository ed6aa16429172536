package graph

import (
	"cmp"
	"maps"
	"slices"

	"sluice/model"
)

// proxied reports whether a proxy takes connections to a service: a record of the client shows it.
func (x *backends) proxied(k *key) bool { return byProxy(k) || x.taken[x.callOf(k)] }

// proven returns the one backend that the connections of a tally had: by the records of their requests, or by the
// manifests. Where these leave a choice there is none.
func (x *backends) proven(k *key, t *tally) (to target, proxied, ok bool) {
	c := x.callOf(k)
	if to, proxied, ok := x.requested(c, t); ok {
		return to, proxied, true
	}
	if x.cfg.Backends == nil {
		return target{}, false, false
	}
	s := &x.g.Peers[c.service]
	list := x.cfg.Backends(s.Namespace, s.Name, c.port, c.proto, x.hosts(c, t))
	var all []target
	proxied = x.proxied(k)
	for i := range list {
		if list[i].Unknown != "" {
			x.leads[c] = append(x.leads[c], list[i].Unknown)
		}
		proxied = proxied || list[i].Proxied
		all = append(all, x.behind(&list[i], c.client)...)
	}
	if len(all) != 1 || len(x.leads[c]) > 0 {
		x.lead(c, all)
		return target{}, false, false
	}
	if x.services[call{c.client, -1, c.port, c.proto}] == 1 {
		x.of.proven = append(x.of.proven, provenBackend{k.src, all[0], proxied, c, t.hours()})
	}
	return all[0], proxied, true
}

// requested returns where the requests of a client at a port of a service came to, in each hour of a tally.
func (x *backends) requested(c call, t *tally) (to target, proxied, ok bool) {
	c.service = -1
	a := x.found[c]
	if a == nil || x.services[c] != 1 {
		return target{}, false, false
	}
	peer := PeerID(-1)
	for _, h := range t.hours() {
		if len(a.servers[h.n]) == 0 {
			return target{}, false, false
		}
		for _, s := range a.servers[h.n] {
			p := x.g.PeerOf[s.pod]
			if p < 0 || peer >= 0 && (p != peer || s.port != to.port) {
				return target{}, false, false
			}
			if peer < 0 || x.g.Tables.Endpoints.Key(s.pod) < x.g.Tables.Endpoints.Key(to.pod) {
				peer, to = p, s
			}
		}
	}
	return to, !a.plain, peer >= 0
}

// hosts are those that the requests of a client to a service were for, nil where one is not known.
func (x *backends) hosts(c call, t *tally) []string {
	a := x.found[c]
	if a == nil {
		return nil
	}
	var out []string
	for _, h := range t.hours() {
		if len(a.hosts[h.n]) == 0 {
			return nil
		}
		out = append(out, a.hosts[h.n]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// behind returns for each workload of the client's cluster whose pods a backend selects one of its endpoints.
func (x *backends) behind(b *Backend, client PeerID) []target {
	w := x.g.Peers[client].Workload
	if w < 0 {
		return nil
	}
	if b.Unknown != "" {
		return nil
	}
	eps := x.g.Tables.Endpoints.Snapshot()
	at := map[PeerID]target{}
	for _, id := range x.podsOf(b.Namespace) {
		p := x.g.PeerOf[id]
		if x.g.Workloads[x.g.Peers[p].Workload].Cluster != x.g.Workloads[w].Cluster || !b.Matches(eps[id].Labels) {
			continue
		}
		if was, ok := at[p]; !ok || x.g.Tables.Endpoints.Key(id) < x.g.Tables.Endpoints.Key(was.pod) {
			at[p] = target{id, b.Port}
		}
	}
	out := slices.Collect(maps.Values(at))
	slices.SortFunc(out, func(a, b target) int { return cmp.Compare(x.g.PeerOf[a.pod], x.g.PeerOf[b.pod]) })
	return out
}

// podsOf returns the endpoints that are pods of a namespace and of a workload.
func (x *backends) podsOf(namespace string) []model.EndpointID {
	if x.pods == nil {
		x.pods = map[string][]model.EndpointID{}
		for id, p := range x.g.PeerOf {
			if p >= 0 && x.g.Peers[p].Kind == model.KindPod && x.g.Peers[p].Workload >= 0 {
				ns := x.g.Peers[p].Namespace
				x.pods[ns] = append(x.pods[ns], model.EndpointID(id))
			}
		}
	}
	return x.pods[namespace]
}

// lead notes the backends that a call may have had.
func (x *backends) lead(c call, all []target) {
	for _, t := range all {
		e := Edge{Proto: c.proto, Port: t.port}
		x.leads[c] = append(x.leads[c], x.g.Peers[x.g.PeerOf[t.pod]].ID+" "+e.PortString())
	}
	slices.Sort(x.leads[c])
	x.leads[c] = slices.Compact(x.leads[c])
}

// name tells the edges to services which backends the manifests lead to.
func (x *backends) name() {
	for i := range x.g.Edges {
		if e := &x.g.Edges[i]; e.Reason == model.ServiceAddress {
			e.Backends = x.leads[call{e.Src, e.Dst, e.Port, e.Proto}]
		}
	}
}

// provenBackend is what manifests proved of the calls of a client in some hours.
type provenBackend struct {
	client  model.EndpointID
	to      target
	proxied bool
	call    call
	hours   []hour
}

// proofs adds what manifests proved to the evidence: whoever reads that has no manifests.
func (b *Builder) proofs(out []model.Observation) []model.Observation {
	known := map[model.Observation]bool{}
	for _, p := range b.proven {
		for _, h := range p.hours {
			at := int64(h.n) * windowMinutes * 60e6
			o := model.Observation{
				Window: h.n * windowMinutes, Src: p.client, Dst: p.to.pod, SrcPort: p.call.port, Port: p.to.port,
				Proto: p.call.proto, Observer: model.Elsewhere, Fate: model.Irrelevant, Reason: model.Backend,
				Marks: model.MarkNoted, First: at, Last: at,
			}
			if p.proxied {
				o.Observer = model.ToProxy
			}
			if !known[o] {
				known[o] = true
				out = append(out, o)
			}
		}
	}
	return out
}
