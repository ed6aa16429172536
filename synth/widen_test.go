package synth_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/cilium"
	"sluice/synth/verify"
)

func pool(prefixes ...string) (out []netip.Prefix) {
	for _, p := range prefixes {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// ftp is a client with some passive ports of a server.
const ftp = `
	shop/web -> shop/ftp 21/tcp
	shop/web -> shop/ftp 30001/tcp
	shop/web -> shop/ftp 30003/tcp
	shop/web -> shop/ftp 30004/tcp
	shop/web -> shop/ftp 30007/tcp
	shop/web -> shop/ftp 30009/tcp`

// TestRandomPorts: ports that a server picks anew each time are told, since no rule has the next one.
func TestRandomPorts(t *testing.T) {
	pairs := func(proto string, ports ...int) (flows string) {
		for _, p := range ports {
			flows += fmt.Sprintf("\nshop/web -> shop/db %d/%s", p, proto)
		}
		return flows
	}
	picked := []int{32901, 39999, 44777, 51234, 60111}
	for _, c := range []struct {
		name, flows, want string
	}{
		{"passive FTP without a range", pairs("tcp", append(picked, 21)...),
			"shop/web -> shop/db: passive FTP, 5 ports seen in 32901-60111/tcp; no range would be its own"},
		{"RMI", pairs("tcp", append(picked, 1099)...), "shop/web -> shop/db: RMI, 5 ports seen in 32901-60111/tcp; no range would be its own"},
		{"many for no known reason", pairs("tcp", append(picked, 33001, 34002, 48003, 50004, 52005, 8080)...),
			"shop/web -> shop/db: many ports, 10 ports seen in 32901-60111/tcp; no range would be its own"},
		{"few for no known reason", pairs("tcp", picked...), ""},
		{"servers of many fixed ports", pairs("tcp", 3000, 5432, 6379, 8080, 8443, 9090, 9200, 15672, 20000, 27017), ""},
	} {
		r := learn(t, graphtest.Graph(t, c.flows), synth.Config{Namespaces: []string{"shop"}})
		var got []string
		for _, f := range r.Findings {
			if f.Kind == synth.KindRandom {
				got = append(got, f.Text)
			}
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}
}

func TestWiden(t *testing.T) {
	for _, c := range []struct {
		name, flows, want, widenings string
		cfg                          synth.Config
	}{
		{name: "a range of passive FTP is proposed", flows: ftp, want: `
shop/ftp (app=ftp) ingress
  allow ingress 21/tcp,30001/tcp,30003/tcp,30004/tcp,30007/tcp,30009/tcp from shop/app=web
shop/web (app=web) egress
  allow egress 21/tcp,30001/tcp,30003/tcp,30004/tcp,30007/tcp,30009/tcp to shop/app=ftp
`},
		{name: "and opened", flows: ftp, cfg: synth.Config{Widen: []string{"ranges"}}, widenings: "ranges 4", want: `
shop/ftp (app=ftp) ingress
  allow ingress 21/tcp,30001-30009/tcp from shop/app=web
shop/web (app=web) egress
  allow egress 21/tcp,30001-30009/tcp to shop/app=ftp
`},
		{name: "a port that was denied stays out of it", flows: ftp + "\nshop/web -> shop/ftp 30002/tcp denied", cfg: synth.Config{Widen: []string{"ranges"}},
			widenings: "ranges 3", want: `
shop/ftp (app=ftp) ingress
  allow ingress 21/tcp,30001/tcp,30003-30009/tcp from shop/app=web
shop/web (app=web) egress
  allow egress 21/tcp,30001/tcp,30003-30009/tcp to shop/app=ftp
`},
		{name: "addresses side by side are one block, exactly", flows: "shop/web -> 192.0.2.4 443/tcp\nshop/web -> 192.0.2.5 443/tcp\nshop/web -> 192.0.2.6 443/tcp", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.4/31; 192.0.2.6/32
`},
		{name: "with one address to waste", flows: "shop/web -> 192.0.2.4 443/tcp\nshop/web -> 192.0.2.5 443/tcp\nshop/web -> 192.0.2.6 443/tcp",
			cfg: synth.Config{Widen: []string{"cidr"}, AllowWaste: 1}, widenings: "cidr 1", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.4/30
`},
		{name: "but not one that another workload is known to use", flows: "shop/web -> 192.0.2.4 443/tcp\nshop/web -> 192.0.2.5 443/tcp\nshop/web -> 192.0.2.6 443/tcp\nx/y -> 192.0.2.7 443/tcp",
			cfg: synth.Config{Widen: []string{"cidr"}, AllowWaste: 1}, want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.4/31; 192.0.2.6/32
`},
		{name: "a named network is allowed whole, less what was denied", flows: "shop/web -> 192.0.2.4 443/tcp\nshop/web -> 192.0.2.9 443/tcp denied",
			cfg: synth.Config{Networks: []synth.Network{{"office", pool("192.0.2.0/28")}}}, widenings: "networks 14", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.0/28 except 192.0.2.9/32
`},
		{name: "a named network counts once", flows: "shop/web -> 192.0.2.4 443/tcp\nshop/web -> 192.0.2.5 443/tcp",
			cfg: synth.Config{Networks: []synth.Network{{"office", pool("192.0.2.0/28")}}}, widenings: "networks 14", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.0/28
`},
		{name: "anywhere", flows: "shop/web -> 192.0.2.4 443/tcp", cfg: synth.Config{Widen: []string{"anywhere"}}, widenings: "anywhere 4294967295", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 0.0.0.0/0
`},
		{name: "a named network is no more when anywhere is asked for", flows: "shop/web -> 192.0.2.4 443/tcp\nx/web -> 198.51.100.1 443/tcp",
			cfg: synth.Config{Widen: []string{"anywhere"}, Networks: []synth.Network{{"office", pool("192.0.2.0/28")}}}, widenings: "networks 15", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 192.0.2.0/28
`},
		{name: "pub with a name in the configuration", flows: "shop/web -> network:pub 443/tcp",
			cfg: synth.Config{Networks: []synth.Network{{"pub", pool("198.51.100.0/24")}}}, widenings: "networks 256", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 198.51.100.0/24
`},
		{name: "pvt when anywhere is asked for", flows: "shop/web -> network:pvt 443/tcp", cfg: synth.Config{Widen: []string{"anywhere"}}, widenings: "anywhere 9223372036854775807", want: `
shop/web (app=web) egress
  allow egress 443/tcp to 10.0.0.0/8; 172.16.0.0/12; 192.168.0.0/16; fc00::/7
`},
		{name: "names for all pods are no allow policy", flows: "shop/web -> kube-system/{k8s-app=kube-dns} 53/udp\nshop/web -> shop/db 1/tcp",
			cfg: synth.Config{Widen: []string{"dns"}}, widenings: "dns 2; dns-tcp 1", want: `
shop/db (app=db) ingress
  allow ingress 1/tcp from shop/app=web
shop/dns (app=web) egress
  allow egress 53/tcp,53/udp to kube-system/k8s-app=kube-dns
shop/web (app=web) egress
  allow egress 1/tcp to shop/app=db
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Namespaces = []string{"shop"}
			g := graphtest.Graph(t, c.flows)
			r := learn(t, g, c.cfg)
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), show(&r)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			var got []string
			for _, w := range r.Widenings {
				got = append(got, fmt.Sprintf("%s %d", w.Kind, w.Price))
			}
			if s := strings.Join(got, "; "); s != c.widenings {
				t.Errorf("widenings %q, want %q", s, c.widenings)
			}
			rep := check(t, g, &r, r.Enforced(), eval.Cilium)
			if rep.Connections[verify.Lost]+rep.Connections[verify.Escaped] > 0 || rep.Over.Count > 0 || len(rep.Unused) > 0 {
				t.Errorf("%v, over %+v, unused %v", rep.Connections, rep.Over, rep.Unused)
			}
		})
	}
}

// TestRanges: what a pair picks at random is told from what is agreed upon.
func TestRanges(t *testing.T) {
	ports := func(src, dst, proto string, list ...int) (s string) {
		for _, p := range list {
			s += fmt.Sprintf("%s -> %s %d/%s\n", src, dst, p, proto)
		}
		return s
	}
	for _, c := range []struct{ flows, want string }{
		{ports("shop/a", "shop/b", "tcp", 4369, 30001, 30003, 30010, 30022, 30031), "Erlang distribution, 5 ports seen in 30001-30031/tcp; the range costs 26 ports never seen"},
		{ports("shop/a", "shop/b", "tcp", 7077, 41000, 41001, 41004, 41005, 41007), "Spark, 5 ports seen in 41000-41007/tcp; the range costs 3 ports never seen"},
		{ports("shop/a", "192.0.2.1", "udp", 16390, 16402, 16500, 16502, 16600), "RTP, 5 ports seen in 16390-16600/udp; the range costs 206 ports never seen"},
		{ports("shop/a", "shop/b", "tcp", 30001, 30003, 30010, 30022, 30031), ""},
		{ports("shop/a", "shop/b", "tcp", 21, 30001, 30003, 30010, 60022), ""},
		{ports("shop/a", "shop/b", "tcp", 30001, 30002, 30003, 30004, 30005, 30006, 30007, 30008, 30009, 30011), "many ports, 10 ports seen in 30001-30011/tcp; the range costs 1 ports never seen"},
		{ports("shop/a", "shop/b", "tcp", 21, 1, 2, 3, 4, 5, 6), ""},
		{ports("shop/a", "shop/b", "tcp", 21, 2000, 2002, 2004, 2006, 2008, 30000), ""}, // too wide
	} {
		r := learn(t, graphtest.Graph(t, c.flows), synth.Config{Namespaces: []string{"shop"}})
		got := ""
		for _, f := range r.Findings {
			if f.Kind == synth.KindProposed {
				_, text, _ := strings.Cut(f.Text, ": ")
				got += text
			}
		}
		if got != c.want {
			t.Errorf("%s\n%q, want %q", c.flows, got, c.want)
		}
	}
}

// TestWidened: with everything opened that can be, nothing is lost or escapes, and all that is opened has a name.
func TestWidened(t *testing.T) {
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		lines := randomFlows(rnd)
		for range rnd.IntN(20) {
			lines = append(lines, fmt.Sprintf("n0/a%d -> n1/a%d %d/tcp", rnd.IntN(2), rnd.IntN(2), 30000+rnd.IntN(20)))
			lines = append(lines, fmt.Sprintf("n0/a%d -> 198.51.100.%d 443/tcp", rnd.IntN(3), rnd.IntN(32)))
		}
		lines = append(lines, "n0/a0 -> kube-system/{k8s-app=kube-dns} 53/udp")
		lines = append(lines, fmt.Sprintf("n0/a4 -> 198.51.100.%d 443/tcp denied", 40+rnd.IntN(10)))
		g := graphtest.Graph(t, lines...)
		cfg := synth.Config{All: true, AllowWaste: 1 + rnd.IntN(8)}
		if seed%2 == 0 {
			cfg.Dialect = cilium.Dialect{}
		}
		for _, w := range synth.Widenings() {
			if rnd.IntN(2) == 0 && w != synth.WidenNodes {
				cfg.Widen = append(cfg.Widen, w)
				if w == synth.WidenAPI {
					cfg.Networks = []synth.Network{{synth.APINetwork, pool("198.51.100.8/30")}}
				}
			}
		}
		if rnd.IntN(2) == 0 {
			cfg.Networks = append(cfg.Networks, synth.Network{"n", pool("198.51.100.0/26")})
		}
		r := learn(t, g, cfg)
		rep := check(t, g, &r, r.Enforced(), eval.Cilium)
		if rep.Connections[verify.Lost]+rep.Connections[verify.Escaped]+rep.Connections[verify.Unproven] > 0 || rep.Over.Count > 0 {
			t.Fatalf("seed %d, %+v: %v, over %+v, cases %v\n%s", seed, cfg, rep.Connections, rep.Over, rep.Cases, show(&r))
		}
	}
}
