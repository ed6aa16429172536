package synth_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/decision"
	"sluice/synth/graphtest"
)

// TestSuspect: what looks like a scan, a test or a step between environments is a finding with a decision that can be
// taken over as it stands, and its rule is there all the same.
func TestSuspect(t *testing.T) {
	var sweep []string
	for p := range 10 {
		sweep = append(sweep, fmt.Sprintf("shop/odd -> shop/db %d/tcp", 8000+p))
	}
	deaf := strings.ReplaceAll(strings.Join(sweep, "\n"), "/tcp", "/udp noted times=9")
	daily := func(edge string) string {
		return fmt.Sprintf("%s hour=5\n%s hour=29\n%s hour=53", edge, edge, edge)
	}
	hourly := func(edge string) (out string) {
		for h := range 60 {
			out += fmt.Sprintf("%s hour=%d\n", edge, h)
		}
		return out
	}
	scan := func(hour int) (out string) {
		for p := range 40 {
			out += fmt.Sprintf("shop/web -> shop/db %d/tcp denied hour=%d\n", 100+p, hour)
		}
		return out
	}
	days := "shop/web -> shop/db 5432/tcp times=500\nshop/web -> shop/db 5432/tcp times=500 hour=30\n" +
		"shop/web -> shop/db 5432/tcp times=500 hour=60\n"
	usual := "shop/web -> shop/db 5432/tcp times=500\nshop/web -> shop/db 5432/tcp times=500 hour=30"
	for _, c := range []struct{ name, flows, want string }{
		{"usual", usual, ""},
		{"a sweep of open ports", strings.Join(sweep, "\n"), "tried 10 ports of this server"},
		{"many ports, often used", strings.ReplaceAll(strings.Join(sweep, "\n"), "/tcp", "/tcp times=20"), ""},
		{"datagrams to ports that never answer", deaf, "sent datagrams to 10 ports of this server"},
		{"datagrams to few ports", strings.Join(strings.Split(deaf, "\n")[:7], "\n"), ""},
		{"answers that nobody asked for", usual + "\nshop/web -> shop/odd 4444/tcp reply times=9", "answers alone"},
		{"a log of answers", strings.ReplaceAll(usual, "times", "reply times"), ""},
		{"kubectl run", "shop/{run=debug} -> shop/db 5432/tcp times=20", "kubectl run"},
		{"an old Deployment", "shop/{run=web,pod-template-hash=1} -> shop/db 5432/tcp times=20", ""},
		{"between environments", "shop-dev/web -> shop/db 5432/tcp\nshop-dev/web -> shop-prod/db 5432/tcp times=9", "from development to production"},
		{"within one", "shop-prod/web -> shop-production/db 5432/tcp times=9", ""},
		{"once among many", usual + "\nshop/web -> shop/cart 80/tcp hour=9", "was seen once, and its client 1001 times"},
		{"a step a day", days + daily("shop/web -> shop/cart 22/tcp"), "seen in 3 hours of 3 days, and its client 150"},
		{"a step a day to another namespace", days + daily("shop/web -> ops/db 5432/tcp"), "nothing else of its client goes there"},
		{"a job of its own", days + daily("shop/backup -> shop/cart 22/tcp"), ""},
		{"a daily call of what others call too", days + "shop/api -> shop/cart 80/tcp times=9\nshop/web -> shop/cart 81/tcp times=9\n" +
			daily("shop/web -> shop/cart 80/tcp"), ""},
		{"hourly", days + hourly("shop/web -> shop/cart 22/tcp"), ""},
		{"a scan", scan(70) + "shop/web -> shop/cart 80/tcp hour=70 times=20", "tried 40 connections in vain"},
		{"a port in use for hours before a scan", scan(70) + hourly("shop/web -> shop/cart 80/tcp"), ""},
		{"in use since the scan", scan(0) + hourly("shop/web -> shop/cart 80/tcp"), "tried 40 connections in vain"},
		{"an address without a name", "shop/web -> 192.0.2.1 443/tcp names=a.example.org times=9\nshop/web -> 192.0.2.9 443/tcp", "no name that its client asked for"},
		{"addresses where nothing has names", "shop/web -> 192.0.2.1 443/tcp times=9\nshop/web -> 192.0.2.9 443/tcp", ""},
	} {
		g := graphtest.Graph(t, c.flows)
		r := learn(t, g, synth.Config{All: true})
		got := ""
		for _, f := range r.Findings {
			if f.Kind != synth.KindSuspect {
				continue
			}
			got += f.Text + "\n"
			if !strings.Contains(f.Consequence, "verdict: reject") {
				t.Errorf("%s: %s", c.name, f.Consequence)
			}
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestSuspectDecided: what a person accepted is no suspicion any more.
func TestSuspectDecided(t *testing.T) {
	book, err := decision.New([]decision.Decision{{Source: "shop/run-debug", Destination: "shop/db", Port: "*", Reason: "ours"}})
	if err != nil {
		t.Fatal(err)
	}
	g := graphtest.Graph(t, "shop/{run=debug} -> shop/db 5432/tcp times=20")
	for _, f := range learn(t, g, synth.Config{All: true, Decisions: book}).Findings {
		if f.Kind == synth.KindSuspect {
			t.Error(f.Text)
		}
	}
}

// TestSuspectHeld: where it was asked for, what looks odd gets no rule, and both its ends are held open until somebody
// decides: nothing is lost by it, and once it is accepted it is learned as any other.
func TestSuspectHeld(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp times=20\nshop/{run=debug} -> shop/db 5432/tcp times=20")
	r := learn(t, g, synth.Config{All: true, HoldSuspect: true, Resolver: &synth.Resolver{None: true}})
	for _, p := range r.Policies.Policies {
		if p.Name == "run-debug" || strings.Contains(fmt.Sprint(p), "debug") {
			t.Errorf("learned %s", p.Name)
		}
	}
	e := r.Enforce["shop"]
	if len(e.Held) != 2 || e.Held[0].Name != "db" || e.Held[1].Name != "run-debug" {
		t.Errorf("held %v", e.Held)
	}
	book, err := decision.New([]decision.Decision{{Source: "shop/run-debug", Destination: "shop/db", Port: "*", Reason: "ours"}})
	if err != nil {
		t.Fatal(err)
	}
	r = learn(t, g, synth.Config{All: true, HoldSuspect: true, Decisions: book, Resolver: &synth.Resolver{None: true}})
	if e := r.Enforce["shop"]; len(e.Held) != 0 || len(e.Why) != 0 {
		t.Errorf("held %v, %v in spite of the decision", e.Held, e.Why)
	}
}

// TestMixedTells when an edge worked and when it was denied, and that a rule opens what a policy closed.
func TestMixedTells(t *testing.T) {
	for _, c := range []struct{ name, flows, want string }{
		{"closed", "shop/web -> shop/db 80/tcp hour=1\nshop/web -> shop/db 80/tcp denied hour=5\nshop/web -> shop/db 80/tcp denied hour=6",
			"(worked in 1 hour, the last 2026-01-05 01h; denied in 2 hours, the last 2026-01-05 06h): it is allowed, and opens again what a policy closed"},
		{"opened", "shop/web -> shop/db 80/tcp denied hour=1\nshop/web -> shop/db 80/tcp hour=5",
			"(worked in 1 hour, the last 2026-01-05 05h; denied in 1 hour, the last 2026-01-05 01h): it is allowed"},
		{"both in one hour", "shop/web -> shop/db 80/tcp denied\nshop/web -> shop/db 80/tcp reply", "): it is allowed"},
	} {
		got := ""
		for _, f := range learn(t, graphtest.Graph(t, c.flows), synth.Config{All: true}).Findings {
			if f.Kind == synth.KindMixed {
				got += f.Text + ": " + f.Consequence
			}
		}
		if !strings.Contains(got, c.want) || strings.Contains(got, "opens again") != strings.Contains(c.want, "opens again") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
