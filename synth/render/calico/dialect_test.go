package calico

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render/rendertest"
)

func app(v string) policy.Selector { return policy.MatchLabels(map[string]string{"app": v}) }

func cidr(s string, except ...string) policy.Peer {
	p := policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix(s)}
	for _, x := range except {
		p.Except = append(p.Except, netip.MustParsePrefix(x))
	}
	return p
}

func number(f float64) *float64 { return &f }

// example is what the files in testdata/render say.
func example() policy.PolicySet {
	frontend := policy.Peer{Kind: policy.PeerPods, Namespaces: policy.Namespace("edge", "shop"),
		Pods: append(app("frontend"), policy.Requirement{Key: "canary", Op: policy.DoesNotExist})}
	dns := policy.PodsIn("kube-system", policy.MatchLabels(map[string]string{"k8s-app": "kube-dns"}))
	cart := policy.Policy{Name: "cart", Namespace: "shop", Subject: app("cart"), Ingress: true, Egress: true, Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{frontend}, Ports: []policy.Port{policy.OnePort(model.TCP, 9090), {Proto: model.TCP, Name: "http"}}},
		{Direction: model.Ingress, AnyPeer: true, Ports: []policy.Port{policy.OnePort(model.ICMP, 8)}},
		{Direction: model.Egress, Peers: []policy.Peer{dns}, Ports: []policy.Port{policy.OnePort(model.UDP, 53), policy.OnePort(model.TCP, 53)}},
		{Direction: model.Egress, Peers: []policy.Peer{cidr("203.0.113.0/24"), cidr("198.51.100.7/32"), cidr("2001:db8::1/128")}, Ports: []policy.Port{policy.OnePort(model.TCP, 443)}},
		{Direction: model.Egress, Peers: []policy.Peer{{Kind: policy.PeerNetwork, Name: "office"}}, Ports: []policy.Port{{Proto: model.TCP, First: 8000, Last: 8010}}},
		{Direction: model.Egress, Peers: []policy.Peer{cidr("10.0.0.0/8", "10.1.0.0/16")}, AnyPort: true},
	}}
	scanner := policy.Peer{Kind: policy.PeerPods, Pods: policy.MatchLabels(map[string]string{"role": "scanner"}),
		Namespaces: policy.Selector{{Key: policy.NamespaceName, Op: policy.NotIn, Values: []string{"lab"}}}}
	quarantine := policy.Policy{Name: "security.quarantine", Tier: "security", Order: number(10), Ingress: true,
		Subject: policy.MatchLabels(map[string]string{"quarantined": "true"}), Rules: []policy.Rule{
			{Direction: model.Ingress, Action: policy.Pass, Peers: []policy.Peer{scanner}, AnyPort: true},
			{Direction: model.Ingress, Action: policy.Deny, AnyPeer: true, Ports: []policy.Port{policy.AllPorts(model.TCP)}},
		}}
	deny := policy.DefaultDeny("shop", true, true)
	deny.Staged = true
	return policy.PolicySet{
		Tiers:    []policy.Tier{{Name: "security", Order: number(100), Pass: true}},
		Networks: []policy.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
	}.Add(cart, quarantine, deny, Dialect{}.GlobalDeny([]string{"kube-system", "calico-system"}, true, true))
}

// TestRender compares with the files, which are written by hand.
func TestRender(t *testing.T) {
	rendertest.Written(t, Dialect{}, example(), map[string]string{"shop/cart.yaml": "render/cart", "shop/default-deny.yaml": "render/staged-default-deny",
		"_cluster/default-deny.yaml": "render/global-default-deny", "_cluster/network-office.yaml": "render/network-office",
		"_cluster/tier-security.yaml": "render/tier-security", "_cluster/security.quarantine.yaml": "render/security.quarantine"})
}

func TestRoundTrip(t *testing.T) {
	rendertest.RoundTrip(t, Dialect{}, example())
	for seed := range uint64(3000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { rendertest.RoundTrip(t, Dialect{}, randomSet(rand.New(rand.NewPCG(seed, 7)))) })
	}
}

// randomSet makes a set with everything that the dialect can say and much that it cannot.
func randomSet(r *rand.Rand) policy.PolicySet {
	set := policy.PolicySet{Tiers: []policy.Tier{{Name: "sec", Order: number(float64(r.IntN(9))), Pass: r.IntN(2) == 0}},
		Networks: []policy.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Labels: model.Labels{"kind=a"}}}}
	for i := range 1 + r.IntN(3) {
		p := policy.Policy{Name: fmt.Sprintf("p%d", i), Namespace: []string{"", "a", "b"}[r.IntN(3)], Subject: randomSelector(r), Ingress: r.IntN(3) > 0, Staged: r.IntN(5) == 0}
		p.Egress = !p.Ingress || r.IntN(2) == 0
		if r.IntN(3) == 0 {
			p.Tier, p.Name = "sec", "sec."+p.Name
		}
		if r.IntN(3) == 0 {
			p.Order = number(r.Float64() * 10)
		}
		if p.Namespace == "" {
			p.SubjectNamespaces = randomSelector(r)
		}
		for range r.IntN(5) {
			p.Rules = append(p.Rules, randomRule(r))
		}
		set = set.Add(p)
	}
	return set
}

func randomRule(r *rand.Rand) policy.Rule {
	out := policy.Rule{Direction: model.Ingress, AnyPeer: r.IntN(6) == 0, AnyPort: r.IntN(5) == 0}
	if r.IntN(2) == 0 {
		out.Direction = model.Egress
	}
	if r.IntN(4) == 0 {
		out.Action = policy.Action(r.IntN(3))
	}
	for range 1 + r.IntN(3) {
		out.Peers = append(out.Peers, randomPeer(r))
		out.Ports = append(out.Ports, randomPort(r))
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(2) {
			out.Self = append(out.Self, randomPeer(r))
		}
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(2) {
			out.NotPorts = append(out.NotPorts, randomPort(r))
		}
	}
	return out.Canonical()
}

func randomPeer(r *rand.Rand) policy.Peer {
	pods, network := policy.PodsIn("a", randomSelector(r)), cidr("10.1.0.0/16", "10.1.2.0/24")
	left := randomSelector(r)
	none := []policy.Peer{{Kind: policy.PeerPods, Pods: left}, {Kind: policy.PeerNetwork, Pods: left}}
	return []policy.Peer{{Kind: policy.PeerPods, Namespaces: randomSelector(r), Pods: randomSelector(r)},
		pods, cidr("10.0.0.0/8"), network, cidr("2001:db8::/32"),
		{Kind: policy.PeerNetwork, Name: "office"}, {Kind: policy.PeerNetwork, Pods: randomSelector(r)},
		{Kind: policy.PeerService, Namespace: "a", Name: "web"}, {Kind: policy.PeerFQDN, Name: "example.org"}, {Kind: policy.PeerEntities, Entities: model.Host},
		{Kind: policy.PeerAll, All: []policy.Peer{pods, network}}, {Kind: policy.PeerAll, All: []policy.Peer{pods}, None: none},
		{Kind: policy.PeerAll, All: []policy.Peer{network}, None: none}, {Kind: policy.PeerAll, None: none},
	}[r.IntN(14)]
}

func randomPort(r *rand.Rand) policy.Port {
	return []policy.Port{policy.OnePort(model.TCP, uint16(r.IntN(4))), policy.AllPorts(model.UDP), {Proto: model.TCP, Name: "http"},
		{Proto: model.SCTP, First: 5, Last: 9}, policy.OnePort(model.ICMP, uint16(r.IntN(3))), {Proto: model.ICMP, First: 3, Last: 3, Code: 2}, policy.AllPorts(model.ICMPv6),
		{First: 53, Last: 53}, policy.AllPorts(47)}[r.IntN(9)]
}

func randomSelector(r *rand.Rand) policy.Selector {
	var list []policy.Selector
	for range r.IntN(3) {
		s := policy.Selector{{Key: []string{"app", "tier", "k8s.io/x"}[r.IntN(3)], Op: policy.Op(r.IntN(10))}}
		if s[0].Op != policy.Exists && s[0].Op != policy.DoesNotExist {
			s[0].Values = []string{[]string{"a", "b", ""}[r.IntN(3)]}
		}
		if s[0].Op <= policy.NotIn && r.IntN(3) == 0 {
			s[0].Values = append(s[0].Values, "it's")
		}
		list = append(list, s)
	}
	if len(list) > 0 && r.IntN(4) == 0 {
		return either(list)
	}
	return both(list)
}

// TestProject wants for each rule what stays and what is lost.
func TestProject(t *testing.T) {
	tcp80 := []policy.Port{policy.OnePort(model.TCP, 80)}
	for _, c := range []struct {
		rule  policy.Rule
		rules []string
		lost  []string
	}{
		{policy.Rule{Peers: []policy.Peer{{Kind: policy.PeerEntities, Entities: model.Host}, policy.PodsIn("a", app("x"))}, Ports: tcp80},
			[]string{"allow ingress 80/tcp from a/app=x"}, []string{"less: the peer entity host: its ingress connections are not allow"}},
		{policy.Rule{Peers: []policy.Peer{{Kind: policy.PeerFQDN, Name: "example.org"}}, Ports: tcp80}, nil,
			[]string{"less: the peer name example.org: its ingress connections are not allow"}},
		{policy.Rule{AnyPeer: true, Ports: []policy.Port{{First: 53, Last: 53}}}, []string{"allow ingress 53/tcp,53/udp,53/sctp from anywhere"}, nil},
		{policy.Rule{AnyPeer: true, Ports: []policy.Port{{Proto: model.ICMP, First: 253, Last: 300}}}, []string{"allow ingress 253/icmp,254/icmp from anywhere"},
			[]string{"less: messages above type 254 of icmp: they are left out"}},
		{policy.Rule{AnyPeer: true, Ports: []policy.Port{{Proto: 47}}}, []string{"allow ingress 47 from anywhere"}, nil},
		{policy.Rule{AnyPeer: true, Ports: []policy.Port{{Proto: model.TCP}}}, nil, []string{"less: port 0/tcp: it is left out"}},
		{policy.Rule{AnyPeer: true, AnyPort: true, Action: policy.Deny}, nil, []string{"more: the rule's action deny: what other rules allow of it stays allowed"}},
		{policy.Rule{AnyPeer: true, AnyPort: true, Direction: model.Egress}, nil,
			[]string{"less: a rule for egress that does not isolate: where another policy isolates the pods, allow egress any port to anywhere is denied"}},
		{policy.Rule{AnyPeer: true, AnyPort: true, NotPorts: []policy.Port{policy.AllPorts(model.UDP)}}, []string{"allow ingress any port but not udp from anywhere"}, nil},
		{policy.Rule{AnyPeer: true, Ports: []policy.Port{policy.AllPorts(model.TCP), policy.AllPorts(model.UDP)}, NotPorts: tcp80},
			[]string{"allow ingress tcp but not 80/tcp from anywhere", "allow ingress udp from anywhere"}, nil},
		{policy.Rule{AnyPeer: true, Ports: tcp80, Self: []policy.Peer{policy.PodsIn("shop", app("x")), policy.PodsIn("shop", app("y"))}},
			[]string{"allow ingress 80/tcp from anywhere, where the pod is shop/app=x", "allow ingress 80/tcp from anywhere, where the pod is shop/app=y"}, nil},
		{policy.Rule{Peers: []policy.Peer{cidr("10.0.0.0/8")}, Ports: tcp80, Self: []policy.Peer{cidr("2001:db8::/32")}}, nil, nil},
		{policy.Rule{AnyPeer: true, AnyPort: true, NotPorts: tcp80}, nil,
			[]string{"less: ports that the rule is not for: allow ingress any port but not 80/tcp from anywhere is left out"}},
		{policy.Rule{Peers: []policy.Peer{policy.PodsIn("a", policy.MatchLabels(map[string]string{"a b": "c"}))}, Ports: tcp80}, nil,
			[]string{"less: the peer a/a b=c: its ingress connections are not allow"}},
	} {
		if c.rule.Direction == 0 {
			c.rule.Direction = model.Ingress
		}
		rendertest.Projected(t, Dialect{}, policy.Policy{Name: "p", Namespace: "shop", Ingress: true, Rules: []policy.Rule{c.rule}}, c.rules, c.lost)
	}
}

// TestNames wants the names that Calico takes for those that Kubernetes takes.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"web": "web", "web.v1": "web-v1-", "security.web": "security-web-"} {
		out, _ := Project(policy.PolicySet{}.Add(policy.Policy{Name: name, Namespace: "a", Ingress: true}))
		if got := out.Policies[0].Name; !strings.HasPrefix(got, want) || !validName(got) || strings.Contains(got, ".") {
			t.Errorf("%s: %s", name, got)
		}
	}
	rendertest.Refused(t, Dialect{}, policy.Policy{Name: "X", Namespace: "a"})
}
