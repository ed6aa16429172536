package bundle_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/bundle/applytest"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/cluster"
	"sluice/synth/render/kubernetes"
)

// shop is a namespace in which nothing is denied, with what the dialects say in different ways: shared policies, names,
// entities, addresses in a named network, ICMP.
const shop = `
shop/web -> shop/db 5432/tcp
shop/api -> shop/db 5432/tcp
shop/api -> shop/queue 5672/tcp
shop/web -> shop/api 8080/tcp
shop/web -> kube-system/{k8s-app=kube-dns} 53/udp
shop/api -> kube-system/{k8s-app=kube-dns} 53/udp
shop/db -> kube-system/{k8s-app=kube-dns} 53/udp
ingress/nginx -> shop/web 8080/tcp
monitoring/prometheus -> shop/web 9090/tcp
monitoring/prometheus -> shop/db 9187/tcp
shop/web -> 192.0.2.9 443/tcp
shop/api -> 192.0.2.77 443/tcp
jobs/cron -> shop/queue 5672/tcp
jobs/cron -> kube-system/{k8s-app=kube-dns} 53/udp
`

// beside has what only some dialects can say, and what stands in the way of a direction.
const beside = `
entity:remote-node -> shop/web 8080/tcp
jobs/cron -> entity:kube-apiserver 6443/tcp
jobs/cron -> shop/queue 8/icmp
shop/queue -> shop/pod:x 1234/tcp
`

// denied is what policies of today deny.
const denied = `
shop/rogue -> shop/db 5432/tcp denied
jobs/cron -> shop/db 5432/tcp denied
`

// unnamed is what a pod did that the log does not name, and named what each of the pods did if it was that one.
const unnamed = `
shop/pod:* -> shop/queue 5672/tcp
shop/pod:* -> 192.0.2.50 443/tcp
jobs/cron -> shop/pod:* 9999/tcp
`

var named = func() string {
	var out []string
	for _, pod := range []string{"web", "db", "api", "queue", "to-come"} {
		out = append(out, strings.ReplaceAll(unnamed, "pod:*", pod))
	}
	return strings.Join(out, "")
}()

var everyDialect = []struct {
	dialect render.Dialect
	sem     eval.Semantics
}{
	{kubernetes.Dialect{}, eval.Spec}, {kubernetes.Dialect{}, eval.Cilium}, {kubernetes.Dialect{}, eval.Calico},
	{cilium.Dialect{}, eval.Cilium}, {calico.Dialect{}, eval.Calico}, {cluster.Dialect{}, eval.Spec},
	{cluster.Dialect{Baseline: true}, eval.Spec}, {cluster.Dialect{Baseline: true}, eval.Cilium},
	{cluster.Dialect{Baseline: true}, eval.Calico},
}

// called names a dialect, and the form that it writes.
func called(d render.Dialect) string {
	if in, ok := d.(render.Inward); ok && in.PodsOnly() {
		return d.Name() + "-baseline"
	}
	return d.Name()
}

// TestPhases: whatever part of a phase is applied, in any order, nothing that worked is denied; nothing at all is before
// the step that enforces; and the undo opens what it says. By the commands that the bundle prints.
func TestPhases(t *testing.T) {
	office := []synth.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	for _, c := range []struct {
		name  string
		lines string
		cfg   synth.Config
	}{
		{"open", shop, synth.Config{Namespaces: []string{"shop"}}},
		{"all", shop, synth.Config{All: true}},
		{"blocked", shop + beside, synth.Config{All: true}},
		{"isolated", shop + denied, synth.Config{All: true}},
		{"isolated and blocked", shop + beside + denied, synth.Config{All: true}},
		{"isolated for sure and blocked", shop + beside + denied + "\n192.0.2.99 -> shop/db 5432/tcp denied", synth.Config{All: true}},
		{"isolated and not watched", shop + denied + "\n192.0.2.99 -> shop/db 5432/tcp denied",
			synth.Config{All: true, MinWatch: 1000 * time.Hour}},
		{"the server alone is isolated", shop + "\nshop/rogue -> data/db 5432/tcp denied ingress", synth.Config{All: true}},
		{"a rule denies a stranger", shop + beside + "\n192.0.2.99 -> shop/db 5432/tcp denied ingress rule", synth.Config{All: true}},
		{"forced", shop + beside, synth.Config{All: true, EnforceAnyway: true}},
		{"prefix", shop, synth.Config{All: true, NamePrefix: "acme-"}},
		{"dns", shop, synth.Config{All: true, Widen: []string{synth.WidenDNS}}},
		{"networks", shop, synth.Config{All: true, Networks: office}},
		{"networks and isolated", shop + denied, synth.Config{All: true, Networks: office}},
		{"global", shop, synth.Config{All: true, GlobalDeny: true}},
		{"global and isolated", shop + denied, synth.Config{All: true, GlobalDeny: true}},
		// Whichever pod it was, it keeps what it had.
		{"unnamed", shop + unnamed, synth.Config{All: true}},
		{"unnamed and isolated", shop + unnamed + denied, synth.Config{All: true}},
		{"nothing", "shop/web -> shop/pod:x 1/tcp\nshop/pod:x -> shop/web 1/tcp", synth.Config{All: true}},
	} {
		for _, e := range everyDialect {
			if _, ok := e.dialect.(render.Global); c.cfg.GlobalDeny && !ok {
				continue
			}
			t.Run(fmt.Sprint(c.name, "/", called(e.dialect), "/", e.sem), func(t *testing.T) {
				t.Parallel()
				cfg := c.cfg // the cases of other dialects run beside this one
				cfg.Dialect = e.dialect
				dir, g := learned(t, cfg, e.sem, c.lines)
				if strings.Contains(c.lines, unnamed) {
					g = graphtest.Graph(t, c.lines, named)
				}
				applytest.Run(t, nil, dir, g, e.sem, e.dialect)
			})
		}
	}
}

// TestPhasesRandom: so it is for clusters by chance, and where an earlier bundle of theirs is in force already.
func TestPhasesRandom(t *testing.T) {
	for seed := range uint64(10) {
		e := everyDialect[int(seed)%len(everyDialect)]
		t.Run(fmt.Sprint(seed, "/", called(e.dialect), "/", e.sem), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 9))
			lines := randomLines(r)
			cfg := synth.Config{All: true, Dialect: e.dialect}
			c := applytest.Cluster{}
			for _, some := range [][]string{lines[:len(lines)/2], lines, lines[len(lines)/3:]} {
				dir, g := learned(t, cfg, e.sem, strings.Join(some, "\n"))
				applytest.Run(t, c, dir, g, e.sem, e.dialect)
			}
		})
	}
}

// TestPhasesBeside: what is typed for a bundle touches no other one, though both have the name that a bundle has which
// was given none, and a network in common.
func TestPhasesBeside(t *testing.T) {
	office := []synth.Network{{Name: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	for _, e := range everyDialect {
		if strings.HasSuffix(called(e.dialect), "-baseline") { // whose policies are in no namespace: the steps say so
			continue
		}
		t.Run(fmt.Sprint(called(e.dialect), "/", e.sem), func(t *testing.T) {
			t.Parallel()
			both := applytest.Cluster{}
			dir, g := learned(t, synth.Config{Namespaces: []string{"shop"}, Dialect: e.dialect, Networks: office}, e.sem, shop)
			applytest.Run(t, both, dir, g, e.sem, e.dialect)
			first := maps.Clone(both)
			dir, g = learned(t, synth.Config{Namespaces: []string{"jobs"}, Dialect: e.dialect}, e.sem, shop)
			applytest.Run(t, both, dir, g, e.sem, e.dialect)
			for k := range first {
				if _, ok := both[k]; !ok {
					t.Errorf("the way of the other bundle took away %s", k)
				}
			}
		})
	}
}

func randomLines(r *rand.Rand) []string {
	ns := []string{"a", "b", "c"}
	pod := func() string { return fmt.Sprintf("%s/w%d", ns[r.IntN(len(ns))], r.IntN(5)) }
	end := func() string {
		switch r.IntN(60) {
		case 0, 3, 4:
			return fmt.Sprintf("192.0.2.%d", 1+r.IntN(4))
		case 1:
			return "entity:remote-node"
		case 2, 5, 6, 7, 8:
			return "kube-system/{k8s-app=kube-dns}"
		}
		return pod()
	}
	var lines []string
	for range 30 + r.IntN(40) {
		src, dst := end(), pod()
		if r.IntN(2) == 0 {
			src, dst = pod(), end()
		}
		port := []string{"80/tcp", "443/tcp", "5432/tcp", "53/udp"}[r.IntN(4)]
		word := ""
		if r.IntN(40) == 0 {
			word = " denied"
		}
		if src != dst {
			lines = append(lines, src+" -> "+dst+" "+port+word)
		}
	}
	return lines
}

// TestPhasesSixty: so it is in namespaces of the size that others compare on.
func TestPhasesSixty(t *testing.T) {
	for i, e := range everyDialect {
		if i > 0 && e.dialect == everyDialect[i-1].dialect {
			continue
		}
		t.Run(called(e.dialect), func(t *testing.T) {
			t.Parallel()
			cfg := synth.Config{Namespaces: []string{"team-00", "team-01", "team-20", "monitoring"}, Dialect: e.dialect}
			dir, g := learned(t, cfg, e.sem, graphtest.Sixty()...)
			applytest.Run(t, nil, dir, g, e.sem, e.dialect)
		})
	}
}

// learned writes a bundle of some lines.
func learned(t *testing.T, cfg synth.Config, sem eval.Semantics, lines ...string) (string, *graph.Graph) {
	t.Helper()
	g := graphtest.Graph(t, lines...)
	cfg.Resolver = &synth.Resolver{None: true}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: sem}); err != nil {
		t.Fatal(err)
	}
	return dir, g
}
