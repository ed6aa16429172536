package synth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
)

// show prints the policies of a result, a line for each rule.
func show(r *synth.Result) string {
	var b strings.Builder
	for i := range r.Policies.Policies {
		p := &r.Policies.Policies[i]
		var types []string
		if p.Ingress {
			types = append(types, "ingress")
		}
		if p.Egress {
			types = append(types, "egress")
		}
		fmt.Fprintf(&b, "%s/%s (%s) %s\n", p.Namespace, p.Name, p.Subject, strings.Join(types, "+"))
		for j := range p.Rules {
			fmt.Fprintf(&b, "  %s\n", p.Rules[j])
		}
	}
	return b.String()
}

func learn(t *testing.T, g *graph.Graph, cfg synth.Config) synth.Result {
	t.Helper()
	if cfg.Resolver == nil {
		cfg.Resolver = &synth.Resolver{None: true}
	}
	if cfg.Dialect == nil {
		cfg.Dialect = kubernetes.Dialect{}
	}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name, flows, want string
		cfg               synth.Config
	}{
		{name: "both ends of an edge", flows: "shop/web -> shop/db 5432/tcp", want: `
shop/db (app=db) ingress
  allow ingress 5432/tcp from shop/app=web
shop/web (app=web) egress
  allow egress 5432/tcp to shop/app=db
`},
		{name: "a peer in another namespace", flows: "jobs/cron -> shop/db 5432/tcp", want: `
shop/db (app=db) ingress
  allow ingress 5432/tcp from jobs/app=cron
`},
		{name: "the name of a shared policy is no workload's own", flows: `
			shop/a -> shop/db 1/tcp
			shop/c -> shop/db 1/tcp
			shop/a-c -> shop/db 2/tcp`, want: `
shop/a-and-1-more-b3d904a2 (app in (a,c)) egress
  allow egress 1/tcp to shop/app=db
shop/a-c (app=a-c) egress
  allow egress 2/tcp to shop/app=db
shop/db (app=db) ingress
  allow ingress 1/tcp from shop/app in (a,c)
  allow ingress 2/tcp from shop/app=a-c
`},
		{name: "peers share rules, subjects of the same needs a policy", flows: `
			shop/a -> shop/db 1/tcp
			shop/b -> shop/db 1/tcp
			shop/b -> shop/db 2/tcp
			shop/c -> shop/db 1/tcp`,
			want: `
shop/a-c (app in (a,c)) egress
  allow egress 1/tcp to shop/app=db
shop/b (app=b) egress
  allow egress 1/tcp,2/tcp to shop/app=db
shop/db (app=db) ingress
  allow ingress 1/tcp from shop/app in (a,b,c)
  allow ingress 2/tcp from shop/app=b
`},
		{name: "addresses are single", flows: "shop/web -> 192.0.2.7 443/tcp\nshop/web -> 2001:db8::7 443/tcp", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.7/32; 2001:db8::7/128
`},
		{name: "denied edges are not learned", flows: "shop/web -> shop/db 1/tcp denied", want: "\n"},
		{name: "unless asked", flows: "shop/web -> shop/db 1/tcp denied", cfg: synth.Config{LearnDenied: true}, want: `
shop/db (app=db) ingress
  allow ingress 1/tcp from shop/app=web
shop/web (app=web) egress
  allow egress 1/tcp to shop/app=db
`},
		{name: "what kubernetes cannot say", flows: `
			shop/web -> shop/db 8/icmp
			entity:remote-node -> shop/web 80/tcp
			shop/web -> entity:kube-apiserver 6443/tcp
			shop/web -> network:pub 443/tcp`, want: "\n"},
		{name: "a pod that talks to its like", flows: "shop/kafka -> shop/kafka 9092/tcp", want: `
shop/kafka (app=kafka) ingress+egress
  allow ingress 9092/tcp from shop/app=kafka
  allow egress 9092/tcp to shop/app=kafka
`},
		{name: "one dns policy for exactly those that resolve", flows: `
			shop/a -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/b -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/a -> shop/c 1/tcp`, want: `
shop/a (app=a) egress
  allow egress 1/tcp to shop/app=c
shop/c (app=c) ingress
  allow ingress 1/tcp from shop/app=a
shop/dns (app in (a,b)) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
`},
		{name: "a dns policy of its own for who lacks the label of the others", flows: `
			shop/a -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/b -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/{component=old} -> kube-system/{k8s-app=kube-dns} 53/udp`,
			want: `
shop/dns (app in (a,b)) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
shop/dns-component-old (component=old) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
`},
		{name: "consecutive ports are a range, peers of two namespaces one peer", flows: `
			shop/a -> shop/db 7000/tcp
			shop/a -> shop/db 7001/tcp
			shop/a -> shop/db 7002/tcp
			shop/a -> shop/db 7004/tcp
			test/a -> shop/db 7000/tcp
			test/a -> shop/db 7001/tcp
			test/a -> shop/db 7002/tcp
			test/a -> shop/db 7004/tcp`,
			cfg: synth.Config{Namespaces: []string{"shop"}}, want: `
shop/a (app=a) egress
  allow egress 7000-7002/tcp,7004/tcp to shop/app=db
shop/db (app=db) ingress
  allow ingress 7000-7002/tcp,7004/tcp from (kubernetes.io/metadata.name in (shop,test))/app=a
`},
		{name: "a workload named dns", flows: "shop/dns -> kube-system/{k8s-app=kube-dns} 53/udp\nshop/dns -> shop/c 1/tcp", want: `
shop/c (app=c) ingress
  allow ingress 1/tcp from shop/app=dns
shop/dns (app=dns) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
shop/dns-f3c4b5e1 (app=dns) egress
  allow egress 1/tcp to shop/app=c
`},
		{name: "no common label", flows: `
			shop/{app=a} -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/{k8s-app=b} -> kube-system/{k8s-app=kube-dns} 53/udp`, want: `
shop/dns-a (app=a) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
shop/dns-b (k8s-app=b) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
`},
		{name: "two resolvers, different users", flows: `
			shop/a -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/b -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/b -> kube-system/{k8s-app=node-local-dns} 53/udp`, want: `
shop/dns (app in (a,b)) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
shop/dns-node-local-dns (app=b) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=node-local-dns
`},
		{name: "tcp 53 that policy denied stays shut", flows: `
			shop/a -> kube-system/{k8s-app=kube-dns} 53/udp
			shop/a -> kube-system/{k8s-app=kube-dns} 53/tcp denied`, want: `
shop/dns (app=a) egress
  allow egress 53/udp to kube-system/k8s-app=kube-dns
`},
		{name: "the resolver as a subject", flows: "shop/a -> kube-system/{k8s-app=kube-dns} 53/udp",
			cfg: synth.Config{Namespaces: []string{"kube-system"}}, want: `
kube-system/kube-dns (k8s-app=kube-dns) ingress
  allow ingress 53/tcp,53/udp from shop/app=a
`},
		{name: "all but the system", flows: "a/x -> b/y 1/tcp\nkube-system/z -> b/y 1/tcp", cfg: synth.Config{All: true}, want: `
a/x (app=x) egress
  allow egress 1/tcp to b/app=y
b/y (app=y) ingress
  allow ingress 1/tcp from a/app=x; kube-system/app=z
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.cfg.Namespaces == nil && !c.cfg.All {
				c.cfg.Namespaces = []string{"shop"}
			}
			r := learn(t, graphtest.Graph(t, c.flows), c.cfg)
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), show(&r)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name, flows, want string // kind severity direction, sorted
		status            string // of ingress and egress
	}{
		{"clean", "shop/web -> shop/db 1/tcp", "", "proven proven"},
		{"icmp at both ends", "shop/web -> shop/db 8/icmp", "inexpressible blocks egress; inexpressible blocks ingress", "held held"},
		{"from another node", "entity:remote-node -> shop/web 80/tcp", "inexpressible blocks ingress", "held proven"},
		{"to the apiserver", "shop/web -> entity:kube-apiserver 6443/tcp", "inexpressible blocks egress", "proven held"},
		{"an address", "shop/web -> 192.0.2.1 443/tcp", "fragile-address warning egress", "proven proven"},
		{"denied", "shop/web -> shop/db 1/tcp denied", "already-isolated warning unknown; denied info egress; denied info ingress", "already-isolated already-isolated"},
		{"denied by the server's policies", "shop/web -> shop/db 1/tcp denied ingress", "already-isolated warning unknown; denied info egress; denied info ingress", "already-isolated proven"},
		{"denied by the client's policies", "shop/web -> shop/db 1/tcp denied egress", "already-isolated warning unknown; denied info egress; denied info ingress", "proven already-isolated"},
		{"denied by policies elsewhere", "shop/web -> x/db 1/tcp denied ingress", "denied info egress", "proven proven"},
		{"denied to a client elsewhere by its own policies", "x/web -> shop/db 1/tcp denied egress", "denied info ingress", "proven proven"},
		{"denied by a rule", "x/web -> shop/db 1/tcp denied ingress rule", "already-isolated warning unknown; denied info ingress", "already-isolated proven"},
		{"mixed", "shop/web -> x/db 1/tcp\nshop/web -> x/db 1/tcp denied hour=2", "already-isolated warning unknown; mixed warning egress", "proven already-isolated"},
		{"a client without labels", "x/pod:a -> shop/web 1/tcp\nshop/web -> x/b 1/tcp", "refused blocks ingress", "held proven"},
		{"a client without labels that was always denied", "x/pod:a -> shop/web 1/tcp denied\nshop/web -> x/b 1/tcp",
			"already-isolated warning unknown; refused info ingress", "already-isolated proven"},
		{"a pod without labels, alone in its namespace", "x/b -> shop/pod:a 1/tcp", "refused blocks ingress", "blocked blocked"},
		{"undecided stands in the way of both directions", "shop/web -> x/b 40000/tcp undecided", "refused blocks egress", "held held"},
		{"a world pod", "shop/web -> x/b 1/tcp worldpod", "world-pod warning egress", "proven proven"},
		{"dns", "shop/web -> kube-system/{k8s-app=kube-dns} 53/udp", "widened info egress", "proven proven"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := learn(t, graphtest.Graph(t, c.flows), synth.Config{Namespaces: []string{"shop"}})
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s %s %s", f.Kind, f.Severity, f.Direction))
			}
			slices.Sort(got)
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("findings %q, want %q", s, c.want)
			}
			if e := r.Enforce["shop"]; fmt.Sprint(e.Ingress, " ", e.Egress) != c.status {
				t.Errorf("%v %v, want %s", e.Ingress, e.Egress, c.status)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp")
	for _, c := range []struct {
		want string
		cfg  synth.Config
	}{
		{"no namespace", synth.Config{}},
		{`no widening "everything"`, synth.Config{All: true, Widen: []string{"everything"}}},
		{"-1 is negative", synth.Config{All: true, AllowWaste: -1}},
	} {
		c.cfg.Dialect = kubernetes.Dialect{}
		if _, err := synth.Synthesize(t.Context(), g, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.cfg, err, c.want)
		}
	}
	r := learn(t, graphtest.Graph(t, "shop/web -> shop/db 8/icmp", "shop/web -> legacy/pod:a 1/tcp"), synth.Config{All: true, EnforceAnyway: true})
	for _, ns := range []string{"shop", "legacy"} {
		e := r.Enforce[ns]
		why := map[model.Direction]bool{}
		for _, o := range e.Why {
			why[o.Direction] = true
		}
		if e.Ingress != synth.Forced || e.Egress != synth.Forced || len(why) != 2 {
			t.Errorf("enforce %s anyway: %+v", ns, e)
		}
	}
}
