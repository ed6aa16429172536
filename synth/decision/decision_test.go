package decision_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sluice/model"
	"sluice/synth/decision"
)

func edge(src, dst string, proto model.Proto, port uint16) *decision.Edge {
	e := &decision.Edge{Source: src, Destination: dst, Proto: proto, Port: port}
	if a, ok := strings.CutPrefix(src, "world:"); ok {
		e.SourceAddress = netip.MustParseAddr(a)
	}
	if a, ok := strings.CutPrefix(dst, "world:"); ok {
		e.DestinationAddress = netip.MustParseAddr(a)
	}
	return e
}

// TestNames is what each way of naming an edge takes in, and what it does not.
func TestNames(t *testing.T) {
	named := edge("shop/web", "world:198.51.100.7", model.TCP, 443)
	named.Names = []string{"api.pay.example."}
	for _, c := range []struct {
		source, destination, port string
		edge                      *decision.Edge
		want                      bool
	}{
		{"shop/web", "shop/db", "5432/tcp", edge("shop/web", "shop/db", model.TCP, 5432), true},
		{"shop/web", "shop/db", "5432", edge("shop/web", "shop/db", model.TCP, 5432), true},
		{"shop/web", "shop/db", "5432/udp", edge("shop/web", "shop/db", model.TCP, 5432), false},
		{"shop/web", "shop/db", "5000-6000/tcp", edge("shop/web", "shop/db", model.TCP, 5432), true},
		{"shop/web", "shop/db", "5000-5431/tcp", edge("shop/web", "shop/db", model.TCP, 5432), false},
		{"shop/web", "shop/db", "*", edge("shop/web", "shop/db", model.ICMP, 8), true},
		{"shop/web", "shop/db", "0/unknown", edge("shop/web", "shop/db", 0, 0), true},
		{"shop/web", "shop/db", "0/unknown", edge("shop/web", "shop/db", model.TCP, 0), false},
		{"shop/web", "shop/db", "0/47", edge("shop/web", "shop/db", 47, 0), true},
		{"shop/web", "shop/db", "47", edge("shop/web", "shop/db", 47, 0), false},
		{"shop/web", "shop/db", "icmp", edge("shop/web", "shop/db", model.ICMP, 8), true},
		{"shop/web", "shop/db", "tcp", edge("shop/web", "shop/db", model.ICMP, 8), false},
		{"shop/*", "shop/db", "*", edge("shop/web", "shop/db", model.TCP, 1), true},
		{"shop/*", "shop/db", "*", edge("shopping/web", "shop/db", model.TCP, 1), false},
		{"shop/*", "shop/db", "*", edge("east/shop/web", "shop/db", model.TCP, 1), false},
		{"*", "*", "*", edge("east/shop/web", "entity:host", model.UDP, 9), true},
		{"world:198.51.100.0/24", "shop/web", "443/tcp", edge("world:198.51.100.9", "shop/web", model.TCP, 443), true},
		{"world:198.51.100.0/24", "shop/web", "443/tcp", edge("world:198.51.101.9", "shop/web", model.TCP, 443), false},
		{"world:198.51.100.0/24", "shop/web", "443/tcp", edge("shop/web", "shop/web", model.TCP, 443), false},
		{"entity:remote-node", "shop/web", "*", edge("entity:remote-node", "shop/web", model.TCP, 1), true},
		{"shop/web", "name:API.pay.example", "443/tcp", named, true},
		{"shop/web", "name:pay.example", "443/tcp", named, false},
	} {
		b, err := decision.New([]decision.Decision{{Source: c.source, Destination: c.destination, Port: c.port, Reason: "r"}})
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if _, got := b.Of(c.edge); got != c.want {
			t.Errorf("%s -> %s %s on %+v: %v, want %v", c.source, c.destination, c.port, *c.edge, got, c.want)
		}
	}
}

// TestFirst: the first decision that names an edge is the one.
func TestFirst(t *testing.T) {
	b, err := decision.New([]decision.Decision{
		{Source: "shop/probe", Destination: "*", Port: "*", Verdict: decision.Ignore, Reason: "monitoring"},
		{Source: "shop/*", Destination: "*", Port: "*", Verdict: decision.Accept, Reason: "ours"}})
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range map[string]int{"shop/probe": 0, "shop/web": 1} {
		if got, ok := b.Of(edge(src, "shop/db", model.TCP, 1)); !ok || got != want {
			t.Errorf("%s: decision %d, %v, want %d", src, got, ok, want)
		}
	}
}

// TestErrors: what is wrong is named with its entry, and all of it at once.
func TestErrors(t *testing.T) {
	ok := decision.Decision{Source: "a/b", Destination: "c/d", Port: "1/tcp", Reason: "r"}
	for want, change := range map[string]func(*decision.Decision){
		"no reason":                   func(d *decision.Decision) { d.Reason = " " },
		"source: missing":             func(d *decision.Decision) { d.Source = "" },
		"never known by a DNS name":   func(d *decision.Decision) { d.Source = "name:x" },
		"destination: \"c/[d]\"":      func(d *decision.Decision) { d.Destination = "c/[d]" },
		"is no network":               func(d *decision.Decision) { d.Destination = "world:1.2.3.4/99" },
		"no protocol \"tpc\"":         func(d *decision.Decision) { d.Port = "1/tpc" },
		"\"70000/tcp\" is no port":    func(d *decision.Decision) { d.Port = "70000/tcp" },
		"\"9-1/tcp\" is no port":      func(d *decision.Decision) { d.Port = "9-1/tcp" },
		"widen: name both ends":       func(d *decision.Decision) { d.Verdict, d.Source = decision.Widen, "a/*" },
		"what it opens has to have":   func(d *decision.Decision) { d.Verdict, d.Port = decision.Widen, "*" },
		"name both ends and the port": func(d *decision.Decision) { d.Verdict, d.Port = decision.Widen, "0/unknown" },
		"name: without a name":        func(d *decision.Decision) { d.Destination = "name:" },
		"for every one":               func(d *decision.Decision) { d.Destination = "" },
		"decision 2: source: missing": func(d *decision.Decision) { d.Source = "" },
	} {
		bad := ok
		change(&bad)
		if _, err := decision.New([]decision.Decision{ok, bad}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, have %v", want, err)
		}
	}
}

// TestExpired: the day named is the first on which a decision holds no more.
func TestExpired(t *testing.T) {
	d := decision.Decision{Until: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	for at, want := range map[string]bool{"2026-04-30T23:59:59Z": false, "2026-05-01T00:00:00Z": true} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if d.Expired(when) != want {
			t.Errorf("at %s: %v", at, !want)
		}
	}
	if (&decision.Decision{}).Expired(time.Now()) {
		t.Error("one without a date expired")
	}
}
