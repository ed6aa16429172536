package synth_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// TestHeld: what stands in the way costs the workload that it is of, in that direction, and nobody else. What worked
// goes on working, also what no rule can be written for, and the rest of the namespace is closed.
func TestHeld(t *testing.T) {
	const base = "shop/web -> shop/db 5432/tcp\njobs/a -> shop/web 80/tcp"
	for _, c := range []struct {
		name, flows, status, held string
	}{
		{"an unlabelled stranger", base + "\njobs/pod:x -> shop/db 5432/tcp", "held proven", "sluice-open-db-ingress"},
		{"an undecided datagram", base + "\njobs/a -> shop/web 40000/udp undecided", "held held",
			"sluice-open-web-egress sluice-open-web-ingress"},
		{"nothing", base, "proven proven", ""},
		// It would be opened to what policies deny it today.
		{"a workload that is isolated today", base + "\njobs/pod:x -> shop/db 5432/tcp\n192.0.2.1 -> shop/db 1/tcp denied",
			"partial proven", ""},
		{"a workload that is isolated today by the log", base + "\njobs/pod:x -> shop/db 5432/tcp\njobs/a -> shop/db 1/tcp denied ingress",
			"partial proven", ""},
		// So it is where nobody knows who was denied.
		{"a workload that is isolated today for nobody knows whom", base + "\n" +
			"jobs/pod:x -> shop/db 5432/tcp\njobs/pod:x -> shop/db 7/tcp denied ingress", "partial proven", ""},
		// Whose policies they are is the other's business.
		{"a client that is isolated", base + "\njobs/pod:x -> shop/db 5432/tcp\njobs/a -> shop/db 1/tcp denied egress",
			"held proven", "sluice-open-db-ingress"},
		{"a pod of the namespace that no selector names", base + "\nshop/pod:x -> jobs/a 1/tcp", "proven partial", ""},
	} {
		for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
			g := graphtest.Graph(t, c.flows)
			r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
			if e := r.Enforce["shop"]; e.Ingress.String()+" "+e.Egress.String() != c.status {
				t.Errorf("%s, %s: %v %v, want %s", c.name, d.Name(), e.Ingress, e.Egress, c.status)
			}
			set := r.Enforced()
			var names []string
			for i := range set.Policies {
				if n := set.Policies[i].Name; strings.HasPrefix(n, "sluice-open-") {
					names = append(names, n)
				}
			}
			slices.Sort(names)
			// Where policies only add permissions what may not be denied needs none to stay open.
			if got := strings.Join(names, " "); got != c.held && !(d.Rollout().Additive && got == "") {
				t.Errorf("%s, %s: held by %q, want %q", c.name, d.Name(), got, c.held)
			}
			rep, err := verify.Verify(t.Context(), g, set, verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}, Held: held(&r)})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Connections[verify.Lost] > 0 || rep.Over.Count > 0 {
				t.Errorf("%s, %s: %v, over %+v", c.name, d.Name(), rep.Connections, rep.Over)
			}
		}
	}
}

// TestDenyRule: a rule that denies strangers may stand in a policy that isolates nothing. Where our allow policies isolate
// the workload, what stands in its way is held open; where they do not, it is left as it is.
func TestDenyRule(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp\njobs/pod:x -> shop/db 5432/tcp\n192.0.2.1 -> shop/db 1/tcp denied ingress rule")
	for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
		r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
		want := synth.Held
		if d.Rollout().Additive {
			want = synth.Partial
		}
		if e := r.Enforce["shop"]; e.Ingress != want {
			t.Errorf("%s: %s, want %s", d.Name(), e.Ingress, want)
		}
		rep, err := verify.Verify(t.Context(), g, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}, Held: held(&r)})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Connections[verify.Lost] > 0 {
			t.Errorf("%s: %v", d.Name(), rep.Connections)
		}
	}
}

// TestHeldIsClosedElsewhere: a stranger of whom the log knows nothing else may reach what is held open and no other.
func TestHeldIsClosedElsewhere(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp\njobs/a -> shop/web 80/tcp\njobs/pod:x -> shop/db 5432/tcp worldpod")
	later := graphtest.Graph(t, "evil/x -> shop/web 80/tcp\nevil/x -> shop/db 5432/tcp")
	for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
		r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
		rep, err := verify.Verify(t.Context(), later, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Connections[verify.Lost] != 1 || rep.Connections[verify.Permitted] != 1 || rep.Cases[0].Dst != "shop/web" {
			t.Errorf("%s: %v %+v", d.Name(), rep.Connections, rep.Cases)
		}
	}
}

// TestPartial: where a pod that no selector names stands in the way, every other workload is denied by itself, and what
// no selector names goes on as it is. A workload that seems to be isolated today is neither opened nor denied.
func TestPartial(t *testing.T) {
	for _, c := range []struct{ name, flows, denied, lost string }{
		{"a pod without labels", "shop/web -> shop/db 5432/tcp\nshop/pod:x -> jobs/a 1/tcp",
			"default-deny default-deny-db default-deny-web", "shop/db"},
		{"one that is isolated today", "shop/web -> shop/db 5432/tcp\nshop/web -> jobs/c 40000/udp undecided\n" +
			"shop/pod:x -> jobs/a 1/tcp\nshop/web -> 192.0.2.1 2/tcp denied", "default-deny default-deny-db", "shop/db"},
	} {
		g := graphtest.Graph(t, c.flows)
		later := graphtest.Graph(t, c.flows+"\nshop/db -> evil/x 80/tcp\nshop/pod:x -> evil/x 80/tcp")
		for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
			r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
			if e := r.Enforce["shop"]; e.Egress != synth.Partial {
				t.Fatalf("%s, %s: %v", c.name, d.Name(), e.Egress)
			}
			var names []string
			for _, p := range r.Deny("shop") {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != c.denied {
				t.Errorf("%s, %s: denied by %q, want %q", c.name, d.Name(), got, c.denied)
			}
			rep, err := verify.Verify(t.Context(), later, r.Enforced(),
				verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}})
			if err != nil {
				t.Fatal(err)
			}
			var lost []string
			for i := range rep.Cases {
				if rep.Cases[i].Verdict == verify.Lost {
					lost = append(lost, rep.Cases[i].Src)
				}
			}
			if got := strings.Join(lost, " "); got != c.lost {
				t.Errorf("%s, %s: lost %q, want %q", c.name, d.Name(), got, c.lost)
			}
		}
	}
}

// TestHeldInPart: what stands in the way is held open, as it is or as it may be, and towards nobody else, in every
// dialect and in every phase of any one that it may be read in.
func TestHeldInPart(t *testing.T) {
	const base = "shop/web -> shop/db 5432/tcp\njobs/a -> shop/web 80/tcp"
	scans := make([]string, 101)
	for i := range scans {
		scans[i] = fmt.Sprintf("evil/x%d -> shop/web 40000/udp undecided", i)
	}
	for _, c := range []struct{ name, flows, open, was string }{
		{"datagrams of which nobody knows the server", "evil/x -> shop/web 40000/udp undecided times=50",
			"web egress any port to evil/app=x; web ingress any port from evil/app=x", "evil/x -> shop/web 45000/udp\nshop/web -> evil/x 40001/udp"},
		{"of two", "evil/x -> shop/web 40000/udp undecided\n192.0.2.7 -> shop/web 40000/udp undecided",
			"web egress any port to 192.0.2.7/32; web egress any port to evil/app=x; " +
				"web ingress any port from 192.0.2.7/32; web ingress any port from evil/app=x", "192.0.2.7 -> shop/web 45000/udp"},
		{"of a hundred and one", strings.Join(scans, "\n"), "web egress any port to anywhere; web ingress any port from anywhere", scans[100]},
		{"a pod that no selector names", "jobs/pod:x -> shop/db 5432/tcp", "db ingress 5432/tcp from jobs/all", "jobs/y -> shop/db 5432/tcp"},
		{"one that the plugin takes for an address", "jobs/pod:x -> shop/db 5432/tcp worldpod",
			"db ingress 5432/tcp from anywhere", "192.0.2.9 -> shop/db 5432/tcp"},
		{"no port", "evil/x -> shop/db 0/tcp", "db ingress any port from evil/app=x", "evil/x -> shop/db 7/tcp"},
		{"nobody knows who", "entity:init -> shop/db 5432/tcp", "db ingress 5432/tcp from anywhere", "192.0.2.9 -> shop/db 5432/tcp"},
		{"a service, whose backends listen elsewhere", "shop/web -> service:jobs/a 80/tcp", "web egress any port to anywhere", "shop/web -> jobs/a 8080/tcp"},
	} {
		for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
			g := graphtest.Graph(t, base, c.flows)
			r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
			if got := openFor(&r); got != c.open {
				t.Errorf("%s, %s: open for %q, want %q", c.name, d.Name(), got, c.open)
			}
			strangers := []string{"evil/z -> shop/web 7/tcp", "shop/db -> evil/x 1/tcp", "evil/z -> shop/db 7/tcp"}
			if strings.Contains(c.open, "web ingress any port from anywhere") {
				strangers[0] = strangers[1]
			}
			later := graphtest.Graph(t, append(append(strangers, c.was), base)...)
			rep, err := verify.Verify(t.Context(), later, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(strangers)
			if lost := len(slices.Compact(strangers)); rep.Connections[verify.Lost] != uint64(lost) {
				t.Errorf("%s, %s: lost %v, want the %d of strangers alone", c.name, d.Name(), rep.Cases, lost)
			}
			own, err := verify.Verify(t.Context(), g, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}, Held: held(&r)})
			if err != nil {
				t.Fatal(err)
			}
			if own.Connections[verify.Lost] > 0 || own.Over.Count > 0 {
				t.Errorf("%s, %s: %v, over %+v", c.name, d.Name(), own.Connections, own.Over)
			}
		}
	}
}

// openFor lists what is held open of the workloads of shop.
func openFor(r *synth.Result) string {
	var open []string
	for _, h := range r.Enforce["shop"].Held {
		rules := h.Only
		if len(rules) == 0 {
			rules = []policy.Rule{{Direction: h.Direction, AnyPeer: true, AnyPort: true}}
		}
		for _, x := range rules {
			open = append(open, h.Name+" "+strings.TrimPrefix(x.String(), "allow "))
		}
	}
	slices.Sort(open)
	return strings.Join(open, "; ")
}

// TestStray: what a pod did that the log does not name costs that connection and no more. Every workload of the namespace
// is denied by itself and keeps it, since it may be the one; what has it anyway needs nothing.
func TestStray(t *testing.T) {
	const base = "shop/web -> shop/db 5432/tcp\nshop/web -> shop/db 8080/tcp\nshop/db -> jobs/a 80/tcp\njobs/a -> shop/web 80/tcp\n"
	for _, c := range []struct{ name, stray, open, was string }{
		{name: "out", stray: "shop/pod:* -> shop/db 5432/tcp",
			open: "db egress 5432/tcp to shop/app=db; db ingress 5432/tcp from shop/all"},
		{name: "out, to a place that no selector names", stray: "shop/pod:* -> jobs/pod:x 5432/tcp",
			open: "db egress 5432/tcp to jobs/all; web egress 5432/tcp to jobs/all"},
		{name: "out, without its port", stray: "shop/pod:* -> jobs/a 0/tcp", open: "db egress any port to jobs/app=a; web egress any port to jobs/app=a"},
		{name: "in", stray: "192.0.2.1 -> shop/pod:* 443/tcp", open: "db ingress 443/tcp from 192.0.2.1/32; web ingress 443/tcp from 192.0.2.1/32"},
		// The port of the record may be the client's.
		{name: "of which the server is not known", stray: "shop/pod:* -> jobs/a 600/udp undecided", was: "shop/pod:* -> jobs/a 45000/udp",
			open: "db egress any port to jobs/app=a; db ingress any port from jobs/app=a; " +
				"web egress any port to jobs/app=a; web ingress any port from jobs/app=a"},
		{name: "to another of its kind", stray: "shop/pod:* -> shop/pod:* 1/tcp", open: "db egress 1/tcp to shop/all; db ingress 1/tcp from shop/all; " +
			"web egress 1/tcp to shop/all; web ingress 1/tcp from shop/all"},
	} {
		for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
			g := graphtest.Graph(t, base, c.stray)
			r := learn(t, g, synth.Config{Namespaces: []string{"shop"}, Dialect: d})
			if got := openFor(&r); got != c.open {
				t.Errorf("%s, %s: open for %q, want %q", c.name, d.Name(), got, c.open)
			}
			var truth []string
			for _, pod := range []string{"web", "db"} {
				truth = append(truth, strings.ReplaceAll(cmp.Or(c.was, c.stray), "pod:*", pod))
			}
			strangers := []string{"shop/web -> evil/x 1/tcp", "shop/db -> evil/x 1/tcp", "evil/x -> shop/web 1/tcp"}
			later := graphtest.Graph(t, append(append(truth, base), strangers...)...)
			rep, err := verify.Verify(t.Context(), later, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Connections[verify.Lost] != uint64(len(strangers)) {
				t.Errorf("%s, %s: lost %v, want the strangers alone", c.name, d.Name(), rep.Cases)
			}
			own, err := verify.Verify(t.Context(), g, r.Enforced(), verify.Config{Semantics: eval.Cilium, Namespaces: []string{"shop"}, Held: held(&r)})
			if err != nil {
				t.Fatal(err)
			}
			if own.Connections[verify.Lost] > 0 || own.Over.Count > 0 {
				t.Errorf("%s, %s: %v, over %+v", c.name, d.Name(), own.Connections, own.Over)
			}
		}
	}
}

// TestHeldForItsPeer: what stands in the way between two workloads of one namespace is held open for these two alone, each
// as the other's peer, whichever of them is the server; and what no port can say, for the peer that needs it.
func TestHeldForItsPeer(t *testing.T) {
	const base = "shop/web -> shop/db 5432/tcp\nshop/web -> shop/cart 80/tcp\nshop/odd -> shop/cart 80/tcp\n"
	for _, c := range []struct {
		name, flows, kept, cut string
		dialects               []render.Dialect
	}{
		{"which of two is the server", "shop/odd -> shop/web 40000/udp undecided",
			"shop/odd -> shop/web 40000/udp\nshop/web -> shop/odd 7000/udp",
			"shop/db -> shop/web 40000/udp\nshop/web -> shop/web 7000/udp\nshop/odd -> shop/odd 7000/udp",
			[]render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}}},
		{"a ping", "shop/odd -> shop/db 8/icmp answered", "shop/odd -> shop/db 8/icmp",
			"shop/cart -> shop/db 8/icmp\nshop/cart -> shop/db 5432/tcp\nshop/odd -> shop/web 8/icmp",
			[]render.Dialect{kubernetes.Dialect{}}},
	} {
		for _, d := range c.dialects {
			r := learn(t, graphtest.Graph(t, base+c.flows), synth.Config{Namespaces: []string{"shop"}, Dialect: d})
			for text, want := range map[string]verify.Verdict{c.kept: verify.Permitted, c.cut: verify.Lost} {
				for _, cni := range []eval.Semantics{eval.Cilium, eval.Calico} {
					rep, err := verify.Verify(t.Context(), graphtest.Graph(t, text), r.Enforced(),
						verify.Config{Semantics: cni, Namespaces: []string{"shop"}})
					if err != nil {
						t.Fatal(err)
					}
					if n := uint64(len(graphtest.Lines(text))); rep.Connections[want] != n {
						t.Errorf("%s, %s: %v of %q, want %d %s", c.name, d.Name(), rep.Connections, text, n, want)
					}
				}
			}
		}
	}
}
