package cluster

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// project cuts a set to what both kinds can say: policies of a namespace as NetworkPolicies, those around them as
// ClusterNetworkPolicies.
func (d Dialect) project(set policy.PolicySet) (policy.PolicySet, []render.Loss) {
	var inside, around policy.PolicySet
	for _, p := range set.Canonical().Policies {
		if d.Baseline && !p.Around() && p.Namespace != "" {
			p = lowered(p)
		}
		if p.Around() && (p.Namespace == "" || p.Tier == policy.BaselineTier) {
			around = around.Add(p)
		} else {
			inside = inside.Add(p)
		}
	}
	out, lost := kubernetes.Project(inside)
	l := losses{Losses: render.Losses{List: lost}}
	for _, p := range around.Policies {
		l.Whole(p.Namespace, p.Name)
		if p, ok := l.policy(p); ok {
			out = out.Add(p)
		}
	}
	return l.spread(out).Canonical(), l.List
}

// losses cuts one policy after the other to what can be said.
type losses struct{ render.Losses }

func (l *losses) policy(p policy.Policy) (policy.Policy, bool) {
	if !p.Subject.Plain() || !p.SubjectNamespaces.Plain() {
		l.Add(true, "the selector "+p.Subject.String()+" in namespaces "+p.SubjectNamespaces.String(),
			"nothing of the policy is in force")
		return p, false
	}
	if !l.PodsOnly(&p) {
		return p, false
	}
	if p.Order == nil || *p.Order < 0 || *p.Order > policy.LastPriority || *p.Order != float64(int(*p.Order)) {
		l.Add(true, "an order that is no priority from 0 to 1000", "the policy comes last in its tier")
		last := float64(policy.LastPriority)
		p.Order = &last
	}
	var rules []policy.Rule
	for _, d := range policy.Directions() {
		for i := range p.Rules {
			if r := p.Rules[i]; r.Direction == d {
				l.Of(&p, i)
				rules = append(rules, l.rule(r)...)
			}
		}
	}
	l.Of(nil, 0)
	p.Rules, p.Staged = rules, false
	p.Ingress, p.Egress = p.Floor(model.Ingress), p.Floor(model.Egress)
	return p, len(rules) > 0
}

// rule returns the rules that say what can be said of one. What is left out of a rule that allows is denied by what
// comes after it, and the other way round.
func (l *losses) rule(r policy.Rule) []policy.Rule {
	wider := r.Action == policy.Deny
	if len(r.Self) > 0 || len(r.NotPorts) > 0 {
		l.Add(wider, "a rule with conditions on its own pod or on ports that it is not for", "nothing of "+r.String()+
			" is in force")
		return nil
	}
	r.Peers, r.AnyPeer = l.peers(&r), false
	if !r.AnyPort {
		r.Ports = l.ports(&r)
	}
	if len(r.Peers) == 0 || !r.AnyPort && len(r.Ports) == 0 {
		return nil
	}
	if hasName(r.Ports) {
		r.Peers = slices.DeleteFunc(slices.Clone(r.Peers), func(q policy.Peer) bool {
			if q.Kind == policy.PeerPods {
				return false
			}
			l.Add(wider, "the peer "+q.String()+" beside a named port", "nothing of it is in force")
			return true
		})
	}
	return chunks(r)
}

// chunks cuts a rule into as many as the API wants for its bounds: one behind the other they say the same.
func chunks(r policy.Rule) []policy.Rule {
	r = r.Canonical()
	var out []policy.Rule
	for items := range slices.Chunk(itemsOf(r.Peers), current.most) {
		q := r
		q.Peers = slices.Concat(items...)
		if r.AnyPort {
			out = append(out, q)
			continue
		}
		for ports := range slices.Chunk(r.Ports, current.most) {
			q.Ports = ports
			out = append(out, q)
		}
	}
	return out
}

// itemsOf gathers the peers that one item of from or to can have: pods and nodes stand alone, networks and names in
// lists.
func itemsOf(list []policy.Peer) [][]policy.Peer {
	var out [][]policy.Peer
	for _, q := range list {
		last := len(out) - 1
		inList := q.Kind == policy.PeerCIDR || q.Kind == policy.PeerFQDN
		if inList && last >= 0 && out[last][0].Kind == q.Kind && len(out[last]) < listed {
			out[last] = append(out[last], q)
		} else {
			out = append(out, []policy.Peer{q})
		}
	}
	return out
}

func (l *losses) peers(r *policy.Rule) []policy.Peer {
	wider, from := r.Action == policy.Deny, "to"
	list := r.Peers
	switch {
	case r.AnyPeer && r.Direction == model.Egress:
		return policy.Everywhere()
	case r.AnyPeer:
		l.Add(wider, "ingress from outside and from nodes", "no ClusterNetworkPolicy decides it: what no policy of the "+
			"namespace isolates lets it in")
		return []policy.Peer{{Kind: policy.PeerPods}}
	case r.Direction == model.Ingress:
		from = "from"
	}
	var out []policy.Peer
	for _, q := range list {
		if says(&q, r) {
			out = append(out, q)
			continue
		}
		l.Add(wider, "the peer "+q.String(), "nothing of the rule for connections "+from+" it is in force")
	}
	return out
}

// says reports whether a peer can be written in a rule.
func says(q *policy.Peer, r *policy.Rule) bool {
	switch q.Kind {
	case policy.PeerPods:
		return q.Pods.Plain() && q.Namespaces.Plain()
	case policy.PeerCIDR:
		return r.Direction == model.Egress && len(q.Except) == 0
	case policy.PeerNodes:
		return r.Direction == model.Egress && q.Pods.Plain()
	case policy.PeerFQDN:
		_, fine := domainName(strings.TrimPrefix(q.Name, "*"))
		return fine && !strings.HasPrefix(strings.TrimPrefix(q.Name, "**."), "*") && r.Direction == model.Egress &&
			r.Action == policy.Allow
	default:
	}
	return false
}

func (l *losses) ports(r *policy.Rule) []policy.Port {
	wider := r.Action == policy.Deny
	var out []policy.Port
	for _, p := range r.Ports {
		switch {
		case p.Name != "" && p.Proto != 0:
			l.Add(wider, "the protocol of the port "+p.String(), "nothing of the rule for that port is in force")
		case p.Name != "":
			out = append(out, p)
		case p.Proto == 0:
			for _, proto := range []model.Proto{model.TCP, model.UDP, model.SCTP} {
				p.Proto = proto
				out = append(out, l.numbered(p, wider)...)
			}
		default:
			out = append(out, l.numbered(p, wider)...)
		}
	}
	return out
}

func (l *losses) numbered(p policy.Port, wider bool) []policy.Port {
	switch {
	case !p.Proto.HasPorts():
		l.Add(wider, "protocol "+p.Proto.String(), "only a rule for every port decides it")
		return nil
	case p.Whole():
	case p.First == 0 && p.Last == 0:
		l.Add(wider, "port "+p.String(), "nothing of the rule for that port is in force")
		return nil
	case p.First <= 1 && p.Last == policy.LastPort:
		p.First = 0
	case p.First == 0:
		p.First = 1
	}
	return []policy.Port{p}
}
