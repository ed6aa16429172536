package verify_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// mutation changes a set in one place and says what it did, "" where there is nothing to do it to.
type mutation struct {
	name   string
	change func(r *rand.Rand, set *policy.PolicySet) string
}

// The mutations. Each is a slip that a person or a program can make in the files.
var mutations = []mutation{
	{"rule dropped", onRule(func(_ *rand.Rand, p *policy.Policy, i int) bool {
		p.Rules = slices.Delete(p.Rules, i, i+1)
		return true
	})},
	{"port changed", onPort(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		n := rule.Ports[i].First + uint16(1+r.IntN(3))
		rule.Ports[i].First, rule.Ports[i].Last = n, max(n, rule.Ports[i].Last)
		return true
	})},
	{"port range widened", onPort(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		rule.Ports[i].Last += uint16(1 + r.IntN(9))
		return true
	})},
	{"ports lost", onPort(func(_ *rand.Rand, rule *policy.Rule, _ int) bool {
		rule.Ports, rule.AnyPort = nil, true
		return true
	})},
	{"port dropped", onPort(func(_ *rand.Rand, rule *policy.Rule, i int) bool {
		rule.Ports = slices.Delete(rule.Ports, i, i+1)
		rule.AnyPort = len(rule.Ports) == 0
		return true
	})},
	{"protocol lost", onPort(func(_ *rand.Rand, rule *policy.Rule, i int) bool {
		rule.Ports[i].Proto = map[model.Proto]model.Proto{model.TCP: model.UDP, model.UDP: model.TCP}[rule.Ports[i].Proto]
		return true
	})},
	{"direction swapped", onRule(func(_ *rand.Rand, p *policy.Policy, i int) bool {
		rule := &p.Rules[i]
		rule.Direction = model.Ingress + model.Egress - rule.Direction
		p.Ingress, p.Egress = p.Ingress || rule.Direction == model.Ingress, p.Egress || rule.Direction == model.Egress
		return true
	})},
	{"subject widened", onPolicy(func(r *rand.Rand, p *policy.Policy) bool {
		return dropRequirement(r, &p.Subject)
	})},
	{"subject changed", onPolicy(func(r *rand.Rand, p *policy.Policy) bool {
		return changeValue(r, p.Subject)
	})},
	{"peer lost", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		rule.Peers = slices.Delete(rule.Peers, i, i+1)
		rule.AnyPeer = len(rule.Peers) == 0
		return true
	})},
	{"peers lost", onPeer(func(_ *rand.Rand, rule *policy.Rule, _ int) bool {
		rule.Peers, rule.AnyPeer = nil, true
		return true
	})},
	{"peer widened", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		return dropRequirement(r, &rule.Peers[i].Pods)
	})},
	{"peer changed", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		return changeValue(r, rule.Peers[i].Pods)
	})},
	{"peer's namespace lost", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		return dropRequirement(r, &rule.Peers[i].Namespaces)
	})},
	{"peer's namespace changed", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		return changeValue(r, rule.Peers[i].Namespaces)
	})},
	{"network widened", onPeer(func(r *rand.Rand, rule *policy.Rule, i int) bool {
		c := &rule.Peers[i].CIDR
		if rule.Peers[i].Kind != policy.PeerCIDR {
			return false
		}
		*c = netip.PrefixFrom(c.Addr(), []int{0, 8, 24, 31}[r.IntN(4)]).Masked()
		return true
	})},
	{"policy dropped", func(r *rand.Rand, set *policy.PolicySet) string {
		i := r.IntN(len(set.Policies))
		what := set.Policies[i].Namespace + "/" + set.Policies[i].Name
		set.Policies = slices.Delete(set.Policies, i, i+1)
		return what
	}},
	{"namespace changed", onPolicy(func(_ *rand.Rand, p *policy.Policy) bool {
		p.Namespace = map[string]string{"n0": "n1"}[p.Namespace]
		if p.Namespace == "" {
			p.Namespace = "n0"
		}
		return true
	})},
	{"deny lost", func(r *rand.Rand, set *policy.PolicySet) string {
		i := pick(r, len(set.Policies), func(i int) bool {
			return len(set.Policies[i].Subject) == 0 && set.Policies[i].Ingress != set.Policies[i].Egress || isDeny(&set.Policies[i])
		})
		if i < 0 {
			return ""
		}
		p := &set.Policies[i]
		if p.Ingress && (!p.Egress || r.IntN(2) == 0) {
			p.Ingress = false
		} else {
			p.Egress = false
		}
		return p.Namespace + "/" + p.Name
	}},
}

// isDeny reports whether p denies by default: it selects all and has no rule.
func isDeny(p *policy.Policy) bool {
	return len(p.Subject) == 0 && !slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return len(r.Peers) > 0 || r.AnyPeer })
}

// sides are both directions of a namespace.
func sides(ns string) []verify.Side {
	return []verify.Side{{Namespace: ns, Direction: model.Ingress}, {Namespace: ns, Direction: model.Egress}}
}

func onPolicy(f func(*rand.Rand, *policy.Policy) bool) func(*rand.Rand, *policy.PolicySet) string {
	return func(r *rand.Rand, set *policy.PolicySet) string {
		p := &set.Policies[r.IntN(len(set.Policies))]
		what := fmt.Sprintf("%s/%s", p.Namespace, p.Name)
		if !f(r, p) {
			return ""
		}
		return what
	}
}

func onRule(f func(*rand.Rand, *policy.Policy, int) bool) func(*rand.Rand, *policy.PolicySet) string {
	return func(r *rand.Rand, set *policy.PolicySet) string {
		i := pick(r, len(set.Policies), func(i int) bool { return len(set.Policies[i].Rules) > 0 })
		if i < 0 {
			return ""
		}
		p := &set.Policies[i]
		j := r.IntN(len(p.Rules))
		what := fmt.Sprintf("%s/%s: %s", p.Namespace, p.Name, p.Rules[j])
		if !f(r, p, j) {
			return ""
		}
		return what
	}
}

func onPort(f func(*rand.Rand, *policy.Rule, int) bool) func(*rand.Rand, *policy.PolicySet) string {
	return onRule(func(r *rand.Rand, p *policy.Policy, i int) bool {
		rule := &p.Rules[i]
		return len(rule.Ports) > 0 && f(r, rule, r.IntN(len(rule.Ports)))
	})
}

func onPeer(f func(*rand.Rand, *policy.Rule, int) bool) func(*rand.Rand, *policy.PolicySet) string {
	return onRule(func(r *rand.Rand, p *policy.Policy, i int) bool {
		rule := &p.Rules[i]
		return len(rule.Peers) > 0 && f(r, rule, r.IntN(len(rule.Peers)))
	})
}

func dropRequirement(r *rand.Rand, s *policy.Selector) bool {
	if len(*s) == 0 {
		return false
	}
	i := r.IntN(len(*s))
	*s = slices.Delete(*s, i, i+1)
	return true
}

// changeValue puts a value that another workload or namespace has in the place of one.
func changeValue(r *rand.Rand, s policy.Selector) bool {
	if len(s) == 0 || len(s[0].Values) == 0 {
		return false
	}
	req := &s[r.IntN(len(s))]
	if len(req.Values) == 0 {
		return false
	}
	other := fmt.Sprintf("a%d", r.IntN(4))
	if req.Key == policy.NamespaceName {
		other = fmt.Sprintf("n%d", r.IntN(2))
	}
	req.Values[r.IntN(len(req.Values))] = other
	return true
}

// pick returns one of n for which ok holds, -1 if there is none.
func pick(r *rand.Rand, n int, ok func(int) bool) int {
	for _, i := range r.Perm(n) {
		if ok(i) {
			return i
		}
	}
	return -1
}

// clone copies what the mutations write to.
func clone(set policy.PolicySet) policy.PolicySet {
	sel := func(s policy.Selector) policy.Selector {
		s = slices.Clone(s)
		for i := range s {
			s[i].Values = slices.Clone(s[i].Values)
		}
		return s
	}
	set.Policies = slices.Clone(set.Policies)
	for i := range set.Policies {
		p := &set.Policies[i]
		p.Subject, p.Rules = sel(p.Subject), slices.Clone(p.Rules)
		for j := range p.Rules {
			rule := &p.Rules[j]
			rule.Ports, rule.Peers = slices.Clone(rule.Ports), slices.Clone(rule.Peers)
			for k := range rule.Peers {
				rule.Peers[k].Pods, rule.Peers[k].Namespaces = sel(rule.Peers[k].Pods), sel(rule.Peers[k].Namespaces)
			}
		}
	}
	return set
}

// reread writes a set as YAML and reads it back.
func reread(t *testing.T, d render.Dialect, set policy.PolicySet) policy.PolicySet {
	t.Helper()
	files, losses, err := d.Render(set)
	if err != nil || len(losses) > 0 {
		t.Fatal(err, losses)
	}
	var out policy.PolicySet
	for _, f := range files {
		one, problems := render.Parse(bytes.NewReader(f.YAML), f.Path(), d.Kinds())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		out.Join(one)
	}
	return out.Canonical()
}
