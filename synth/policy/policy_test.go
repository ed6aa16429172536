package policy

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// TestRuleID holds ids fast: they stand in bundles and decisions that people keep.
func TestRuleID(t *testing.T) {
	web := MatchLabels(map[string]string{"app": "web", "tier": "front"})
	peer := PodsIn("edge", MatchLabels(map[string]string{"app": "proxy"}))
	rule := Rule{Direction: model.Ingress, Peers: []Peer{peer, PodsIn("edge", nil)}, Ports: []Port{OnePort(model.TCP, 443), OnePort(model.TCP, 80)}}
	p := Policy{Name: "web", Namespace: "shop", Subject: web, Ingress: true, Rules: []Rule{rule}}
	if got, want := p.RuleID(0), "5d6b9f8607"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	edit := func(name string, same bool, f func(p *Policy, r *Rule)) {
		q := p
		r := rule
		r.Peers, r.Ports, q.Subject = slices.Clone(r.Peers), slices.Clone(r.Ports), slices.Clone(q.Subject)
		f(&q, &r)
		q.Rules = []Rule{r}
		if (q.RuleID(0) == p.RuleID(0)) != same {
			t.Errorf("%s: same id %v, want %v", name, !same, same)
		}
	}
	edit("name", true, func(p *Policy, r *Rule) { p.Name = "other" })
	edit("isolation", true, func(p *Policy, r *Rule) { p.Egress = true })
	edit("order", true, func(p *Policy, r *Rule) {
		slices.Reverse(r.Peers)
		slices.Reverse(r.Ports)
		slices.Reverse(p.Subject)
	})
	edit("repetition", true, func(p *Policy, r *Rule) { r.Peers = append(r.Peers, r.Peers[0]) })
	edit("namespace", false, func(p *Policy, r *Rule) { p.Namespace = "other" })
	edit("direction", false, func(p *Policy, r *Rule) { r.Direction = model.Egress })
	edit("action", false, func(p *Policy, r *Rule) { r.Action = Deny })
	edit("subject", false, func(p *Policy, r *Rule) { p.Subject = p.Subject[:1] })
	edit("peer", false, func(p *Policy, r *Rule) { r.Peers = r.Peers[:1] })
	edit("any peer", false, func(p *Policy, r *Rule) { r.Peers, r.AnyPeer = nil, true })
	edit("port", false, func(p *Policy, r *Rule) { r.Ports[0].Last++ })
	edit("protocol", false, func(p *Policy, r *Rule) { r.Ports[0].Proto = model.UDP })
	edit("any port", false, func(p *Policy, r *Rule) { r.Ports, r.AnyPort = nil, true })
	// The same words in another place are another rule.
	edit("selector side", false, func(p *Policy, r *Rule) {
		r.Peers[0].Namespaces, r.Peers[0].Pods = r.Peers[0].Pods, r.Peers[0].Namespaces
	})
}

// TestSelector wants what each requirement makes of labels.
func TestSelector(t *testing.T) {
	labels := model.Labels{"app=web", "canary", "tier=front"}
	for _, c := range []struct {
		r    Requirement
		want bool
		text string
	}{
		{Requirement{"app", In, []string{"web"}, nil}, true, "app=web"},
		{Requirement{"app", In, []string{"api", "db"}, nil}, false, "app in (api,db)"},
		{Requirement{"canary", In, []string{""}, nil}, true, "canary="},
		{Requirement{"zone", In, []string{""}, nil}, false, "zone="},
		{Requirement{"app", NotIn, []string{"web"}, nil}, false, "app notin (web)"},
		{Requirement{"zone", NotIn, []string{"a"}, nil}, true, "zone notin (a)"},
		{Requirement{"tier", Exists, nil, nil}, true, "tier"},
		{Requirement{"zone", Exists, nil, nil}, false, "zone"},
		{Requirement{"tier", DoesNotExist, nil, nil}, false, "!tier"},
		{Requirement{"zone", DoesNotExist, nil, nil}, true, "!zone"},
		{Requirement{"app", In, nil, nil}, false, "app in ()"},
		{Requirement{"app", NotIn, nil, nil}, true, "app notin ()"},
		{Requirement{"tier", Contains, []string{"on"}, nil}, true, "tier contains on"},
		{Requirement{"zone", Contains, []string{""}, nil}, false, "zone contains "},
		{Requirement{"zone", NotContains, []string{""}, nil}, true, "zone does not contain "},
		{Requirement{"tier", StartsWith, []string{"fr"}, nil}, true, "tier starts with fr"},
		{Requirement{"tier", NotStartsWith, []string{"fr"}, nil}, false, "tier does not start with fr"},
		{Requirement{"tier", EndsWith, []string{"nt"}, nil}, true, "tier ends with nt"},
		{Requirement{"zone", NotEndsWith, []string{"nt"}, nil}, true, "zone does not end with nt"},
		{Requirement{Op: Either, Any: []Selector{{{"app", In, []string{"db"}, nil}}, {{"tier", Exists, nil, nil}}}}, true, "(app=db or tier)"},
		{Requirement{Op: Either}, false, "()"},
	} {
		if got := (Selector{c.r}).Matches(labels); got != c.want || c.r.String() != c.text {
			t.Errorf("%s (want text %s): %v, want %v", c.r, c.text, got, c.want)
		}
	}
	if !(Selector{}).Matches(nil) || !(Selector(nil)).Matches(labels) {
		t.Error("the empty selector selects everything")
	}
}

// TestCanonical: shuffled sets are equal and canonical twice is canonical once.
func TestCanonical(t *testing.T) {
	peers := []Peer{PodsIn("a", nil), PodsIn("b", nil), {Kind: PeerCIDR, CIDR: netip.MustParsePrefix("10.0.0.7/8"),
		Except: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("10.1.0.0/16")}},
		{Kind: PeerEntities, Entities: model.Host}, {Kind: PeerFQDN, Name: "example.org"}, {Kind: PeerNetwork, Name: "office"}}
	ports := []Port{OnePort(model.TCP, 80), AllPorts(model.UDP), {Proto: model.TCP, Name: "http"}}
	order := 3.0
	set := PolicySet{}.Add(
		Policy{Name: "b", Namespace: "n", Ingress: true, Rules: []Rule{{Direction: model.Ingress, Peers: peers, AnyPort: true}, {Direction: model.Ingress, AnyPeer: true, Ports: ports}}},
		Policy{Name: "a", Namespace: "n", Order: &order}, Policy{Name: "a", Namespace: "n"}, Policy{Name: "c", Tier: "t"})
	want := set.Canonical()
	for seed := range uint64(50) {
		g := rand.New(rand.NewPCG(seed, 3))
		shuffled := PolicySet{Policies: slices.Clone(set.Policies)}
		g.Shuffle(len(shuffled.Policies), func(i, j int) {
			shuffled.Policies[i], shuffled.Policies[j] = shuffled.Policies[j], shuffled.Policies[i]
		})
		for i := range shuffled.Policies {
			p := &shuffled.Policies[i]
			p.Source = Position{File: "f", Document: i, Line: i}
			p.Rules = slices.Clone(p.Rules)
			for j := range p.Rules {
				r := &p.Rules[j]
				r.Peers, r.Ports = slices.Clone(r.Peers), slices.Clone(r.Ports)
				slices.Reverse(r.Peers)
				g.Shuffle(len(r.Ports), func(i, j int) { r.Ports[i], r.Ports[j] = r.Ports[j], r.Ports[i] })
			}
			slices.Reverse(p.Rules)
		}
		if !shuffled.Equal(set) || !set.Equal(shuffled) {
			t.Fatal("a shuffled set is another one")
		}
	}
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if d := cmp.Diff(want, want.Canonical(), prefixes); d != "" {
		t.Error(d)
	}
	less := PolicySet{Policies: set.Policies[1:]}
	if less.Equal(set) {
		t.Error("a policy less is equal")
	}
}

// TestText shows rules on one line.
func TestText(t *testing.T) {
	for _, c := range []struct {
		want string
		r    Rule
	}{
		{"allow ingress 80/tcp,8000-8010/tcp from edge/all", Rule{Direction: model.Ingress, Peers: []Peer{PodsIn("edge", nil)}, Ports: []Port{OnePort(model.TCP, 80), {Proto: model.TCP, First: 8000, Last: 8010}}}},
		{"deny egress any port to anywhere", Rule{Direction: model.Egress, Action: Deny, AnyPeer: true, AnyPort: true}},
		{"allow egress udp to 10.0.0.0/8 except 10.1.0.0/16; name *.example.org", Rule{Direction: model.Egress, Ports: []Port{AllPorts(model.UDP)}, Peers: []Peer{
			{Kind: PeerCIDR, CIDR: netip.MustParsePrefix("10.0.0.0/8"), Except: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}, {Kind: PeerFQDN, Name: "*.example.org"}}}},
		{"allow egress dns/udp to (team=a)/app in (x,y)", Rule{Direction: model.Egress, Ports: []Port{{Proto: model.UDP, Name: "dns"}}, Peers: []Peer{
			{Namespaces: MatchLabels(map[string]string{"team": "a"}), Pods: Selector{{"app", In, []string{"x", "y"}, nil}}}}}},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
