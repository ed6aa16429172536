package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/rendertest"
)

var (
	web  = policy.MatchLabels(map[string]string{"app": "web"})
	cart = policy.MatchLabels(map[string]string{"app": "cart", "tier": "back"})
)

// TestRender shows the whole form of a policy.
func TestRender(t *testing.T) {
	set := policy.PolicySet{}.Add(policy.Policy{Name: "web", Namespace: "shop", Subject: web, Ingress: true, Egress: true, Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("edge", nil)}, Ports: []policy.Port{policy.OnePort(model.TCP, 80), {Proto: model.TCP, Name: "https"}}},
		{Direction: model.Egress, Peers: []policy.Peer{policy.PodsIn("shop", cart)}, Ports: []policy.Port{{Proto: model.TCP, First: 8000, Last: 8010}}},
		{Direction: model.Egress, AnyPeer: true, Ports: []policy.Port{policy.AllPorts(model.UDP)}},
		{Direction: model.Egress, Peers: []policy.Peer{{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix("203.0.113.0/24"),
			Except: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}}}, AnyPort: true},
	}})
	want := `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes: [Ingress, Egress]
  ingress:
  # rule f8a11a95ef
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}
    ports: [{protocol: TCP, port: https}, {protocol: TCP, port: 80}]
  egress:
  # rule 6ee5443ae3
  - to:
    - podSelector: {matchLabels: {app: cart, tier: back}}
    ports: [{protocol: TCP, port: 8000, endPort: 8010}]
  # rule 786db759cb: every port
  - to:
    - ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.7/32]}
  # rule 64fe48b3f5: every peer
  - ports: [{protocol: UDP}]
`
	files, lost, err := Render(set)
	if err != nil || len(lost) > 0 || len(files) != 1 || files[0].Path() != "shop/web.yaml" {
		t.Fatalf("%v %v %v", files, lost, err)
	}
	if d := cmp.Diff(want, string(files[0].YAML)); d != "" {
		t.Error(d)
	}
}

// TestProject wants for each policy what stays and what is lost.
func TestProject(t *testing.T) {
	in := func(p policy.Peer, ports ...policy.Port) policy.Rule {
		return policy.Rule{Direction: model.Ingress, Peers: []policy.Peer{p}, Ports: ports}
	}
	tcp80 := policy.OnePort(model.TCP, 80)
	host := policy.Peer{Kind: policy.PeerEntities, Entities: model.Host}
	order := 7.0
	for _, c := range []struct {
		p     policy.Policy
		rules []string
		lost  []string
	}{
		{policy.Policy{Ingress: true, Rules: []policy.Rule{in(host, tcp80)}}, nil,
			[]string{"less: the peer entity host: its ingress connections are denied"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{{Direction: model.Ingress, Peers: []policy.Peer{host, policy.PodsIn("a", web)}, AnyPort: true}}},
			[]string{"allow ingress any port from a/app=web"}, []string{"less: the peer entity host: its ingress connections are denied"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{in(policy.PodsIn("a", web), policy.OnePort(model.ICMP, 8))}}, nil,
			[]string{"less: protocol icmp: ingress of it is denied: only a rule for every port would let it pass"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{in(policy.PodsIn("a", web), policy.Port{First: 53, Last: 53})}},
			[]string{"allow ingress 53/tcp,53/udp,53/sctp from a/app=web"}, nil},
		{policy.Policy{Egress: true, Rules: []policy.Rule{in(policy.PodsIn("a", web), tcp80)}}, nil,
			[]string{"less: a rule for ingress that does not isolate: where another policy isolates the pods, allow ingress 80/tcp from a/app=web is denied"}},
		{policy.Policy{Ingress: true, Order: &order, Rules: []policy.Rule{{Direction: model.Ingress, Action: policy.Deny, AnyPeer: true, AnyPort: true}}}, nil,
			[]string{"more: tier and order: the policy is added to all others of its pods", "more: the rule's action deny: what other rules allow of it stays allowed"}},
		{policy.Policy{Ingress: true, Rules: []policy.Rule{in(policy.Peer{Kind: policy.PeerFQDN, Name: "*.example.org"}, tcp80), in(policy.Peer{Kind: policy.PeerNetwork, Name: "office"}, tcp80)}}, nil,
			[]string{"less: the peer name *.example.org: its ingress connections are denied", "less: the peer network office: its ingress connections are denied"}},
	} {
		c.p.Name, c.p.Namespace = "p", "shop"
		rendertest.Projected(t, Dialect{}, c.p, c.rules, c.lost)
	}
	if out, lost := Project(policy.PolicySet{}.Add(policy.Policy{Name: "all", Ingress: true})); len(out.Policies) != 0 || len(lost) != 1 {
		t.Errorf("cluster-wide: %v %v", out, lost)
	}
}

// TestRenderRefuses names that would be no file names either.
func TestRenderRefuses(t *testing.T) {
	rendertest.Refused(t, Dialect{})

}

// TestStage renders the policies that switch a namespace over.
func TestStage(t *testing.T) {
	files, _, err := Render(policy.PolicySet{}.Add(policy.DefaultDeny("shop", true, false), policy.Open("shop", true, true)))
	if err != nil {
		t.Fatal(err)
	}
	want := "spec:\n  podSelector: {} # every pod of the namespace\n  policyTypes: [Ingress]\n"
	if !strings.HasSuffix(string(files[0].YAML), want) {
		t.Errorf("default deny: %s", files[0].YAML)
	}
	want = `  podSelector: {} # every pod of the namespace
  policyTypes: [Ingress, Egress]
  ingress:
  # rule 9d36b4e9d9: every peer, every port
  - {}
  egress:
  # rule c728a607aa: every peer, every port
  - {}
`
	if !strings.HasSuffix(string(files[1].YAML), want) {
		t.Errorf("open: %s", files[1].YAML)
	}
}

// TestRoundTrip renders random policies and reads them back.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(500) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(seed, 1))}
			rendertest.RoundTrip(t, Dialect{}, g.set())
		})
	}
}

// generator makes policies with everything that the model can say and the API would accept.
type generator struct{ *rand.Rand }

func some[T any](g generator, most int, f func() T) []T {
	out := make([]T, g.IntN(most+1))
	for i := range out {
		out[i] = f()
	}
	return out
}

func (g generator) pick(s ...string) string { return s[g.IntN(len(s))] }
func (g generator) bool() bool              { return g.IntN(2) == 0 }

func (g generator) set() policy.PolicySet {
	var set policy.PolicySet
	for i := range g.IntN(4) {
		p := policy.Policy{Name: fmt.Sprintf("p%d", i), Namespace: g.pick("a", "b", "b", ""), Subject: g.selector(), Ingress: g.bool(), Egress: g.bool()}
		p.Rules = some(g, 4, g.rule)
		set = set.Add(p)
	}
	return set
}

func (g generator) selector() policy.Selector {
	return some(g, 3, func() policy.Requirement {
		r := policy.Requirement{Key: g.pick("app", "tier", "example.org/name"), Op: policy.Op(g.IntN(4))}
		if r.Op == policy.In || r.Op == policy.NotIn {
			r.Values = append(some(g, 2, func() string { return g.pick("x", "", "yes", "1", "null") }), "web")
		}
		return r
	})
}

func (g generator) rule() policy.Rule {
	r := policy.Rule{Direction: model.Direction(1 + g.IntN(2)), AnyPeer: g.bool(), AnyPort: g.bool()}
	if g.IntN(9) == 0 {
		r.Action = policy.Deny
	}
	r.Peers, r.Ports = some(g, 3, g.peer), some(g, 3, g.port)
	return r
}

func (g generator) peer() policy.Peer {
	switch g.IntN(6) {
	case 0:
		return policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix(g.pick("10.0.0.0/8", "0.0.0.0/0"))}
	case 1:
		return policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.MustParsePrefix("fd00::/16"), Except: []netip.Prefix{netip.MustParsePrefix("fd00:1::/32")}}
	case 2:
		return policy.Peer{Kind: policy.PeerEntities, Entities: model.World}
	}
	return policy.Peer{Kind: policy.PeerPods, Namespaces: g.selector(), Pods: g.selector()}
}

func (g generator) port() policy.Port {
	proto := []model.Proto{0, model.TCP, model.UDP, model.SCTP, model.ICMP}[g.IntN(5)]
	switch g.IntN(4) {
	case 0:
		return policy.AllPorts(proto)
	case 1:
		return policy.Port{Proto: proto, Name: g.pick("http", "metrics")}
	case 2:
		n := uint16(g.IntN(1000))
		return policy.Port{Proto: proto, First: n, Last: n + uint16(g.IntN(9))}
	}
	return policy.OnePort(proto, uint16(1+g.IntN(65535)))
}

// sameAsAPI checks that the API's own YAML reader finds in text what Parse found without any problem.
func sameAsAPI(t *testing.T, text []byte, set policy.PolicySet) {
	var o networkPolicy
	var one yamlv3.Node
	in := yamlv3.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(&one); err != nil || len(one.Content) != 1 || len(set.Policies) != 1 || render.Field(render.Target(one.Content[0]), "items") != nil {
		return
	}
	if err := in.Decode(&yamlv3.Node{}); !errors.Is(err, io.EOF) {
		return
	}
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatalf("the API refuses %q: %v", text, err)
	}
	again, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, problems := render.Parse(bytes.NewReader(again), "again", Dialect{}.Kinds()); len(problems) > 0 || !got.Equal(set) {
		t.Fatalf("the API reads %q as\n%s\n%v", text, again, problems)
	}
}

// FuzzParse wants no panic, problems with a place, that what is read renders and reads back the same, and that the API
// reads it the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}"))
	f.Add([]byte(head + "spec:\n  podSelector: &a {matchLabels: {x: y}}\n  egress:\n  - to: [{podSelector: *a}]\n    ports: [{port: 5, endPort: 9}]\n...\n%YAML 1.1\n---\n- x"))
	f.Add([]byte("apiVersion: v1\nkind: List\nitems: [" + strings.ReplaceAll(`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"a"},"spec":{}}`, "\n", "") + "]"))
	f.Add([]byte("iVersion: v1\nkind: List\nitems: []")) // a field of a list that is meant to be another
	for _, spec := range []string{"{podSelector: {matchLabels: {a: 'yes', 7: \"1\", d: 2001-01-01}}, policyTypes: [Egress], egress: [{ports: [{port: 0x50}, {port: 1_000, endPort: 02000}]}]}",
		"\n  podSelector: {matchExpressions: [{key: a.b/c, operator: NotIn, values: [b, '']}]}\n  ingress:\n  - from:\n    - namespaceSelector: {}\n      podSelector: {}\n    ports:\n    - {port: http, protocol: UDP}\n",
		"\n  podSelector: {}\n  ingress:\n  -\n    from: ~\n  egress: []"} {
		f.Add([]byte(head + "spec: " + spec))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, problems := render.Parse(bytes.NewReader(text), "f", Dialect{}.Kinds())
		if len(problems) == 0 {
			sameAsAPI(t, text, set)
		}
		rendertest.Parsed(t, Dialect{}, set, problems)
	})
}
