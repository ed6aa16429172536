package readiness_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/readiness"
	"sluice/synth/verify"
)

func (l *log) try(days int) *readiness.Backtest {
	return readiness.Try(l.in, readiness.DefaultConfig(), readiness.Trial{AsOf: monday + int64(days)*day, Chosen: func(ns string) bool { return ns == "shop" }})
}

// TestBacktest loses what came later, by cause, and nothing once everything has come.
func TestBacktest(t *testing.T) {
	l := newLog(30*24, nil)
	cart, promo, report := l.workload("shop/cart"), l.workload("shop/promo"), l.workload("shop/report")
	l.in.Workloads[report].Declared = &readiness.Declared{Kind: "CronJob", Period: 7 * 24 * time.Hour}
	l.edge("known", -1, cart, always)
	l.edge("job", report, cart, func(h int) bool { return h/24%7 == 5 && h%24 == 3 })
	l.edge("rollout", cart, -1, func(h int) bool { return h >= 9*24 })
	l.edge("promo", promo, cart, func(h int) bool { return h >= 12*24 })
	l.edge("seldom", cart, -1, func(h int) bool { return h == 20*24+5 })
	l.edge("first address", cart, -1, always)
	l.edge("second address", cart, -1, func(h int) bool { return h == 15*24 })
	for i := range l.in.Edges {
		if n := l.in.Edges[i].Name; n == "first address" || n == "second address" {
			l.in.Edges[i].Service = "cart -> * 443/tcp"
		}
	}
	b := l.try(30)
	want := map[string]readiness.Cause{"job": readiness.NewWorkload, "rollout": readiness.Change, "promo": readiness.NewWorkload, "seldom": readiness.NewEdge, "second address": readiness.AddressDrift}
	got := map[string]readiness.Cause{}
	for _, e := range b.Lost {
		got[e.Name] = e.Cause
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("causes (-want +got):\n%s", d)
	}
	if len(b.Cuts) != 30 {
		t.Fatalf("%d cuts, want one a day", len(b.Cuts))
	}
	var curve []int
	for i := range b.Cuts {
		curve = append(curve, b.Cuts[i].Total())
		if b.Cuts[i].Total()+b.Cuts[i].Known != 7 {
			t.Errorf("day %d: %d lost and %d known of 7 edges", i+1, b.Cuts[i].Total(), b.Cuts[i].Known)
		}
	}
	if want := []int{5, 5, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(curve, want) {
		t.Errorf("lost by day %v, want %v", curve, want)
	}
}

// TestReplay counts the days on which something was called Stable, and those that a new edge followed.
func TestReplay(t *testing.T) {
	l := newLog(40*24, nil)
	cart := l.workload("shop/cart")
	l.edge("known", cart, -1, always)
	l.edge("later", cart, -1, func(h int) bool { return h == 26*24+1 })
	b := l.try(40)
	var days string
	for _, c := range b.Cuts[14:] {
		days += fmt.Sprintf("%d/%d ", c.Surprised, c.Stable)
	}
	// Stable from the end of day 17 on; the edge of day 27 is in the week after each of days 20 to 26.
	if want := "0/0 0/0 0/1 0/1 0/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 "; len(days) < len(want) || days[:len(want)] != want {
		t.Errorf("surprised and Stable by day %s, want %s", days, want)
	}
	if n := b.Cuts[35].Surprised; n != -1 {
		t.Errorf("the week after day 36 is not over, and yet %d were surprised in it", n)
	}
}

// TestDrift is a rollout that drops the label which the selector learned before asks for.
func TestDrift(t *testing.T) {
	tables := model.NewTables()
	pod := func(owner string, labels ...string) model.EndpointID {
		return tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Owner: model.Owner{Kind: "Deployment", Name: owner}, Labels: model.MakeLabels(labels)})
	}
	old, renamed, redis := pod("cart", "app=cart", "team=a"), pod("cart", "app=trolley", "team=a"), pod("redis", "app=redis", "team=a")
	row := func(src model.EndpointID, h int) model.Observation {
		at := monday + int64(h)*hour
		return model.Observation{Window: uint32(at / 60e6), Src: src, Dst: redis, Port: 6379, Proto: model.TCP, Verdict: model.Forwarded, Observer: model.AtDestination, Fate: model.Used, Records: 1, First: at, Last: at}
	}
	var rows []model.Observation
	for h := range 24 * 4 {
		rows = append(rows, row(old, h))
	}
	rows = append(rows, row(renamed, 24*4+1))
	b := graph.NewBuilder(tables)
	b.Add(tables, rows)
	s := readiness.Source{Graph: b.Build(graph.Config{})}
	bt := readiness.Try(readiness.FromGraph(s), readiness.DefaultConfig(), readiness.Trial{AsOf: monday + 5*day, Drifted: readiness.Drift(s, rows, graph.Config{})})
	var got []int
	for _, c := range bt.Cuts {
		got = append(got, c.Edges[readiness.LabelDrift])
	}
	if want := []int{1, 1, 1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("lost to labels by day %v, want %v", got, want)
	}
}

// TestByDayLies: a record whose clock lies makes no day, at neither end.
func TestByDayLies(t *testing.T) {
	lines := []string{"shop/cart -> shop/redis 6379/tcp hour=-50000", "shop/cart -> shop/redis 6379/tcp hour=50000"}
	for h := range 72 {
		lines = append(lines, fmt.Sprintf("shop/cart -> shop/redis 6379/tcp hour=%d times=100", h))
	}
	g := graphtest.Graph(t, lines...)
	set := policy.PolicySet{Policies: []policy.Policy{{Name: "deny", Namespace: "shop", Ingress: true}}}
	r, err := verify.Verify(t.Context(), g, set, verify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range readiness.ByDay(g, &r) {
		if i > 2 || len(d.Edges) != 1 {
			t.Fatalf("day %d: %+v", i, d)
		}
	}
}

// TestByDay has what a policy would have denied, on the days on which it was needed.
func TestByDay(t *testing.T) {
	g := graphtest.Graph(t, `
shop/cart -> shop/redis 6379/tcp hour=1
shop/cart -> shop/redis 6379/tcp hour=50
shop/cart -> shop/mail 25/tcp hour=30`)
	set := policy.PolicySet{Policies: []policy.Policy{{Name: "deny", Namespace: "shop", Ingress: true}}}
	r, err := verify.Verify(t.Context(), g, set, verify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, d := range readiness.ByDay(g, &r) {
		got = append(got, d.Edges)
	}
	want := [][]string{{"shop/cart -> shop/redis 6379/tcp"}, {"shop/cart -> shop/mail 25/tcp"}, {"shop/cart -> shop/redis 6379/tcp"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("denied by day (-want +got):\n%s", d)
	}
}
