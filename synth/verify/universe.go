package verify

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// unseen is the name of the namespace, and the value of the labels, that nobody has.
const unseen = "sluice-unseen"

// member is something that can be at the end of a connection: what was seen, and what was not but could come.
type member struct {
	peer graph.PeerID // -1 for what was never seen
	name string       // of one or more members that are the same to a reader: the pods of a workload
	end  *eval.End
}

// port is a protocol and port that connections are tried on.
type port struct {
	proto model.Proto
	port  uint16
}

// universe is what over-permission is measured over.
type universe struct {
	members []member
	ports   []port
	seen    map[triple]bool
}

type triple struct {
	src, dst graph.PeerID
	port
}

// newUniverse takes in every workload, entity and address of the graph, and for each namespace a pod without labels
// and one of unknown labels, the pods of every workload in a namespace never seen, and addresses never seen.
func newUniverse(g *graph.Graph, ev *eval.Evaluator, cfg Config) *universe {
	u := &universe{seen: make(map[triple]bool, len(g.Edges))}
	keys := selectorKeys(ev.Policies())
	namespaces, sets := map[string]model.Labels{}, networkSets(g)
	for i, p := range g.AllPeers() {
		if p.Kind == model.KindPod && p.Workload >= 0 {
			u.workload(g, ev, i, keys, namespaces, cfg.foreign(g.Workloads[p.Workload].Cluster))
			continue
		}
		f := eval.Facts{Entities: p.Entities, Address: p.Address, Masked: p.Masked()}
		if ep := sets[i]; ep != nil {
			f = eval.FactsOf(ep)
		}
		if p.Kind != model.KindPod {
			u.members = append(u.members, member{i, p.ID, ev.End(f)})
		}
	}
	for _, p := range ev.Policies().Policies {
		if _, ok := namespaces[p.Namespace]; !ok && p.Namespace != "" {
			namespaces[p.Namespace] = nil
		}
	}
	u.strangers(ev, keys, namespaces)
	u.addresses(g, ev)
	u.allPorts(g)
	for i, e := range g.AllEdges() {
		if e.State.Worked() || cfg.Accepted[i] {
			u.seen[triple{e.Src, e.Dst, port{e.Proto, e.Port}}] = true
		}
	}
	return u
}

// networkSets are the peers that are network sets, each as an endpoint of it says.
func networkSets(g *graph.Graph) map[graph.PeerID]*model.Endpoint {
	out := map[graph.PeerID]*model.Endpoint{}
	for id, ep := range g.Tables.Endpoints.Snapshot() {
		p := g.PeerOf[id]
		if ep.Kind == model.KindNetworkSet && p >= 0 && (out[p] == nil || ep.Compare(out[p]) < 0) {
			out[p] = ep
		}
	}
	return out
}

// workload adds the pods of a workload, in its own namespace and in one never seen. Pods that no selector of the set
// tells apart are one member.
func (u *universe) workload(
	g *graph.Graph,
	ev *eval.Evaluator,
	peer graph.PeerID,
	keys map[string]bool,
	namespaces map[string]model.Labels,
	foreign bool,
) {
	w := &g.Workloads[g.Peers[peer].Workload]
	if _, ok := namespaces[w.Namespace]; !ok {
		namespaces[w.Namespace] = nil
	}
	done := map[string]bool{}
	for _, labels := range w.LabelSets {
		labels = project(labels, keys)
		id := strings.Join(labels, "\x00")
		if done[id] {
			continue
		}
		done[id] = true
		u.members = append(
			u.members,
			member{
				peer,
				w.ID,
				ev.End(
					eval.Facts{
						IsPod:     true,
						Cluster:   w.Cluster,
						Foreign:   foreign,
						Namespace: w.Namespace,
						Labels:    labels,
					},
				),
			},
			member{-1, unseen + "/" + w.Name, ev.End(eval.Facts{IsPod: true, Namespace: unseen, Labels: labels})},
		)
	}
}

func (u *universe) strangers(ev *eval.Evaluator, keys map[string]bool, namespaces map[string]model.Labels) {
	var odd []string
	for k := range keys {
		odd = append(odd, k+"="+unseen)
	}
	for ns := range namespaces {
		u.members = append(
			u.members,
			member{-1, ns + "/(a pod without labels)", ev.End(eval.Facts{IsPod: true, Namespace: ns})},
			member{
				-1,
				ns + "/(a pod of unknown labels)",
				ev.End(eval.Facts{IsPod: true, Namespace: ns, Labels: model.MakeLabels(odd)}),
			},
		)
	}
}

// addresses adds an address never seen inside each CIDR of the set, and two outside of all.
func (u *universe) addresses(g *graph.Graph, ev *eval.Evaluator) {
	known := map[netip.Addr]bool{}
	for i := range g.Peers {
		known[g.Peers[i].Address] = true
	}
	cidrs := map[netip.Prefix]bool{}
	for _, p := range ev.Policies().Policies {
		for i := range p.Rules {
			eachPeer(p.Rules[i].Peers, func(x *policy.Peer) {
				if x.Kind == policy.PeerCIDR {
					cidrs[x.CIDR.Masked()] = true
				}
			})
		}
	}
	for _, n := range ev.Policies().Networks {
		for _, c := range n.CIDRs {
			cidrs[c.Masked()] = true
		}
	}
	cidrs[netip.MustParsePrefix("203.0.113.0/24")] = true
	cidrs[netip.MustParsePrefix("2001:db8::/32")] = true
	for _, c := range slices.SortedFunc(maps.Keys(cidrs), netip.Prefix.Compare) {
		a := c.Addr()
		for known[a] && c.Contains(a) {
			a = a.Next()
		}
		if c.Contains(a) {
			known[a] = true
			u.members = append(u.members, member{-1, "address " + a.String(), ev.End(eval.Facts{Address: a})})
		}
	}
}

// allPorts takes every port seen anywhere, one unseen port a protocol, and ICMP.
func (u *universe) allPorts(g *graph.Graph) {
	set := map[port]bool{{model.ICMP, 8}: true, {model.ICMPv6, 128}: true}
	for _, e := range g.AllEdges() {
		if e.State != graph.Refused {
			set[port{e.Proto, e.Port}] = true
		}
	}
	for _, p := range []model.Proto{model.TCP, model.UDP, model.SCTP} {
		n := uint16(7)
		for set[port{p, n}] {
			n++
		}
		set[port{p, n}] = true
	}
	for p := range set {
		u.ports = append(u.ports, p)
	}
	slices.SortFunc(u.ports, comparePorts)
	slices.SortStableFunc(u.members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
}

func comparePorts(a, b port) int {
	return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.port, b.port))
}

// selectorKeys are the label keys of pods that the set asks for.
func selectorKeys(set policy.PolicySet) map[string]bool {
	keys := map[string]bool{}
	var note func(policy.Selector)
	note = func(s policy.Selector) {
		for _, r := range s {
			if r.Op != policy.Either {
				keys[r.Key] = true
			}
			for _, t := range r.Any {
				note(t)
			}
		}
	}
	for _, p := range set.Policies {
		note(p.Subject)
		for i := range p.Rules {
			eachPeer(p.Rules[i].Peers, func(x *policy.Peer) { note(x.Pods) })
			eachPeer(p.Rules[i].Self, func(x *policy.Peer) { note(x.Pods) })
		}
	}
	return keys
}

// eachPeer visits peers and those that they are made of.
func eachPeer(list []policy.Peer, f func(*policy.Peer)) {
	for i := range list {
		f(&list[i])
		eachPeer(list[i].All, f)
		eachPeer(list[i].None, f)
	}
}

func project(labels model.Labels, keys map[string]bool) model.Labels {
	var out model.Labels
	for _, l := range labels {
		if k, _, _ := strings.Cut(l, "="); keys[k] {
			out = append(out, l)
		}
	}
	return out
}
