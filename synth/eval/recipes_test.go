//go:build corpus

package eval_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// TestRecipes states what each recipe of "Kubernetes network policy recipes" promises in its own text.
func TestRecipes(t *testing.T) {
	dir := filepath.Join(corpus(t), "recipes")
	web, other := pod("default", "app=web"), pod("default", "run=test")
	dns := pod("kube-system", "k8s-app=kube-dns")
	for _, c := range []struct {
		file     string
		src, dst eval.Facts
		proto    model.Proto
		port     uint16
		want     bool
	}{
		{"01-deny-all-traffic-to-an-application", other, web, model.TCP, 80, false},
		{"01-deny-all-traffic-to-an-application", web, other, model.TCP, 80, true},
		{"02-limit-traffic-to-an-application", other, pod("default", "app=bookstore", "role=api"), model.TCP, 80, false},
		{"02-limit-traffic-to-an-application", pod("default", "app=bookstore", "role=frontend"), pod("default", "app=bookstore", "role=api"), model.TCP, 80, true},
		{"02-limit-traffic-to-an-application", pod("other", "app=bookstore"), pod("default", "app=bookstore", "role=api"), model.TCP, 80, false},
		{"02a-allow-all-traffic-to-an-application", pod("other"), web, model.TCP, 80, true},
		{"02a-allow-all-traffic-to-an-application", world, web, model.ICMP, 8, true},
		{"03-deny-all-non-whitelisted-traffic-in-the-namespace", other, web, model.TCP, 80, false},
		{"03-deny-all-non-whitelisted-traffic-in-the-namespace", web, pod("other"), model.TCP, 80, true},
		{"04-deny-traffic-from-other-namespaces", pod("foo", "app=web"), web, model.TCP, 80, false},
		{"04-deny-traffic-from-other-namespaces", other, web, model.TCP, 80, true},
		{"04-deny-traffic-from-other-namespaces", world, web, model.TCP, 80, false},
		{"05-allow-traffic-from-all-namespaces", pod("secondary"), web, model.TCP, 80, true},
		{"05-allow-traffic-from-all-namespaces", world, web, model.TCP, 80, false},
		{"06-allow-traffic-from-a-namespace", in(pod("dev"), "purpose=testing"), web, model.TCP, 80, false},
		{"06-allow-traffic-from-a-namespace", in(pod("prod"), "purpose=production"), web, model.TCP, 80, true},
		{"07-allow-traffic-from-some-pods-in-another-namespace", pod("default", "type=monitoring"), web, model.TCP, 80, false},
		{"07-allow-traffic-from-some-pods-in-another-namespace", in(pod("ops"), "team=operations"), web, model.TCP, 80, false},
		{"07-allow-traffic-from-some-pods-in-another-namespace", in(pod("ops", "type=monitoring"), "team=operations"), web, model.TCP, 80, true},
		{"08-allow-external-traffic", world, web, model.TCP, 80, true},
		{"09-allow-traffic-only-to-a-port", other, pod("default", "app=apiserver"), model.TCP, 5000, false},
		{"09-allow-traffic-only-to-a-port", pod("default", "role=monitoring"), pod("default", "app=apiserver"), model.TCP, 8000, false},
		{"09-allow-traffic-only-to-a-port", pod("default", "role=monitoring"), pod("default", "app=apiserver"), model.TCP, 5000, true},
		{"09-allow-traffic-only-to-a-port", pod("default", "role=monitoring"), pod("default", "app=apiserver"), model.UDP, 5000, false},
		{"10-allowing-traffic-with-multiple-selectors", pod("default", "app=inventory", "role=web"), pod("default", "app=bookstore", "role=db"), model.TCP, 6379, true},
		{"10-allowing-traffic-with-multiple-selectors", pod("default", "app=inventory", "role=api"), pod("default", "app=bookstore", "role=db"), model.TCP, 6379, false},
		{"11-deny-egress-traffic-from-an-application", pod("default", "app=foo"), web, model.TCP, 80, false},
		{"11-deny-egress-traffic-from-an-application", pod("default", "app=foo"), dns, model.UDP, 53, true},
		{"11-deny-egress-traffic-from-an-application", pod("default", "app=foo"), dns, model.TCP, 9153, false},
		{"11-deny-egress-traffic-from-an-application", other, web, model.TCP, 80, true},
		{"12-deny-all-non-whitelisted-traffic-from-the-namespace", other, dns, model.UDP, 53, false},
		{"12-deny-all-non-whitelisted-traffic-from-the-namespace", world, web, model.TCP, 80, true},
		{"14-deny-external-egress-traffic", pod("default", "app=foo"), world, model.TCP, 443, false},
		{"14-deny-external-egress-traffic", pod("default", "app=foo"), dns, model.TCP, 53, true},
	} {
		in, err := os.Open(filepath.Join(dir, c.file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		set, problems := render.Parse(in, c.file, kubernetes.Dialect{}.Kinds())
		in.Close()
		if render.Incomplete(problems) {
			t.Fatal(problems)
		}
		e := eval.New(set, eval.Spec)
		if d := e.Decide(e.End(c.src), e.End(c.dst), c.proto, c.port); d.Allowed != c.want || d.Unknown {
			t.Errorf("%s: %v to %v at %d/%s: %s", c.file, c.src.Labels, c.dst.Labels, c.port, c.proto, e.Why(d))
		}
	}
}

// TestCorpusParses wants every recorded file read: what is left out is of a kind that the dialect does not have.
func TestCorpusParses(t *testing.T) {
	policies, counts := 0, map[render.Severity]int{}
	for _, dir := range []string{"cyclonus", "policy-assistant", "np-guard-npa", "recipes"} {
		c := load(t, filepath.Join(corpus(t), dir))
		policies += len(c.policies.Policies)
		for _, p := range c.problems {
			counts[p.Severity]++
			if p.Severity == render.Invalid || p.Severity == render.Unsupported && !strings.Contains(p.Text, "AdminNetworkPolicy") {
				t.Error(p)
			}
		}
	}
	if policies < 100 || counts[render.Unsupported] == 0 {
		t.Errorf("%d policies, problems %v", policies, counts)
	}
}
