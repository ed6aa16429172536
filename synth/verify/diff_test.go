package verify

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
)

// nearby returns a set that shares some policies with another.
func nearby(r *rand.Rand, set policy.PolicySet) policy.PolicySet {
	out := policy.PolicySet{Networks: set.Networks}
	for _, p := range set.Policies {
		switch r.IntN(4) {
		case 0: // gone
		case 1:
			p.Rules = append(slices.Clone(p.Rules), randomRule(r))
			out = out.Add(p.Canonical())
		default:
			out = out.Add(p)
		}
	}
	if r.IntN(3) == 0 {
		out.Join(randomSet(r))
	}
	return out
}

// TestDiffByForce: asking both sets for every connection of the universe gives the same changes.
func TestDiffByForce(t *testing.T) {
	office := policy.Network{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	g := graphtest.Graph(t, "n0/a0 -> n1/a1 1/tcp", "n0/a1 -> 192.0.2.1 3/tcp", "entity:remote-node -> n1/a0 7/udp", "n1/{x=y} -> n0/a0 1/tcp")
	total := 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 9))
		before := randomSet(r)
		before.Networks = []policy.Network{office}
		after := nearby(r, before)
		if seed%7 == 0 {
			after.Networks = nil
		}
		sem := []eval.Semantics{eval.Spec, eval.Cilium, eval.Calico}[seed%3]
		got, err := Diff(t.Context(), g, before, after, Config{Semantics: sem})
		if err != nil {
			t.Fatal(err)
		}
		type key struct {
			src, dst string
			port     port
			from, to eval.Outcome
		}
		want := map[key]bool{}
		a, b := eval.New(before, sem), eval.New(after, sem)
		both := eval.New(joined(before, after), sem)
		u := newUniverse(g, both, Config{})
		u.name(both, asked([2]policy.PolicySet{before, after}, changed(before, after), !sameAround(before, after)))
		var ends [2][]*eval.End
		for _, x := range u.members {
			ends[0], ends[1] = append(ends[0], a.End(x.end.Facts)), append(ends[1], b.End(x.end.Facts))
		}
		for i, x := range u.members {
			for j, y := range u.members {
				for _, p := range u.ports {
					from := outcome(a.Decide(ends[0][i], ends[0][j], p.proto, p.port))
					to := outcome(b.Decide(ends[1][i], ends[1][j], p.proto, p.port))
					if from != to {
						want[key{x.name, y.name, p, from, to}] = true
					}
				}
			}
		}
		if total += len(want); len(got.Changes) != len(want) {
			t.Fatalf("seed %d: %d changes, by force %d", seed, len(got.Changes), len(want))
		}
	}
	if total == 0 {
		t.Error("no two sets differed")
	}
}

// TestDiff is what a reader is told of two small sets.
func TestDiff(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp", "shop/job -> shop/db 5432/tcp")
	rule := func(app string) policy.Rule {
		return policy.Rule{Direction: model.Ingress, Ports: []policy.Port{policy.OnePort(model.TCP, 5432)},
			Peers: []policy.Peer{policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": app}))}}
	}
	db := policy.Policy{Name: "db", Namespace: "shop", Subject: policy.MatchLabels(map[string]string{"app": "db"}), Ingress: true,
		Rules: []policy.Rule{rule("web")}}
	more := db
	more.Rules = append(slices.Clone(db.Rules), rule("job"))
	gone := db
	gone.Rules = append(slices.Clone(db.Rules), rule("gone"))
	gone.Rules[1].Ports = []policy.Port{policy.OnePort(model.TCP, 6432)}
	apart := db
	apart.Name = "db-from-web"
	for _, c := range []struct {
		name          string
		before, after policy.PolicySet
		want          []string
		isolation     int
		alike, moved  int
	}{
		{"a rule more", policy.PolicySet{}.Add(db), policy.PolicySet{}.Add(more), []string{"shop/job shop/db 5432/tcp denied allowed seen"}, 0, 0, 0},
		{"a rule less, for pods and a port that nobody saw", policy.PolicySet{}.Add(gone), policy.PolicySet{}.Add(db),
			[]string{"shop/(pods app=gone) shop/db 6432/tcp allowed denied"}, 0, 0, 0},
		{"the same under another name", policy.PolicySet{}.Add(db), policy.PolicySet{}.Add(apart), nil, 0, 2, 1},
		{"the same twice", policy.PolicySet{}.Add(db), policy.PolicySet{}.Add(db, apart), nil, 0, 1, 0},
		{"no policy more", policy.PolicySet{}.Add(db), policy.PolicySet{}, nil, 1, 0, 0},
	} {
		d, err := Diff(t.Context(), g, c.before, c.after, Config{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range d.Changes {
			seen := ""
			if x.Edge >= 0 {
				seen = " seen"
			}
			got = append(got, x.Src+" "+x.Dst+" "+x.Port+" "+x.From.String()+" "+x.To.String()+seen)
		}
		if c.want != nil || c.isolation == 0 {
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		if len(d.Isolation) != c.isolation || len(d.Alike) != c.alike || len(d.Moved) != c.moved {
			t.Errorf("%s: isolation %v, alike %v, moved %v", c.name, d.Isolation, d.Alike, d.Moved)
		}
	}
}

// TestDiffOfLists: two lists of thousands of addresses are compared in time that grows with their length.
func TestDiffOfLists(t *testing.T) {
	const blocks = 5000
	list := func(first byte) policy.PolicySet {
		rule := policy.Rule{Direction: model.Egress, Ports: []policy.Port{{Proto: model.TCP, First: 443, Last: 443}}}
		for i := range blocks {
			at := netip.AddrFrom4([4]byte{first, byte(i >> 8), byte(i), 1})
			rule.Peers = append(rule.Peers, policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.PrefixFrom(at, 32)})
		}
		return policy.PolicySet{Policies: []policy.Policy{{Namespace: "shop", Name: "out", Egress: true,
			Rules: []policy.Rule{rule}}}}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g := graphtest.Graph(t, "shop/till -> 192.0.2.1 443/tcp")
	got, err := Diff(ctx, g, list(20), list(30), Config{})
	const kinds = 3 // of pods in shop: till, others, and those of unknown labels
	if err != nil || len(got.Changes) != 2*blocks*kinds {
		t.Errorf("%d changes, want %d; %v", len(got.Changes), 2*blocks*kinds, err)
	}
}
