//go:build corpus

package eval_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/render"
)

const (
	external = "0.0.0.0-255.255.255.255[External]"
	gateway  = "{ingress-controller}"
)

// probe is a connection to try between two ends.
type probe struct {
	proto model.Proto
	port  uint16
}

// connections are the probes that are allowed between each pair, keyed "src => dst".
type connections map[string]map[probe]bool

// TestNPGuard compares every pair of every application with the connectivity that np-guard's netpol-analyzer prints, at
// every port that a list or policy names and at ports that none does. testdata/npguard-differences.txt explains each
// pair that differs.
func TestNPGuard(t *testing.T) {
	root := filepath.Join(corpus(t), "np-guard-npa")
	explained := differences(t)
	for _, c := range []struct{ dir, list string }{
		{"acs-security-demos", "acs-security-demos_connlist_output.txt"},
		{"acs-security-demos", "acs-security-demos-with-netpol-list_connlist_output.txt"},
		{"anp_banp_blog_demo", "anp_banp_blog_demo_connlist_output.txt"},
		{"anp_banp_blog_demo", "anp_banp_blog_demo_udp-52_connlist_output.txt"},
		{"demo_app_with_routes_and_ingress", "demo_app_with_routes_and_ingress_connlist_output.txt"},
		{"new_online_boutique", "new_online_boutique_connlist_output.txt"},
		{"new_online_boutique_synthesis", "new_online_boutique_synthesis_connlist_output.txt"},
		{"onlineboutique", "onlineboutique_connlist_output.txt"},
		{"onlineboutique_workloads", "onlineboutique_workloads_connlist_output.txt"},
	} {
		t.Run(c.list, func(t *testing.T) {
			app := load(t, filepath.Join(root, c.dir))
			text, err := os.ReadFile(filepath.Join(root, "expected", c.list))
			if err != nil {
				t.Fatal(err)
			}
			probes := app.probes(string(text))
			want := expected(t, string(text), probes)
			got, n := app.connect(probes, want)
			t.Logf("%d pods, %d policies, %d decisions", len(app.pods), len(app.policies.Policies), n)
			if d := cmp.Diff(explained[c.dir], differ(want, got)); d != "" {
				t.Errorf("pairs that differ (-explained +found):\n%s", d)
			}
			for _, p := range app.problems {
				if p.Severity == render.Invalid || p.Severity == render.Unsupported && c.dir != "anp_banp_blog_demo" {
					t.Error(p)
				}
			}
		})
	}
}

// probes are the ports that the list and the policies name, and some that they do not.
func (c *cluster) probes(list string) []probe {
	out := []probe{{model.TCP, 1}, {model.TCP, 65535}, {model.UDP, 1}, {model.UDP, 53}, {model.SCTP, 1}, {model.ICMP, 8}}
	for line := range strings.Lines(list) {
		var port uint16
		if _, conn, ok := strings.Cut(line, " : TCP "); ok {
			if _, err := fmt.Sscan(conn, &port); err == nil {
				out = append(out, probe{model.TCP, port})
			}
		}
	}
	if strings.HasPrefix(list, "Permitted connections on UDP 52") {
		return []probe{{model.UDP, 52}}
	}
	for _, p := range c.policies.Policies {
		for _, r := range p.Rules {
			for _, q := range r.Ports {
				out = append(out, probe{q.Proto, q.First}, probe{q.Proto, q.Last})
			}
		}
	}
	return out
}

// expected reads np-guard's list: "src => dst : All Connections" or "TCP 80", or no connection at all without a line.
func expected(t *testing.T, list string, probes []probe) connections {
	t.Helper()
	want := connections{}
	for line := range strings.Lines(list) {
		pair, conn, _ := strings.Cut(strings.TrimSpace(line), " : ")
		if !strings.Contains(pair, " => ") {
			continue
		}
		want[pair] = map[probe]bool{}
		var port uint16
		all := conn == "All Connections" || conn == ""
		if !all {
			if _, err := fmt.Sscanf(conn, "TCP %d", &port); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		for _, p := range probes {
			if all || p == (probe{model.TCP, port}) {
				want[pair][p] = true
			}
		}
	}
	return want
}

// connect decides every pair at every probe. The list shows an ingress controller only where a Route or Ingress leads to
// the pod, which is no matter of policy: of those pairs only the listed ones are looked at.
func (c *cluster) connect(probes []probe, want connections) (connections, int) {
	e := eval.New(c.policies, eval.Spec)
	ends := map[string]*eval.End{
		external: e.End(eval.Facts{Address: netip.MustParseAddr("203.0.113.9"), Entities: model.World}),
		gateway:  e.End(eval.Facts{IsPod: true, Namespace: "ingress-controller-ns", NamespaceLabels: model.Labels{}}),
	}
	for name, f := range c.pods {
		ends[name] = e.End(f)
	}
	got, n := connections{}, 0
	for s, src := range ends {
		for d, dst := range ends {
			pair := s + " => " + d
			if s == d || d == gateway || s == gateway && want[pair] == nil || s == gateway && d == external || s == external && d == external {
				continue
			}
			for _, p := range probes {
				n++
				if s == gateway && !want[pair][p] {
					continue
				}
				if e.Decide(src, dst, p.proto, p.port).Allowed {
					if got[pair] == nil {
						got[pair] = map[probe]bool{}
					}
					got[pair][p] = true
				}
			}
		}
	}
	return got, n
}

// differ lists the pairs that differ.
func differ(want, got connections) []string {
	var out []string
	for pair := range want {
		if !cmp.Equal(want[pair], got[pair]) {
			out = append(out, pair)
		}
	}
	for pair := range got {
		if want[pair] == nil {
			out = append(out, pair)
		}
	}
	slices.Sort(out)
	return out
}

// differences reads the explained pairs by application: "application: src => dst: why".
func differences(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/npguard-differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSpace(line), ": ", 3); len(f) == 3 && !strings.HasPrefix(line, "#") {
			out[f[0]] = append(out[f[0]], f[1])
		}
	}
	return out
}
