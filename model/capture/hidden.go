package capture

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

const dnsPort = 53

// asks reports whether an edge is a question to a resolver.
func asks(e *graph.Edge) bool {
	return e.Port == dnsPort && (e.Proto == model.UDP || e.Proto == model.TCP)
}

func (d *doctor) noDNS() {
	if d.enough() && !slices.ContainsFunc(d.shown, asks) {
		d.found("no look-up of a name is in the log", "a default deny of egress by this log cuts look-ups, and with them everything",
			"capture UDP; pods that use a resolver on their node's address or over TLS need it named by hand")
		d.blind(Blind{Egress: true, Brief: "connections without look-ups", Lookups: true})
	}
}

// noNames is about names in the log, which only a proxy that sees the answers can give.
func (d *doctor) noNames() {
	outside, named := 0, 0
	for _, e := range d.shown {
		if d.Graph.Peers[e.Dst].Kind == model.KindAddress && e.State.Worked() {
			outside++
			if len(e.Names) > 0 {
				named++
			}
		}
	}
	if d.Format == hubble && outside > 0 && named == 0 {
		d.found(fmt.Sprintf("%s to addresses outside the cluster, none with a name", several(outside, "edge")),
			"they are learned as addresses, which change", "apply the DNS-visibility policy below before the next capture")
	}
}

const hubble = "hubble"

// NeedsNames reports whether a log of Hubble has addresses that a DNS-visibility policy would give names.
func NeedsNames(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.ID == "no-names" })
}

func (d *doctor) mesh() {
	type place struct {
		port  uint16
		proxy string
	}
	edges := map[place]int{}
	for _, e := range d.shown {
		if e.State.Worked() {
			if proxy := d.Graph.MeshPort(e); proxy != "" {
				edges[place{e.Port, proxy}]++
			}
		}
	}
	places := slices.SortedFunc(maps.Keys(edges), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.proxy, b.proxy))
	})
	for _, at := range places {
		d.found(fmt.Sprintf("%s to port %d (%s)", several(edges[at], "edge"), at.port, at.proxy),
			"the ports of the services are inside of it and not in the log: the rule for it allows every service of the pod that is in the mesh",
			"allow the mesh's port, and keep the services apart by the mesh's own authorization policies")
	}
}

// gatewayAddress is where Cilium's socket load balancer sends what a Gateway or Ingress serves.
var gatewayAddress = netip.AddrFrom4([4]byte{192, 192, 192, 192})

func (d *doctor) gateway() {
	for _, e := range d.shown {
		if d.Graph.Peers[e.Dst].Address == gatewayAddress {
			d.found(d.Graph.Peers[e.Src].ID+" connects to "+gatewayAddress.String()+", Cilium's Gateway or Ingress",
				"the proxy judges it by the backend that it chooses: once egress is denied the request is answered 403, without a drop",
				"allow the client the backends of the route, by their pods and ports")
			return
		}
	}
}

func (d *doctor) nat() {
	if n := d.Counts[model.Irrelevant][model.ServiceAddress]; d.share(n) > most {
		d.found(fmt.Sprintf("%.0f %% of the records are of service addresses before translation", 100*d.share(n)),
			"they are left out: the record behind the translation has to tell of the same connection", "")
	}
	nodes := map[string]bool{}
	for _, e := range d.shown {
		src, dst := &d.Graph.Peers[e.Src], &d.Graph.Peers[e.Dst]
		if (src.Entities&model.RemoteNode != 0 || src.Kind == model.KindHost) && dst.Workload >= 0 && e.State.Worked() {
			nodes[d.Graph.Workloads[dst.Workload].ID] = true
		}
	}
	if names := slices.Sorted(maps.Keys(nodes)); len(names) > 0 {
		d.found(fmt.Sprintf("%s reached from nodes: %s", several(len(names), "workload"), some(names)),
			"behind a service of type NodePort or LoadBalancer a node's address stands for clients outside, who are not in the log",
			"externalTrafficPolicy: Local keeps the client's address")
	}
}

func (d *doctor) unlabelled() {
	if n := d.Counts[model.Refused][model.Unlabelled] + d.Counts[model.Refused][model.UnknownIdentity]; d.share(n) > most {
		d.found(fmt.Sprintf("%.0f %% of the records have a pod without labels or identity", 100*d.share(n)),
			"no policy can name it: what it does cannot be learned", "give its template a label; keep labels in the export")
	}
}

func (d *doctor) unmanaged() {
	n := 0
	for _, e := range d.shown {
		if e.Marks&model.MarkUnmanaged != 0 {
			n++
		}
	}
	if n > 0 {
		d.found(fmt.Sprintf("%s with a pod that the network plugin does not manage", several(n, "edge")),
			"no policy is enforced there, and its own records are missing", "restart the pods that are older than the plugin")
	}
}
