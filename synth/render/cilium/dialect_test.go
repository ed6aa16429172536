package cilium

import (
	"net/netip"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/rendertest"
)

var (
	web  = policy.MatchLabels(map[string]string{"app": "web"})
	cart = policy.MatchLabels(map[string]string{"app": "cart", "tier": "back"})
	dns  = policy.PodsIn("kube-system", policy.MatchLabels(map[string]string{"k8s-app": "kube-dns"}))
)

func cidr(s string, except ...string) policy.Peer {
	p := policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix(s)}
	for _, x := range except {
		p.Except = append(p.Except, netip.MustParsePrefix(x))
	}
	return p
}

func named(k policy.PeerKind, name string) policy.Peer { return policy.Peer{Kind: k, Name: name} }

func entity(e model.Entities) policy.Peer { return policy.Peer{Kind: policy.PeerEntities, Entities: e} }

func from(ports []policy.Port, peers ...policy.Peer) policy.Rule {
	return policy.Rule{Direction: model.Ingress, Peers: peers, Ports: ports, AnyPort: ports == nil, AnyPeer: peers == nil}
}

func to(ports []policy.Port, peers ...policy.Peer) policy.Rule {
	r := from(ports, peers...)
	r.Direction = model.Egress
	return r
}

func tcp(n uint16) []policy.Port { return []policy.Port{policy.OnePort(model.TCP, n)} }

// everything has each construct that the dialect writes.
func everything() policy.PolicySet {
	deny := from(nil, policy.Peer{Pods: policy.MatchLabels(map[string]string{"quarantine": ""})})
	deny.Action = policy.Deny
	return policy.PolicySet{Networks: []policy.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("2001:db8:10::/48"),
		netip.MustParsePrefix("10.10.0.0/16")}}}}.Add(policy.Policy{Name: "web", Namespace: "shop", Ingress: true, Egress: true,
		Subject: append(policy.Selector{{Key: "canary", Op: policy.DoesNotExist}}, web...),
		Rules: []policy.Rule{deny,
			from([]policy.Port{policy.OnePort(model.ICMP, 8), policy.OnePort(model.ICMPv6, 128)}),
			from([]policy.Port{{Proto: model.TCP, Name: "https"}, policy.OnePort(0, 80)}, policy.Peer{Namespaces: policy.Namespace("edge", "blue")}),
			from(nil, entity(model.RemoteNode|model.IngressEntity)),
			to([]policy.Port{{Proto: model.TCP, First: 8000, Last: 8010}}, policy.PodsIn("shop", cart)),
			to([]policy.Port{policy.OnePort(model.TCP, 9153), policy.OnePort(model.UDP, 53), policy.OnePort(model.TCP, 53)}, dns),
			to([]policy.Port{policy.AllPorts(model.UDP)}, cidr("203.0.113.0/24", "203.0.113.7/32"), named(policy.PeerNetwork, "office")),
			to(tcp(443), cidr("2001:db8::7/128"), cidr("198.51.100.7/32"), named(policy.PeerFQDN, "*.example.org"), named(policy.PeerFQDN, "API.example.net.")),
			to(tcp(6443), entity(model.KubeAPIServer)),
		}})
}

// TestRender compares with files written by hand.
func TestRender(t *testing.T) {
	allow := policy.Policy{Name: "cart", Namespace: "shop", Subject: policy.MatchLabels(map[string]string{"app": "cart"}), Ingress: true,
		Rules: []policy.Rule{from(tcp(6379), policy.PodsIn("shop", web))}}
	additive := allow
	additive.Ingress = false
	global := Dialect{}.GlobalDeny([]string{"kube-system", "cilium-secrets"}, true, true)
	global.Rules = []policy.Rule{to([]policy.Port{policy.OnePort(model.UDP, 53), policy.OnePort(model.TCP, 53)}, dns)}
	for _, c := range []struct {
		set  policy.PolicySet
		want map[string]string
	}{
		{everything(), map[string]string{"_cluster/network-office.yaml": "office", "shop/web.yaml": "web"}},
		{policy.PolicySet{}.Add(additive), map[string]string{"shop/cart.yaml": "staged"}},
		{policy.PolicySet{}.Add(policy.DefaultDeny("shop", true, true), policy.Open("shop", false, true)),
			map[string]string{"shop/default-deny.yaml": "default-deny", "shop/sluice-open.yaml": "sluice-open"}},
		{policy.PolicySet{}.Add(global), map[string]string{"_cluster/default-deny.yaml": "global"}},
	} {
		rendertest.Written(t, Dialect{}, c.set, c.want)
	}
}

// TestProject wants for each rule what stays and what is lost.
func TestProject(t *testing.T) {
	order := 7.0
	deny := to(nil, named(policy.PeerFQDN, "example.org"))
	deny.Action = policy.Deny
	self := from(nil)
	self.Self = []policy.Peer{cidr("10.0.0.0/8")}
	for _, c := range []struct {
		p     policy.Policy
		rules []string
		lost  []string
	}{
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from([]policy.Port{policy.OnePort(model.TCP, 80), policy.OnePort(model.ICMP, 8)}, entity(model.Host|model.World), cidr("10.0.0.0/8"))}},
			[]string{"allow ingress 8/icmp from 10.0.0.0/8", "allow ingress 80/tcp from 10.0.0.0/8", "allow ingress 8/icmp from entity host; entity world", "allow ingress 80/tcp from entity host; entity world"}, nil},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from(nil, named(policy.PeerFQDN, "example.org"))}}, nil,
			[]string{"less: the peer name example.org other than to allow connections to it: its ingress connections are denied"}},
		{policy.Policy{Egress: true, Rules: []policy.Rule{deny}}, nil,
			[]string{"more: the peer name example.org other than to allow connections to it: its egress connections are not denied"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from([]policy.Port{policy.AllPorts(model.ICMP)})}}, nil,
			[]string{"less: protocol icmp as a whole: its ingress connections are denied: only types can be named, or a rule for every port"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from([]policy.Port{policy.AllPorts(47)})}}, nil,
			[]string{"less: protocol 47: its ingress connections are denied: only a rule for every port would match it"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from([]policy.Port{{Proto: model.TCP, Last: 9}}, entity(model.UnknownEntity), entity(model.Host))}},
			[]string{"allow ingress 1-9/tcp from entity host"}, []string{"less: the peer entity unknown: its ingress connections are denied"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from(nil, policy.Peer{Namespaces: policy.Selector{{Key: policy.NamespaceName, Op: policy.Exists}}, Pods: web})}},
			[]string{"allow ingress any port from (all)/app=web"}, nil},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from(nil, policy.Peer{Pods: policy.MatchLabels(map[string]string{clusterLabel: "west"})})}},
			[]string{"allow ingress any port from (all)/io.cilium.k8s.policy.cluster=west"}, nil},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{from(nil, cidr("10.0.0.0/8", "0.0.0.0/0")), from(nil, cidr("10.0.0.0/8", "11.0.0.0/8"))}},
			[]string{"allow ingress any port from 10.0.0.0/8"}, nil},
		{policy.Policy{Ingress: true, Order: &order, Rules: []policy.Rule{self, {Direction: model.Ingress, Action: policy.Pass, AnyPeer: true, AnyPort: true}}}, nil,
			[]string{"more: tier and order: the policy is added to all others of its pods, and what it denies nothing else can allow",
				"less: a rule with conditions on its own pod or on ports that it is not for: its ingress connections are denied",
				"more: the rule's action pass: what other rules allow of it stays allowed, and what none allows is denied"}},
	} {
		c.p.Name, c.p.Namespace = "p", "shop"
		rendertest.Projected(t, Dialect{}, c.p, c.rules, c.lost)
	}
}

// TestRenderRefuses names that would be no file names either.
func TestRenderRefuses(t *testing.T) {
	rendertest.Refused(t, Dialect{})

	if _, lost := Project(policy.PolicySet{Networks: []policy.Network{{Name: "../x"}, {Name: "x", Namespace: "a"}}}); len(lost) != 2 {
		t.Errorf("networks: %v", lost)
	}
}

var _ render.Dialect = Dialect{}
