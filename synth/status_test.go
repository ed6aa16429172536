package synth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render/cluster"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

const dns = "\nshop/web -> kube-system/{k8s-app=kube-dns} 53/udp"

// hourly has a flow in each hour, the last of them among them.
func hourly(flow string, hours int) (lines string) {
	for h := range hours {
		lines += fmt.Sprintf("%s hour=%d\n", flow, h)
	}
	return lines + fmt.Sprintf("%s hour=%d times=9\n", flow, hours)
}

// TestStatus: a direction is denied only where its pods were watched for long enough, nothing seen stands against it,
// and no pod would lose its names.
func TestStatus(t *testing.T) {
	day := synth.Config{MinWatch: 24 * time.Hour}
	for _, c := range []struct {
		name, flows string
		cfg         synth.Config
		want        string // ingress; egress; watched; last new edge
		kinds       string // of the findings that block
	}{
		{name: "watched", flows: hourly("shop/web -> shop/db 1/tcp", 24) + dns, cfg: day,
			want: "nothing seen would be blocked; nothing seen would be blocked; 24h; 24h before the end"},
		{name: "a direction without edges is no obstacle", flows: hourly("shop/web -> jobs/db 1/tcp", 54) + dns, cfg: day,
			want: "nothing seen would be blocked; nothing seen would be blocked; 2d 6h; 2d 6h before the end"},
		{name: "not for long enough", flows: hourly("shop/web -> shop/db 1/tcp", 3) + "shop/web -> shop/db 2/tcp hour=3 times=9" + dns, cfg: day,
			want: "not yet: watched 3h of 24h; not yet: watched 3h of 24h; 3h of 24h; 0s before the end", kinds: "not-watched"},
		{name: "hours without any record were not watched", flows: "shop/web -> shop/db 1/tcp\nshop/web -> shop/db 1/tcp hour=168 times=9" + dns, cfg: day,
			want: "not yet: watched 1h of 24h; not yet: watched 1h of 24h; 1h of 24h; 7d before the end", kinds: "not-watched"},
		{name: "the log is longer than the pods were watched", flows: "jobs/a -> jobs/b 1/tcp\njobs/a -> jobs/b 1/tcp hour=99 times=9\nshop/web -> shop/db 1/tcp" + dns, cfg: day,
			want: "not yet: watched 0s of 24h; not yet: watched 0s of 24h; 0s of 24h; 4d 3h before the end", kinds: "not-watched"},
		{name: "no length is asked for", flows: "shop/web -> shop/db 1/tcp" + dns,
			want: "nothing seen would be blocked; nothing seen would be blocked; 0s; 0s before the end"},
		{name: "what was denied is watched, and nothing is new", flows: "shop/web -> shop/db 1/tcp denied",
			want: "nothing seen would be blocked (already isolated); nothing seen would be blocked (already isolated); 0s; none"},
		{name: "forced", flows: "shop/web -> shop/db 1/tcp" + dns, cfg: synth.Config{MinWatch: time.Hour, EnforceAnyway: true},
			want: "forced: watched 0s of 1h; forced: watched 0s of 1h; 0s of 1h; 0s before the end", kinds: "not-watched"},
		{name: "short, and with a blocker", flows: "shop/web -> shop/db 8/icmp" + dns, cfg: day,
			want:  "not yet: watched 0s of 24h, 1 blocker; not yet: watched 0s of 24h, 1 blocker; 0s of 24h; 0s before the end",
			kinds: "inexpressible inexpressible not-watched"},
		{name: "the log has the pods only where they talk to another namespace", flows: "jobs/a -> shop/db 1/tcp" + dns, cfg: synth.Config{Blind: []synth.Blind{{Shown: []string{"jobs"}}}},
			want: "not yet: watched only with jobs; not yet: watched only with jobs; only with jobs; 0s before the end", kinds: "one-namespace"},
		{name: "one pod asks a resolver, the other never does", flows: "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 1/tcp" + dns,
			want: "nothing seen would be blocked; nothing seen would be blocked, 1 workload held open; 0s; 0s before the end", kinds: "no-dns"},
		{name: "who connects to nobody needs no names", flows: "shop/web -> shop/db 1/tcp\njobs/a -> shop/db 1/tcp" + dns,
			want: "nothing seen would be blocked; nothing seen would be blocked; 0s; 0s before the end"},
		{name: "asking was denied: that is the cluster's will", flows: "shop/web -> shop/db 1/tcp" + dns + " denied",
			want: "nothing seen would be blocked; nothing seen would be blocked (already isolated); 0s; 0s before the end"},
		{name: "no port 53 in the capture", flows: "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 1/tcp",
			want: "nothing seen would be blocked; nothing seen would be blocked, 2 workloads held open; 0s; 0s before the end", kinds: "no-dns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Namespaces, c.cfg.Dialect = []string{"shop"}, kubernetes.Dialect{}
			r, err := synth.Synthesize(t.Context(), graphtest.Graph(t, c.flows), c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			e := r.Enforce["shop"]
			got := fmt.Sprintf("%s; %s; %s; %s", e.Words(model.Ingress), e.Words(model.Egress), e.Watched, e.Watched.LastNewEdge())
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var kinds []string
			for _, f := range r.Findings {
				if f.Severity == synth.Blocks {
					kinds = append(kinds, string(f.Kind))
				}
			}
			if got := strings.Join(kinds, " "); got != c.kinds {
				t.Errorf("findings that block: %q, want %q", got, c.kinds)
			}
			if _, ok := r.DefaultDeny("shop"); ok != (e.Ingress.Enforced() || e.Egress.Enforced()) {
				t.Errorf("default deny: %v", ok)
			}
		})
	}
}

// TestNeverWatched: nothing is denied in a namespace of which there is no record.
func TestNeverWatched(t *testing.T) {
	r := learn(t, graphtest.Graph(t, "shop/web -> shop/db 1/tcp"), synth.Config{Namespaces: []string{"shop", "jobs"}})
	if e, ok := r.Enforce["jobs"]; ok {
		t.Errorf("jobs: %+v", e)
	}
	if !slices.ContainsFunc(r.Findings, func(f synth.Finding) bool { return f.Kind == synth.KindUnseen && f.Namespace == "jobs" }) {
		t.Error("no finding")
	}
}

// TestResolver: a resolver that the configuration names is allowed to who was never seen asking, and to nobody else.
func TestResolver(t *testing.T) {
	const flows = "shop/web -> shop/db 1/tcp\nshop/api -> shop/db 1/tcp" + dns
	named := &synth.Resolver{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}
	for _, c := range []struct {
		name string
		cfg  synth.Config
		want string
		cost string
	}{
		{"by its labels", synth.Config{Resolver: named}, `
shop/dns-resolver (app=api) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns`, "resolver 2"},
		{"by its workload", synth.Config{Resolver: &synth.Resolver{Namespace: "kube-system", Workload: "kube-dns"}}, `
shop/dns-resolver (app=api) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns`, "resolver 2"},
		{"none", synth.Config{Resolver: &synth.Resolver{None: true}}, "", ""},
	} {
		c.cfg.Namespaces = []string{"shop"}
		g := graphtest.Graph(t, flows)
		r := learn(t, g, c.cfg)
		var got, cost []string
		for _, p := range strings.Split(show(&r), "\nshop/") {
			if strings.HasPrefix(p, synth.NameResolver) {
				got = append(got, "\nshop/"+strings.TrimSpace(p))
			}
		}
		for _, w := range r.Widenings {
			if w.Kind == synth.WidenResolver {
				cost = append(cost, fmt.Sprintf("%s %d", w.Kind, w.Price))
			}
		}
		if d := cmp.Diff(c.want, strings.Join(got, "")); d != "" || strings.Join(cost, "") != c.cost {
			t.Errorf("%s: %v -want +got\n%s", c.name, cost, d)
		}
		if e := r.Enforce["shop"]; e.Egress != synth.Proven {
			t.Errorf("%s: egress %v %v", c.name, e.Egress, e.Why)
		}
		if rep := check(t, g, &r, r.Enforced(), eval.Cilium); rep.Over.Count > 0 || len(rep.Unused) > 0 || rep.Connections[verify.Lost] > 0 {
			t.Errorf("%s: %+v", c.name, rep)
		}
	}
}

// TestFloorOfResolvers: the floor below the policies of namespaces lets pods ask the resolvers that the dialect can name.
// Where it has no peer for one that others ask, as for a cache on the nodes, egress stays open to them.
func TestFloorOfResolvers(t *testing.T) {
	const byHost = dns + "\nshop/web -> entity:host 53/udp"
	named := &synth.Resolver{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}
	for _, c := range []struct {
		name, flows string
		resolver    *synth.Resolver
		closed      bool
	}{
		{"pods", dns, nil, true},
		{"pods and the node", byHost, nil, false},
		{"the node", "\nshop/web -> entity:host 53/udp", nil, false},
		{"the node, and pods by the configuration", byHost, named, true},
	} {
		g := graphtest.Graph(t, "shop/web -> shop/db 1/tcp"+c.flows)
		r, err := synth.Synthesize(t.Context(), g, synth.Config{All: true, Dialect: cluster.Dialect{}, Resolver: c.resolver})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := r.GlobalDeny()
		told := slices.ContainsFunc(r.Findings, func(f synth.Finding) bool { return f.Kind == synth.KindNotGlobal })
		if p.Egress != c.closed || told == c.closed {
			t.Errorf("%s: closed %v, told %v", c.name, p.Egress, told)
		}
		set := policy.PolicySet{Policies: []policy.Policy{p}}
		if _, lost := r.Dialect.Project(set); len(lost) > 0 {
			t.Errorf("%s: %v", c.name, lost)
		}
	}
}

// TestWideningThatCannotBe: a widening that was asked for and cannot be made for anybody is an error, and where it
// opens nothing that is said.
func TestWideningThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		flows, err, idle string
		cfg              synth.Config
	}{
		{flows: "shop/web -> shop/db 1/tcp", err: "no pod of the chosen namespaces was seen asking a resolver"},
		{flows: "shop/web -> shop/db 1/tcp" + dns, cfg: synth.Config{MinWatch: time.Hour}, idle: "the egress of shop is not denied yet"},
		{flows: "shop/web -> shop/db 1/tcp" + dns + "\njobs/a -> jobs/b 1/tcp", cfg: synth.Config{All: true, Resolver: &synth.Resolver{None: true}},
			idle: "no pod of jobs was seen asking a resolver"},
		{flows: "shop/web -> shop/db 1/tcp" + dns},
	} {
		c.cfg.Namespaces, c.cfg.Widen = []string{"shop"}, []string{synth.WidenDNS}
		c.cfg.Dialect = kubernetes.Dialect{}
		r, err := synth.Synthesize(t.Context(), graphtest.Graph(t, c.flows), c.cfg)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v", c.flows, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		idle := ""
		for _, f := range r.Findings {
			if f.Kind == synth.KindIdle {
				idle += f.Text
			}
		}
		if idle != c.idle {
			t.Errorf("%q: %q, want %q", c.flows, idle, c.idle)
		}
	}
}

// TestNamesOfResolvers: a workload that asks many resolvers, each with others that no one selector finds beside it, has
// policies of as many names.
func TestNamesOfResolvers(t *testing.T) {
	long := strings.Repeat("very-", 9) + "long"
	for _, client := range []string{"web", long} {
		var lines []string
		for i := range 5 {
			lines = append(lines, fmt.Sprintf("shop/%s -> 192.0.2.%d 53/udp", client, i),
				fmt.Sprintf("shop/{app.kubernetes.io/name=other%d} -> 192.0.2.%d 53/udp", i, i))
		}
		g := graphtest.Graph(t, lines...)
		r := learn(t, g, synth.Config{All: true})
		names := map[string]bool{}
		for _, p := range r.Policies.Policies {
			if names[p.Name] {
				t.Errorf("%s: two policies %s", client, p.Name)
			}
			names[p.Name] = true
		}
		if rep := check(t, g, &r, r.Enforced(), eval.Cilium); rep.Connections[verify.Lost] > 0 || len(names) < 10 {
			t.Errorf("%s: %v, %d policies", client, rep.Connections, len(names))
		}
	}
}
