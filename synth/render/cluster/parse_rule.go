package cluster

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// bounded returns the items of a list of at least one and at most as many as the API takes.
func (r reader) bounded(n *yaml.Node, path string) []*yaml.Node {
	list := r.List(n, path)
	switch {
	case len(list) > r.api.most:
		r.Bad(n, "%s: %d items, and the API takes %d", path, len(list), r.api.most)
	case len(list) == 0 && !r.Invalid():
		r.Bad(n, "%s: an empty list, which the API refuses", path)
	}
	return list
}

func (r reader) rules(n *yaml.Node, path, peersField string, d model.Direction, p *policy.Policy) {
	if n == nil {
		return
	}
	list := r.List(n, "spec."+path)
	if len(list) > r.api.most {
		r.Bad(n, "spec.%s: %d rules, and the API takes %d in a policy", path, len(list), r.api.most)
	}
	for _, item := range list {
		p.Rules = append(p.Rules, r.rule(item, path, peersField, d))
	}
}

func (r reader) rule(item *yaml.Node, path, peersField string, d model.Direction) policy.Rule {
	rule := policy.Rule{Direction: d, AnyPort: true, Source: r.Position(item)}
	var name, action, peers, ports *yaml.Node
	fields := map[string]func(*yaml.Node){"name": render.Keep(&name), "action": render.Keep(&action),
		peersField: render.Keep(&peers)}
	own, other := "protocols", "ports"
	if r.api.older {
		own, other = other, own
	}
	fields[own] = render.Keep(&ports)
	fields[other] = func(v *yaml.Node) {
		r.Bad(v, "spec.%s: %s is a field of another version: here it is %s", path, other, own).Called(render.UnknownField)
	}
	r.Fields(item, "spec."+path, fields)
	if name != nil {
		r.name(name, path+".name")
	}
	switch {
	case r.Invalid():
		return rule
	case action == nil:
		r.Bad(item, "spec.%s: a rule without action", path)
		return rule
	case peers == nil:
		r.Bad(item, "spec.%s: a rule without %s", path, peersField)
		return rule
	}
	rule.Action = r.action(action, path+".action")
	for _, q := range r.bounded(peers, path+"."+peersField) {
		rule.Peers = append(rule.Peers, r.peer(q, path+"."+peersField, &rule)...)
	}
	if ports == nil {
		return rule
	}
	rule.AnyPort = false
	for _, q := range r.bounded(ports, path+"."+own) {
		rule.Ports = append(rule.Ports, r.port(q, path+"."+own))
	}
	others := slices.ContainsFunc(rule.Peers, func(q policy.Peer) bool { return q.Kind != policy.PeerPods })
	if others && hasName(rule.Ports) {
		r.Bad(item, "spec.%s: only pods have named ports, and the rule names other peers", path)
	}
	return rule
}

func hasName(ports []policy.Port) bool {
	return slices.ContainsFunc(ports, func(p policy.Port) bool { return p.Name != "" })
}

func (r reader) name(n *yaml.Node, path string) {
	if s, ok := r.Text(n, path); ok && len(s) > 100 {
		r.Bad(n, "%s: longer than 100 characters", path)
	}
}

func (r reader) action(n *yaml.Node, path string) policy.Action {
	s, ok := r.Text(n, path)
	a, known := r.api.actions[s]
	if ok && !known {
		allow, names := "", []string{}
		for name, of := range r.api.actions {
			names = append(names, name)
			if of == policy.Allow {
				allow = name
			}
		}
		slices.Sort(names)
		mend := r.Meant(n, names...)
		if strings.EqualFold(s, "Allow") || strings.EqualFold(s, "Accept") {
			mend = r.Replace(n, allow)
		}
		r.Bad(n, "%s: %q is none of %s%s", path, s, strings.Join(names, ", "), render.QuoteHint(s)).
			Called(render.WrongValue, mend)
	}
	return a
}

// peer reads one item of from or to, which can stand for several peers.
func (r reader) peer(n *yaml.Node, path string, rule *policy.Rule) []policy.Peer {
	var namespaces, pods, networks, nodes, names *yaml.Node
	fields := map[string]func(*yaml.Node){"namespaces": render.Keep(&namespaces), "pods": render.Keep(&pods)}
	if rule.Direction == model.Egress {
		fields["networks"] = render.Keep(&networks)
		if r.api.nodes {
			fields["nodes"] = render.Keep(&nodes)
		}
		if r.api.names {
			fields["domainNames"] = render.Keep(&names)
		}
	}
	if r.Bare(n, path, fields, "namespaces", "matchLabels") {
		return nil
	}
	r.Fields(n, path, fields)
	if !r.one(n, path, namespaces, pods, networks, nodes, names) {
		return nil
	}
	peer := policy.Peer{Kind: policy.PeerPods}
	switch {
	case namespaces != nil:
		peer.Namespaces = r.Selector(namespaces, path+".namespaces")
	case pods != nil:
		peer.Namespaces, peer.Pods = r.namespacedPod(pods, path+".pods")
		peer.Inside = len(peer.Pods) == 0
	case nodes != nil:
		peer.Kind, peer.Pods = policy.PeerNodes, r.Selector(nodes, path+".nodes")
	case networks != nil:
		return r.networks(networks, path+".networks")
	default:
		return r.names(names, path+".domainNames", rule)
	}
	return []policy.Peer{peer}
}

// listed is how many networks or names one peer can have, in every version.
const listed = 25

func (r reader) networks(n *yaml.Node, path string) []policy.Peer {
	var out []policy.Peer
	for _, v := range r.setOf(n, path) {
		s, _ := r.Text(v, path)
		p, err := netip.ParsePrefix(s)
		if err == nil && p != p.Masked() && !r.api.older {
			r.Bad(v, "%s: the API refuses %s, which has bits beyond its length: write %s", path, s, p.Masked()).
				Called(render.WrongValue, r.Replace(v, strconv.Quote(p.Masked().String())))
			continue
		}
		out = append(out, policy.Peer{Kind: policy.PeerCIDR, CIDR: r.Prefix(v, path)})
	}
	return out
}

func (r reader) names(n *yaml.Node, path string, rule *policy.Rule) []policy.Peer {
	if rule.Action == policy.Deny || rule.Action == policy.Pass && !r.api.passNames {
		r.Report(render.Unsupported, n, "%s: domain names are for rules that accept; what another does, "+
			"each network plugin decides for itself", path)
	}
	var out []policy.Peer
	for _, v := range r.setOf(n, path) {
		s, ok := r.Text(v, path)
		name, fine := domainName(s)
		if ok && !fine {
			r.Bad(v, "%s: %q is not a domain name, *. before it for all below it%s", path, s, render.QuoteHint(s))
		}
		out = append(out, policy.Peer{Kind: policy.PeerFQDN, Name: name})
	}
	return out
}

// setOf returns the items of a list that the API takes as a set.
func (r reader) setOf(n *yaml.Node, path string) []*yaml.Node {
	list := r.List(n, path)
	if len(list) == 0 || len(list) > listed {
		r.Bad(n, "%s: the API takes 1 to %d items, here are %d", path, listed, len(list))
	}
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Value] {
			r.Bad(v, "%s: %s stands twice, which the API refuses", path, v.Value)
		}
		seen[v.Value] = true
	}
	return list
}
