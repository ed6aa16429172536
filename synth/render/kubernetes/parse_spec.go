package kubernetes

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// spec reads what the policy says. Rules come after metadata whatever the order in the file: peers without namespaces
// mean the policy's own.
func (r reader) spec(n *yaml.Node, p *policy.Policy) {
	var types, in, out, subject *yaml.Node
	keep := func(to **yaml.Node) func(*yaml.Node) { return func(v *yaml.Node) { *to = v } }
	r.Fields(n, "spec", map[string]func(*yaml.Node){"podSelector": keep(&subject), "policyTypes": keep(&types),
		"ingress": keep(&in), "egress": keep(&out)})
	if subject == nil && !r.Invalid() {
		r.Report(render.Note, n, "spec has no podSelector: it selects every pod of %s", p.Namespace)
	} else if subject != nil {
		p.Subject = r.Selector(subject, "spec.podSelector")
	}
	r.rules(in, "ingress", "from", model.Ingress, p)
	r.rules(out, "egress", "to", model.Egress, p)
	r.types(types, p)
}

// types settles which directions are isolated: without policyTypes always ingress, and egress if there are rules for
// it. Rules of a direction that is not isolated mean nothing to the API.
func (r reader) types(n *yaml.Node, p *policy.Policy) {
	hasEgress := false
	for _, rule := range p.Rules {
		hasEgress = hasEgress || rule.Direction == model.Egress
	}
	var items []*yaml.Node
	if n != nil {
		items = r.List(n, "spec.policyTypes")
	}
	p.Ingress, p.Egress = len(items) == 0, len(items) == 0 && hasEgress
	for _, v := range items {
		s, ok := r.Text(v, "spec.policyTypes")
		switch d := directions[s]; {
		case d == model.Ingress:
			p.Ingress = true
		case d == model.Egress:
			p.Egress = true
		case ok:
			r.Bad(v, "spec.policyTypes: %q is neither Ingress nor Egress%s", s, render.QuoteHint(s)).
				Called(render.WrongValue, r.Meant(v, "Ingress", "Egress"))
		}
	}
	var inForce []policy.Rule
	for _, rule := range p.Rules {
		if p.Isolates(rule.Direction) {
			inForce = append(inForce, rule)
		}
	}
	if lost := len(p.Rules) - len(inForce); lost > 0 && !r.Invalid() {
		r.Report(
			render.Note,
			n,
			"policyTypes leaves out a direction that has rules: they have no effect, save that Cilium enforces them all the same (%d)",
			lost,
		).Called(render.IdleRules)
	}
	p.Rules = inForce
}

func (r reader) rules(n *yaml.Node, path, peersField string, d model.Direction, p *policy.Policy) {
	if n == nil {
		return
	}
	for _, item := range r.List(n, "spec."+path) {
		rule := policy.Rule{Direction: d, AnyPeer: true, AnyPort: true, Source: r.Position(item)}
		if render.IsNull(item) {
			r.Report(render.Note, item, "spec.%s: an empty item is a rule for everything", path)
		}
		fields := map[string]func(*yaml.Node){
			peersField: func(v *yaml.Node) {
				list := r.List(v, path+"."+peersField)
				rule.Peers = slices.Grow(rule.Peers, len(list))
				for _, q := range list {
					rule.AnyPeer = false
					if names := r.namesIn(q, d); names != nil {
						rule.Peers = append(rule.Peers, r.names(names, path+"."+peersField+".domainNames")...)
						continue
					}
					rule.Peers = append(rule.Peers, r.peer(q, path+"."+peersField, p.Namespace))
				}
			},
			"ports": func(v *yaml.Node) {
				for _, q := range r.List(v, path+".ports") {
					rule.AnyPort = false
					rule.Ports = append(rule.Ports, r.port(q, path+".ports"))
				}
			},
		}
		if r.name != nil && d == model.Egress {
			fields["domainNames"] = func(v *yaml.Node) {
				rule.AnyPeer = false
				rule.Peers = append(rule.Peers, r.names(v, path+".domainNames")...)
			}
		}
		r.Fields(item, "spec."+path, fields)
		p.Rules = append(p.Rules, rule)
	}
}

// namesIn returns the domain names of a peer that has nothing else, nil where it has none.
func (r reader) namesIn(peer *yaml.Node, d model.Direction) *yaml.Node {
	if r.name == nil || d != model.Egress || peer.Kind != yaml.MappingNode || len(peer.Content) != 2 {
		return nil
	}
	return render.Field(peer, "domainNames")
}

func (r reader) names(n *yaml.Node, path string) []policy.Peer {
	var out []policy.Peer
	for _, v := range r.List(n, path) {
		s, ok := r.Text(v, path)
		name, fine := r.name(s)
		if ok && !fine {
			r.Bad(v, "%s: %q is not a domain name%s", path, s, render.QuoteHint(s))
		}
		out = append(out, policy.Peer{Kind: policy.PeerFQDN, Name: name})
	}
	return out
}

func (r reader) peer(n *yaml.Node, path, namespace string) policy.Peer {
	ns, pods, block, ok := r.peerFields(n, path)
	switch {
	case !ok:
		return policy.Peer{}
	case ns == nil && pods == nil && block == nil:
		r.Bad(n, "%s: a peer that names nothing", path)
		return policy.Peer{}
	case block != nil && (ns != nil || pods != nil):
		r.Bad(n, "%s: ipBlock stands alone in a peer", path)
		return policy.Peer{}
	case block != nil:
		return r.ipBlock(block, path+".ipBlock")
	}
	peer := policy.Peer{Kind: policy.PeerPods}
	if pods != nil {
		peer.Pods = r.Selector(pods, path+".podSelector")
	}
	if ns != nil {
		peer.Namespaces = r.Selector(ns, path+".namespaceSelector")
	} else {
		peer.Namespaces = policy.Namespace(namespace)
	}
	return peer
}

// peerFields returns the fields of a peer, nil for those that are not there. It is false where labels stand bare.
func (r reader) peerFields(n *yaml.Node, path string) (namespaces, pods, block *yaml.Node, ok bool) {
	if v, ok := render.Pick(n, "namespaceSelector", "podSelector", "ipBlock"); ok {
		for i := range v {
			if v[i] != nil && render.IsNull(v[i]) {
				v[i] = nil
			}
		}
		return v[0], v[1], v[2], true
	}
	return r.anyPeerFields(n, path)
}

func (r reader) anyPeerFields(n *yaml.Node, path string) (namespaces, pods, block *yaml.Node, ok bool) {
	fields := map[string]func(*yaml.Node){
		"namespaceSelector": render.Keep(&namespaces),
		"podSelector":       render.Keep(&pods),
		"ipBlock":           render.Keep(&block),
	}
	if r.Bare(n, path, fields, "podSelector", "matchLabels") {
		return nil, nil, nil, false
	}
	r.Fields(n, path, fields)
	return namespaces, pods, block, true
}

func (r reader) ipBlock(n *yaml.Node, path string) policy.Peer {
	peer := policy.Peer{Kind: policy.PeerCIDR}
	r.Fields(n, path, map[string]func(*yaml.Node){
		"cidr": func(v *yaml.Node) { peer.CIDR = r.Prefix(v, path+".cidr") },
		"except": func(v *yaml.Node) {
			for _, x := range r.List(v, path+".except") {
				peer.Except = append(peer.Except, r.Prefix(x, path+".except"))
			}
		},
	})
	if !peer.CIDR.IsValid() {
		r.Bad(n, "%s: no cidr", path)
		return peer
	}
	for _, x := range peer.Except {
		if x.IsValid() && (!peer.CIDR.Contains(x.Addr()) || x.Bits() <= peer.CIDR.Bits()) {
			r.Bad(n, "%s: except %s is not inside %s", path, x, peer.CIDR)
		}
	}
	return peer
}

// wire are the protocols by their API names.
var wire = map[string]model.Proto{"TCP": model.TCP, "UDP": model.UDP, "SCTP": model.SCTP}

// plainPort reads a port of a number and a protocol, as most are. It is false of every other.
func plainPort(n *yaml.Node) (policy.Port, bool) {
	v, ok := render.Pick(n, "protocol", "port")
	if !ok || v[0] == nil || v[1] == nil || v[0].Tag != "!!str" || v[1].Tag != "!!int" {
		return policy.Port{}, false
	}
	number, err := strconv.ParseUint(v[1].Value, 10, 16)
	port, proto := uint16(number), wire[v[0].Value]
	if err != nil || v[1].Value[0] == '0' {
		return policy.Port{}, false
	}
	return policy.Port{Proto: proto, First: port, Last: port}, proto != 0
}

func (r reader) port(n *yaml.Node, path string) policy.Port {
	if p, ok := plainPort(n); ok {
		return p
	}
	return r.anyPort(n, path)
}

func (r reader) anyPort(n *yaml.Node, path string) policy.Port {
	p := policy.AllPorts(model.TCP)
	var end uint16
	var endNode *yaml.Node
	numbered := false
	r.Fields(n, path, map[string]func(*yaml.Node){
		"protocol": func(v *yaml.Node) {
			if render.IsNull(v) {
				return
			}
			s, ok := r.Text(v, path+".protocol")
			if p.Proto = wire[s]; ok && p.Proto == 0 {
				r.Bad(v, "%s.protocol: %q is not TCP, UDP or SCTP%s", path, s, render.QuoteHint(s)).
					Called(render.WrongValue, r.Meant(v, "TCP", "UDP", "SCTP"))
			}
		},
		"port": func(v *yaml.Node) { numbered = r.portOf(v, path+".port", &p) },
		"endPort": func(v *yaml.Node) {
			if !render.IsNull(v) {
				endNode = v
				end, _ = r.Number(v, path+".endPort")
			}
		},
	})
	switch {
	case endNode == nil || r.Invalid():
	case !numbered:
		r.Bad(endNode, "%s.endPort: only after a port that is a number", path)
	case end < p.First:
		r.Bad(endNode, "%s.endPort: %d is before %d", path, end, p.First)
	default:
		p.Last = end
	}
	return p
}

// portOf reads a number or a name into p, and reports whether it was a number.
func (r reader) portOf(n *yaml.Node, path string, p *policy.Port) bool {
	if render.IsNull(n) {
		return false
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		v, ok := r.Number(n, path)
		p.First, p.Last = v, v
		return ok
	}
	s, ok := r.Text(n, path)
	if ok && !render.ValidPortName(s) {
		mend := render.Edit{}
		if v, err := strconv.ParseUint(s, 10, 16); err == nil && v > 0 {
			mend = r.Replace(n, s)
		}
		r.Bad(n, "%s: %q is neither a number nor the name of a port%s", path, s, render.QuoteHint(s)).
			Called(render.WrongValue, mend)
	}
	p.First, p.Last, p.Name = 0, 0, s
	return false
}

// directions are what policyTypes can say.
var directions = map[string]model.Direction{"Ingress": model.Ingress, "Egress": model.Egress}
