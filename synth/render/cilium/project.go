package cilium

import (
	"fmt"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Project returns the part of a set that the dialect can say, in canonical order, and the rest as losses. Rules are cut
// as the API wants them: peers of one kind each, ports apart from ICMP. A peer or port that cannot be said is left out
// of its rule, and a rule with none left is left out whole: it never becomes a rule for every peer or port.
func Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) {
	set = set.Canonical()
	var out policy.PolicySet
	var l losses
	for _, p := range set.Policies {
		if q, ok := l.policy(p); ok {
			out.Policies = append(out.Policies, q)
		}
	}
	for _, n := range set.Networks {
		if q, ok := l.network(n); ok {
			out.Networks = append(out.Networks, q)
		}
	}
	return out.Canonical(), l.List
}

// losses cuts one policy after the other to what can be said.
type losses struct{ render.Losses }

func (l *losses) policy(p policy.Policy) (policy.Policy, bool) {
	if l.Whole(p.Namespace, p.Name); p.Namespace != "" {
		p.SubjectNamespaces = nil
	}
	p.SubjectNamespaces = withoutName(p.SubjectNamespaces)
	if p.Staged {
		l.Add(
			false,
			"that the policy is staged",
			"it is left out: rules that isolate nothing are the staged form of this dialect",
		)
		return p, false
	}
	if why := unsayable(p.Subject, p.SubjectNamespaces); why != "" {
		l.Add(p.Ingress || p.Egress, why, "nothing of the policy is in force")
		return p, false
	}
	if !l.PodsOnly(&p) {
		return p, false
	}
	if p.Tier != "" || p.Order != nil {
		l.Add(
			true,
			"tier and order",
			"the policy is added to all others of its pods, and what it denies nothing else can allow",
		)
		p.Tier, p.Order = "", nil
	}
	var rules []policy.Rule
	for i := range p.Rules {
		l.Of(&p, i)
		rules = append(rules, l.ruleOf(p.Rules[i])...)
	}
	l.Of(nil, 0)
	p.Rules = rules
	return p, p.Ingress || p.Egress || len(rules) > 0
}

func (l *losses) ruleOf(r policy.Rule) []policy.Rule {
	deny := r.Action == policy.Deny
	switch {
	case r.Action == policy.Pass:
		l.Add(
			true,
			"the rule's action pass",
			"what other rules allow of it stays allowed, and what none allows is denied",
		)
		return nil
	case len(r.Self) > 0 || len(r.NotPorts) > 0:
		l.Add(deny, "a rule with conditions on its own pod or on ports that it is not for", l.consequence(r))
		return nil
	}
	var peers []policy.Peer
	for _, p := range r.Peers {
		peers = append(peers, l.peer(r, p)...)
	}
	var ports []policy.Port
	for _, p := range r.Ports {
		ports = append(ports, l.port(r, p)...)
	}
	r.Peers, r.Ports = peers, ports
	return normal(r)
}

// consequence says what follows when a part of a rule is left out.
func (l *losses) consequence(r policy.Rule) string {
	if r.Action == policy.Deny {
		return "its " + r.Direction.String() + " connections are not denied"
	}
	return "its " + r.Direction.String() + " connections are denied"
}

func (l *losses) peer(r policy.Rule, p policy.Peer) []policy.Peer {
	lost := func(what string) []policy.Peer {
		l.Add(r.Action == policy.Deny, "the peer "+p.String()+what, l.consequence(r))
		return nil
	}
	switch p.Kind {
	case policy.PeerPods:
		p.Namespaces = withoutName(p.Namespaces)
		if why := unsayable(withoutCluster(p.Pods), p.Namespaces); why != "" {
			return lost(": " + why)
		}
		return []policy.Peer{p}
	case policy.PeerCIDR:
		if q, ok := normalCIDR(p); ok {
			return []policy.Peer{q}
		}
		return nil
	case policy.PeerEntities:
		if rest := p.Entities &^ sayable; rest != 0 {
			l.Add(r.Action == policy.Deny, "the peer entity "+rest.String(), l.consequence(r))
		}
		return eachEntity(p.Entities)
	case policy.PeerFQDN:
		p.Name = normalName(p.Name)
		if r.Direction != model.Egress || r.Action != policy.Allow {
			return lost(" other than to allow connections to it")
		}
		if !validName(p.Name) {
			return lost("")
		}
		return []policy.Peer{p}
	case policy.PeerNetwork:
		if len(p.Namespaces) > 0 || len(p.Pods) > 0 || !render.ValidName(p.Name) {
			return lost("")
		}
		return []policy.Peer{p}
	default:
	}
	return lost("")
}

// port returns what the API says for one port: itself, or one for each message type, or nothing.
func (l *losses) port(r policy.Rule, p policy.Port) []policy.Port {
	lost := func(what, more string) []policy.Port {
		l.Add(r.Action == policy.Deny, what, l.consequence(r)+more)
		return nil
	}
	_, named := protocols[p.Proto]
	switch {
	case isICMP(p.Proto):
		if p.Code > 0 {
			return lost("the code of ICMP messages "+p.String(), "")
		}
		if p.Last > maxICMPType {
			return lost(
				"protocol "+p.Proto.String()+" as a whole",
				": only types can be named, or a rule for every port",
			)
		}
		var out []policy.Port
		for t := p.First; t <= p.Last; t++ {
			out = append(out, policy.OnePort(p.Proto, t))
		}
		return out
	case !named:
		return lost("protocol "+p.Proto.String(), ": only a rule for every port would match it")
	case !p.Whole() && !hasPorts(p.Proto):
		return lost("ports of protocol "+p.Proto.String(), "")
	case p.Name != "" && !render.ValidPortName(p.Name):
		return lost("port "+p.String(), "")
	}
	if p.Name == "" && p.First == 0 && !p.Whole() {
		p.First = 1 // port 0 is none
		if p.Last == 0 {
			return lost(fmt.Sprintf("port 0/%s", p.Proto), "")
		}
	}
	return []policy.Port{p}
}

func (l *losses) network(n policy.Network) (policy.Network, bool) {
	l.Whole(n.Namespace, n.Name)
	if n.Namespace != "" || !render.ValidName(n.Name) {
		l.Add(false, "the network", "peers that name it match nothing")
		return n, false
	}
	if len(n.Labels) > 0 {
		l.Add(false, "the labels of the network", "peers that select it by them match nothing")
		n.Labels = nil
	}
	return n, true
}
