package cilium

import (
	"net/netip"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// dnsPort is where the agent's proxy can watch the answers of resolvers.
const dnsPort = 53

// normal returns the rules that the API has for one: a rule of the API has peers of one kind only, and either ports or
// ICMP types. A rule that matches nothing gives none.
func normal(r policy.Rule) []policy.Rule {
	var messages, ports []policy.Port
	for _, p := range r.Ports {
		if isICMP(p.Proto) {
			messages = append(messages, p)
		} else {
			ports = append(ports, p)
		}
	}
	var groups [5][]policy.Peer
	for _, p := range r.Peers {
		g := groupOf(p.Kind)
		groups[g] = append(groups[g], p)
	}
	var out []policy.Rule
	add := func(peers []policy.Peer) {
		if !r.AnyPeer && len(peers) == 0 {
			return
		}
		q := r
		q.Peers = peers
		if r.AnyPort {
			q.Ports = nil
			out = append(out, q)
			return
		}
		for _, list := range [][]policy.Port{ports, messages} {
			if q.Ports = list; len(list) > 0 {
				out = append(out, q)
			}
		}
	}
	if r.AnyPeer {
		add(nil)
		return out
	}
	for _, g := range groups {
		add(g)
	}
	return out
}

func isICMP(p model.Proto) bool { return p == model.ICMP || p == model.ICMPv6 }

// groupOf numbers the kinds of peers that one rule of the API can hold together.
func groupOf(k policy.PeerKind) int {
	switch k {
	case policy.PeerPods:
		return 0
	case policy.PeerCIDR, policy.PeerNetwork:
		return 1
	case policy.PeerEntities:
		return 2
	case policy.PeerService:
		return 4
	default:
	}
	return 3
}

// eachEntity returns a peer for each entity of a set.
func eachEntity(e model.Entities) []policy.Peer {
	var out []policy.Peer
	for _, n := range entityNames {
		if e&n.entity != 0 {
			out = append(out, policy.Peer{Kind: policy.PeerEntities, Entities: n.entity})
		}
	}
	return out
}

// entityNames are the entities that the API and the model both have.
var entityNames = []struct {
	entity model.Entities
	name   string
}{
	{
		model.Host,
		"host",
	}, {model.RemoteNode, "remote-node"}, {model.KubeAPIServer, "kube-apiserver"}, {model.HealthEndpoint, "health"},
	{model.IngressEntity, "ingress"}, {model.World, "world"}, {model.Unmanaged, "unmanaged"}, {model.Init, "init"},
}

// sayable are the entities that have a name.
const sayable = model.Host | model.RemoteNode | model.KubeAPIServer | model.HealthEndpoint | model.IngressEntity |
	model.World |
	model.Unmanaged | model.Init

// normalCIDR leaves out exceptions that except nothing; false if nothing is left.
func normalCIDR(p policy.Peer) (policy.Peer, bool) {
	p = p.Canonical()
	var except []netip.Prefix
	for _, x := range p.Except {
		switch {
		case !x.Overlaps(p.CIDR):
		case x.Bits() <= p.CIDR.Bits():
			return p, false
		default:
			except = append(except, x)
		}
	}
	p.Except = except
	return p, true
}

// normalName is a DNS name or pattern without what means nothing: case, and a final dot.
func normalName(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".") }

// validName reports whether the API takes a name or pattern.
func validName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "-_*abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// withoutName drops from a selector of namespaces that they have a name, as all have.
func withoutName(s policy.Selector) policy.Selector {
	var out policy.Selector
	for _, q := range s {
		if q.Key != policy.NamespaceName || q.Op != policy.Exists {
			out = append(out, q)
		}
	}
	return out
}
