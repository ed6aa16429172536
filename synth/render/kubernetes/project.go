package kubernetes

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Project returns the part of a set that the dialect can say, in canonical order, and the rest as losses. A peer or
// port that cannot be said is left out of its rule, and a rule with none left is left out whole: it never becomes a
// rule for every peer or port.
func Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) {
	var out policy.PolicySet
	var l losses
	for _, p := range set.Canonical().Policies {
		if q, ok := l.policy(p); ok {
			out.Policies = append(out.Policies, q)
		}
	}
	return out.Canonical(), l.List
}

// losses cuts one policy after the other to what can be said.
type losses struct{ render.Losses }

func (l *losses) policy(p policy.Policy) (policy.Policy, bool) {
	if l.Whole(p.Namespace, p.Name); p.Namespace == "" {
		l.Add(p.Ingress || p.Egress, "the cluster-wide policy", "nothing of it is in force")
		return p, false
	}
	if !p.Subject.Plain() {
		l.Add(p.Ingress || p.Egress, "the selector "+p.Subject.String(), "nothing of the policy is in force")
		return p, false
	}
	if !l.PodsOnly(&p) {
		return p, false
	}
	if p.Tier != "" || p.Order != nil {
		l.Add(true, "tier and order", "the policy is added to all others of its pods")
		p.Tier, p.Order = "", nil
	}
	rules := slices.Grow([]policy.Rule(nil), len(p.Rules))
	for i := range p.Rules {
		l.Of(&p, i)
		if r, ok := l.ruleOf(&p, p.Rules[i]); ok {
			rules = append(rules, r)
		}
	}
	l.Of(nil, 0)
	p.Rules = rules
	return p, p.Ingress || p.Egress
}

func (l *losses) ruleOf(p *policy.Policy, r policy.Rule) (policy.Rule, bool) {
	if r.Action != policy.Allow {
		l.Add(true, "the rule's action "+r.Action.String(), "what other rules allow of it stays allowed")
		return r, false
	}
	if !p.Isolates(r.Direction) {
		l.Add(
			false,
			"a rule for "+r.Direction.String()+" that does not isolate",
			"where another policy isolates the pods, "+r.String()+" is denied",
		)
		return r, false
	}
	if len(r.Self) > 0 || len(r.NotPorts) > 0 {
		l.Add(false, "a rule with conditions on its own pod or on ports that it is not for", r.String()+" is denied")
		return r, false
	}
	peers := r.Peers
	if slices.ContainsFunc(peers, unsaid) {
		peers = nil
		for _, q := range r.Peers {
			if unsaid(q) {
				l.Add(false, "the peer "+q.String(), "its "+r.Direction.String()+" connections are denied")
			} else {
				peers = append(peers, q)
			}
		}
	}
	ports := r.Ports
	if slices.ContainsFunc(ports, otherwise) {
		ports = nil
	}
	for _, q := range r.Ports[len(ports):] {
		ports = append(ports, l.ports(r, q)...)
	}
	r.Peers, r.Ports = peers, ports
	return r, (r.AnyPeer || len(peers) > 0) && (r.AnyPort || len(ports) > 0)
}

// unsaid reports whether a peer cannot be said.
func unsaid(q policy.Peer) bool {
	return (q.Kind != policy.PeerPods || !q.Pods.Plain() || !q.Namespaces.Plain()) && q.Kind != policy.PeerCIDR
}

// otherwise reports whether the dialect says a port otherwise than by itself.
func otherwise(q policy.Port) bool {
	return !q.Proto.HasPorts() || q.Name == "" && q.First == 0 && !q.Whole()
}

// ports returns what the dialect says for one port: none, itself, or one for each of the protocols it stands for.
func (l *losses) ports(r policy.Rule, q policy.Port) []policy.Port {
	if q.Proto == 0 {
		var out []policy.Port
		for _, proto := range []model.Proto{model.TCP, model.UDP, model.SCTP} {
			q.Proto = proto
			out = append(out, l.ports(r, q)...)
		}
		return out
	}
	if !q.Proto.HasPorts() {
		l.Add(
			false,
			"protocol "+q.Proto.String(),
			r.Direction.String()+" of it is denied: only a rule for every port would let it pass",
		)
		return nil
	}
	if q.Name == "" && q.First == 0 && !q.Whole() {
		q.First = 1 // port 0 is none
		if q.Last == 0 {
			l.Add(false, "port 0/"+q.Proto.String(), "it is denied")
			return nil
		}
	}
	return []policy.Port{q}
}
