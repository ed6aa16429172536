package readiness_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sluice/synth/decision"
	"sluice/synth/graphtest"
	"sluice/synth/readiness"
)

// TestFromGraph takes edges that worked, once each, as a rule would name them.
func TestFromGraph(t *testing.T) {
	g := graphtest.Graph(t, `
shop/cart -> shop/redis 6379/tcp hour=1
shop/cart -> shop/redis 6379/tcp hour=5
shop/cart -> shop/redis 22/tcp denied hour=0
shop/cart -> 10.9.0.1 443/tcp hour=7
shop/cart -> 10.9.0.2 443/tcp hour=3
shop/cart -> 192.0.2.1 443/tcp
kube-system/a -> kube-system/b 80/tcp`)
	in := readiness.FromGraph(readiness.Source{Graph: g, Networks: []readiness.Network{{Name: "partner", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}},
		Manifest: []readiness.Manifest{{Namespace: "shop", Name: "redis", Declared: readiness.Declared{Kind: "StatefulSet"}}, {Namespace: "shop", Name: "report", Declared: readiness.Declared{Kind: "CronJob"}}}})
	var names []string
	for _, e := range in.Edges {
		names = append(names, e.Name)
		if e.Name == "shop/cart -> network:partner 443/tcp" && (len(e.Hours) != 2 || e.First != int64(e.Hours[0])*hour || e.Dst != -1) {
			t.Errorf("merged edge %+v", e)
		}
	}
	slices.Sort(names)
	want := []string{"kube-system/a -> kube-system/b 80/tcp", "shop/cart -> network:partner 443/tcp", "shop/cart -> shop/redis 6379/tcp", "shop/cart -> world:192.0.2.1 443/tcp"}
	if !slices.Equal(names, want) {
		t.Errorf("edges %q, want %q", names, want)
	}
	if n := len(in.Hours); n != 5 {
		t.Errorf("%d hours with records, want 5", n)
	}
	for _, w := range in.Workloads {
		switch w.ID {
		case "shop/cart":
			if w.First != int64(in.Hours[0].Hour)*hour {
				t.Errorf("cart is first seen at %d: its denied record is one too", w.First)
			}
		case "shop/redis":
			if w.Declared == nil || w.First == 0 {
				t.Errorf("redis was not found in the manifests: %+v", w)
			}
		case "shop/report":
			if w.Declared == nil || w.First != 0 {
				t.Errorf("report should be declared and never seen: %+v", w)
			}
		}
	}
}

// TestDecisions leaves out what people say nothing depends on, until that has ended, and takes the addresses of an
// accepted CIDR as one.
func TestDecisions(t *testing.T) {
	g := graphtest.Graph(t, `
shop/cart -> shop/redis 6379/tcp
shop/cart -> shop/probe 80/tcp
shop/cart -> shop/old 80/tcp
shop/cart -> 192.0.2.1 443/tcp
shop/cart -> 192.0.2.9 443/tcp hour=3`)
	book, err := decision.New([]decision.Decision{
		{Source: "*", Destination: "shop/probe", Port: "*", Verdict: decision.Ignore, Reason: "a test"},
		{Source: "*", Destination: "shop/old", Port: "*", Verdict: decision.Reject, Reason: "gone", Until: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Source: "*", Destination: "world:192.0.2.0/24", Port: "443/tcp", Verdict: decision.Accept, Reason: "the partner"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range readiness.FromGraph(readiness.Source{Graph: g, Decisions: book}).Edges {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	if want := []string{"shop/cart -> shop/old 80/tcp", "shop/cart -> shop/redis 6379/tcp", "shop/cart -> world:192.0.2.0/24 443/tcp"}; !slices.Equal(names, want) {
		t.Errorf("edges %q, want %q", names, want)
	}
}

// TestWrongClock has a record that is dated years before all others: it makes nothing older.
func TestWrongClock(t *testing.T) {
	lines := []string{"shop/cart -> shop/redis 6379/tcp hour=-50000"}
	for h := range 100 {
		lines = append(lines, fmt.Sprintf("shop/cart -> shop/redis 6379/tcp hour=%d times=50", h))
	}
	in := readiness.FromGraph(readiness.Source{Graph: graphtest.Graph(t, lines...)})
	if n := len(in.Hours); n != 100 {
		t.Errorf("%d hours, want the 100 that are close together", n)
	}
	if e := in.Edges[0]; e.First < int64(in.Hours[0].Hour)*hour || len(e.Hours) != 100 || in.Workloads[0].First < e.First {
		t.Errorf("edge %d hours from %d, workload from %d, and the log begins at %d", len(e.Hours), e.First, in.Workloads[0].First, int64(in.Hours[0].Hour)*hour)
	}
}

// TestSilent finds the hours in which every node was silent.
func TestSilent(t *testing.T) {
	gaps := []readiness.Gap{{"a", 0, 5 * hour}, {"b", hour, 2 * hour}, {"b", 2 * hour, 3*hour + 1}, {"b", 4*hour + 1, 6 * hour}}
	if got := readiness.Silent([]string{"a", "b"}, gaps); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("silent hours %v, want 1 and 2", got)
	}
	if got := readiness.Silent([]string{"a", "b", "c"}, gaps); got != nil {
		t.Errorf("node c was never silent, and yet %v", got)
	}
}

// TestSpread keeps the sum.
func TestSpread(t *testing.T) {
	var sum uint64
	hours := readiness.Spread(nil, 10*hour, 13*hour, 10)
	for _, h := range hours {
		sum += h.Lost
	}
	if sum != 10 || len(hours) != 4 {
		t.Errorf("10 events over 4 hours became %v", hours)
	}
	few := readiness.Spread(nil, 0, 100*hour-1, 4)
	if len(few) != 4 || few[0].Hour < 20 || few[3].Hour != 99 {
		t.Errorf("4 events over 100 hours became %v: they should lie as far apart as they can", few)
	}
}
