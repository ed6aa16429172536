package eval_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"sluice/model"
	"sluice/synth/eval/ciliumtest"
	"sluice/synth/policy"
)

// construct is something that policies can say. Change takes it out of one part of a policy; it is false where there is
// none. A verdict that is another without it depended on it.
type construct struct {
	name   string
	policy func(p *policy.Policy) bool
	rule   func(r *policy.Rule) bool
	peer   func(p *policy.Peer) bool
	port   func(p *policy.Port) bool
}

// nobody is a peer that matches nothing.
var nobody = policy.Peer{Kind: policy.PeerEntities}

func withoutPeer(is func(p *policy.Peer) bool) func(p *policy.Peer) bool {
	return func(p *policy.Peer) bool {
		if !is(p) {
			return false
		}
		*p = nobody
		return true
	}
}

// withoutOp takes the first requirement with an operator out of a selector.
func withoutOp(op policy.Op, many bool) func(s *policy.Selector) bool {
	return func(s *policy.Selector) bool {
		i := slices.IndexFunc(*s, func(q policy.Requirement) bool { return q.Op == op && (len(q.Values) > 1) == many })
		if i < 0 {
			return false
		}
		*s = slices.Delete(slices.Clone(*s), i, i+1)
		return true
	}
}

func constructs() []construct {
	list := []construct{
		{name: "isolates ingress", policy: func(p *policy.Policy) bool { was := p.Ingress; p.Ingress = false; return was }},
		{name: "isolates egress", policy: func(p *policy.Policy) bool { was := p.Egress; p.Egress = false; return was }},
		{name: "enableDefaultDeny false", policy: func(p *policy.Policy) bool {
			was := !p.Ingress && slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return r.Direction == model.Ingress })
			p.Ingress = true
			return was
		}},
		{name: "of the whole cluster", policy: func(p *policy.Policy) bool { was := p.Namespace == ""; p.Subject = impossible; return was }},
		{name: "namespaces of the subject", policy: func(p *policy.Policy) bool {
			was := len(p.SubjectNamespaces) > 0
			p.SubjectNamespaces = nil
			return was
		}},
		{name: "NetworkPolicy", policy: func(p *policy.Policy) bool {
			p.Subject = impossible
			return p.Kind == "networking.k8s.io/v1 NetworkPolicy"
		}},
		{name: "any peer", rule: func(r *policy.Rule) bool { was := r.AnyPeer; r.AnyPeer = false; return was }},
		{name: "any port", rule: func(r *policy.Rule) bool { was := r.AnyPort; r.AnyPort = false; return was }},
		{name: "allow ingress", rule: dropRule(model.Ingress, policy.Allow)}, {name: "allow egress", rule: dropRule(model.Egress, policy.Allow)},
		{name: "deny ingress", rule: dropRule(model.Ingress, policy.Deny)}, {name: "deny egress", rule: dropRule(model.Egress, policy.Deny)},
		{name: "except", peer: func(p *policy.Peer) bool { was := len(p.Except) > 0; p.Except = nil; return was }},
		{name: "addresses of IPv4", peer: withoutPeer(func(p *policy.Peer) bool { return p.CIDR.IsValid() && p.CIDR.Addr().Is4() })},
		{name: "addresses of IPv6", peer: withoutPeer(func(p *policy.Peer) bool { return p.CIDR.IsValid() && p.CIDR.Addr().Is6() })},
		{name: "CIDR group", peer: withoutPeer(func(p *policy.Peer) bool { return p.Kind == policy.PeerNetwork })},
		{name: "name", peer: withoutPeer(func(p *policy.Peer) bool { return p.Kind == policy.PeerFQDN && p.Name == "example.org" })},
		{name: "pattern of names", peer: withoutPeer(func(p *policy.Peer) bool { return p.Kind == policy.PeerFQDN && p.Name[0] == '*' })},
		{name: "pods of all namespaces", peer: withoutPeer(func(p *policy.Peer) bool { return p.Kind == policy.PeerPods && len(p.Namespaces) == 0 })},
		{name: "service account", peer: withoutPeer(func(p *policy.Peer) bool {
			return slices.ContainsFunc(p.Pods, func(q policy.Requirement) bool { return q.Key == "io.cilium.k8s.policy.serviceaccount" })
		})},
		{name: "pods of a namespace by its labels", peer: withoutPeer(func(p *policy.Peer) bool {
			return slices.ContainsFunc(p.Namespaces, func(q policy.Requirement) bool { return q.Key == "team" })
		})},
		{name: "named port", port: func(p *policy.Port) bool { was := p.Name != ""; p.Name = "x"; return was }},
		{name: "port range", port: func(p *policy.Port) bool { was := !p.Whole() && p.First < p.Last; p.Last = p.First; return was }},
		{name: "whole protocol", port: func(p *policy.Port) bool { was := p.Whole(); p.First, p.Last = 1, 1; return was }},
		{name: "any protocol", port: func(p *policy.Port) bool { was := p.Proto == 0; p.Proto = 99; return was }},
	}
	for _, proto := range []model.Proto{model.TCP, model.UDP, model.SCTP, model.ICMP, model.ICMPv6, 112} {
		list = append(list, construct{name: "protocol " + proto.String(), port: func(p *policy.Port) bool { was := p.Proto == proto; p.Proto = 99; return was }})
	}
	for e := model.Host; e <= model.Init; e <<= 1 {
		list = append(list, construct{name: "entity " + e.String(), peer: withoutPeer(func(p *policy.Peer) bool { return p.Entities == e })})
	}
	for op := policy.In; op <= policy.DoesNotExist; op++ {
		for _, many := range []bool{false, true} {
			if many && op > policy.NotIn {
				continue
			}
			name, without := op.String(), withoutOp(op, many)
			if many {
				name += " with several values"
			}
			list = append(list,
				construct{name: "subject " + name, policy: func(p *policy.Policy) bool { return without(&p.Subject) }},
				construct{name: "peer " + name, peer: func(p *policy.Peer) bool { return without(&p.Pods) }},
				construct{name: "peer's namespace " + name, peer: func(p *policy.Peer) bool { return without(&p.Namespaces) }})
		}
	}
	return list
}

// impossible selects nothing.
var impossible = policy.Selector{{Key: "none", Op: policy.Exists}}

func dropRule(d model.Direction, a policy.Action) func(r *policy.Rule) bool {
	return func(r *policy.Rule) bool {
		was := r.Direction == d && r.Action == a
		r.AnyPeer, r.Peers = false, nil
		return was
	}
}

// variants calls f with copies of a set that each lack the construct in one place.
func (c *construct) variants(set policy.PolicySet, f func(policy.PolicySet) (more bool)) {
	for i := range set.Policies {
		with := func(change func(p *policy.Policy) bool) bool {
			out := set
			out.Policies = slices.Clone(set.Policies)
			p := &out.Policies[i]
			p.Rules = slices.Clone(p.Rules)
			return !change(p) || f(out)
		}
		if c.policy != nil && !with(c.policy) {
			return
		}
		for j := range set.Policies[i].Rules {
			if c.rule != nil && !with(func(p *policy.Policy) bool { return c.rule(&p.Rules[j]) }) {
				return
			}
			for k := range set.Policies[i].Rules[j].Peers {
				if c.peer != nil && !with(func(p *policy.Policy) bool {
					p.Rules[j].Peers = slices.Clone(p.Rules[j].Peers)
					return c.peer(&p.Rules[j].Peers[k])
				}) {
					return
				}
			}
			for k := range set.Policies[i].Rules[j].Ports {
				if c.port != nil && !with(func(p *policy.Policy) bool {
					p.Rules[j].Ports = slices.Clone(p.Rules[j].Ports)
					return c.port(&p.Rules[j].Ports[k])
				}) {
					return
				}
			}
		}
	}
}

// coverage counts the worlds in which a verdict depended on each construct, up to a few.
type coverage struct {
	list    []construct
	decided map[string]int
}

// enough is how many worlds show that a construct is reached.
const enough = 5

func newCoverage() *coverage {
	c := &coverage{list: constructs(), decided: map[string]int{}}
	for _, x := range c.list {
		c.decided[x.name] = 0
	}
	return c
}

// note looks for verdicts that depend on constructs not shown often enough so far.
func (c *coverage) note(w *ciliumtest.World, set policy.PolicySet, verdictsOf [][2]string) {
	for i := range c.list {
		x := &c.list[i]
		if c.decided[x.name] >= enough {
			continue
		}
		x.variants(set, func(v policy.PolicySet) bool {
			if reflect.DeepEqual(verdicts(w, v), verdictsOf) {
				return true
			}
			c.decided[x.name]++
			return false
		})
	}
}

// report fails the test for every construct that no verdict depended on.
func (c *coverage) report(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(c.decided)) {
		if n := c.decided[name]; n == 0 {
			t.Errorf("no verdict depended on %s", name)
		} else if n < enough {
			t.Logf("%s: verdicts of %d worlds only depended on it", name, n)
		}
	}
	t.Logf("%d constructs", len(c.decided))
}
