package readiness

import (
	"math"
	"testing"
	"time"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 5.1e-7 {
		t.Errorf("%s: %.6f, want %.6f", what, got, want)
	}
}

// TestCheckValues has a cluster so small that every number can be worked out by hand: two namespaces, three workloads and
// directions, 2 % of the events lost.
func TestCheckValues(t *testing.T) {
	const loss = 0.02
	u := []counts{
		{edges: 9, age: 21, full: 21, late: 1},
		{edges: 4, age: 21, full: 21, changes: 1},
		{edges: 2, age: 10, full: 21, late: 2},
	}
	var all, a, b totals
	for i := range u {
		all.add(&u[i])
	}
	a.add(&u[0])
	a.add(&u[1])
	b.add(&u[2])
	c := all.cluster()
	near(t, "slow rate of the cluster", c.slow, 1.302386)
	near(t, "change rate of the cluster", c.changes, 0.017368)
	near(t, "slow rate of a", a.namespace(c).slow, 1.092579)
	near(t, "slow rate of b", b.namespace(c).slow, 1.589183)
	near(t, "change rate of a", a.namespace(c).changes, 0.017626)
	near(t, "change rate of b", b.namespace(c).changes, 0.017132)
	for i, want := range [][6]float64{
		{0.359565, 0.719574, 0.148037, 0.454374, 0.464358, 0.163464},
		{0.216751, 0.508392, 0.130437, 0.318916, 0.251920, 0.141737},
		{0.538203, 0.844409, 0.078458, 0.574435, 0.817648, 0.082547},
	} {
		r := a.namespace(c)
		if i == 2 {
			r = b.namespace(c)
		}
		w, m := u[i].side(r, week, loss).outlook(week), u[i].side(r, month, loss).outlook(month)
		for k, got := range []float64{w.Slow, m.Slow, w.Change, w.Any, w.ExpectedSlow, w.ExpectedChanges} {
			near(t, []string{"slow, 7 days", "slow, 30 days", "change, 7 days", "any, 7 days", "expected slow", "expected changes"}[k], got, want[k])
		}
	}
}

// TestCheckNamespace does the same for a namespace: 5 late edges of which 1 is a change, the other 4 in 3 arrivals; 4
// changes in 2 arrivals.
func TestCheckNamespace(t *testing.T) {
	const loss = 0.02
	var late, changes arrivals
	for _, minute := range []int64{0, 30, 9000, 9010} {
		late.add(minute * 60e6)
	}
	for _, minute := range []int64{0, 10, 20, 9000} {
		changes.add(minute * 60e6)
	}
	c := counts{edges: 40, age: 21, full: 21, late: 3, lateEdges: 4, lateSize: late.size(), changes: 2, changeEdges: 4, changeSize: changes.size()}
	if late.groups != 2 || changes.groups != 2 {
		t.Errorf("groups %d and %d, want 2 and 2", late.groups, changes.groups)
	}
	r := rates{2.5, 0.08}
	near(t, "slow, 7 days", c.whole(r, week, loss).slow.some(), 0.565203)
	near(t, "any, 7 days", c.whole(r, week, loss).any(), 0.754568)
	for _, w := range []struct {
		days, mean float64
		low, high  int
	}{{week, 3.42, 0, 9}, {month, 12.43, 0, 37}} {
		n := c.numbers(w.days, loss)
		if got := n.ExpectedSlow + n.ExpectedChanges; math.Abs(got-w.mean) > 0.005 {
			t.Errorf("%g days: %.3f edges expected, want %.2f", w.days, got, w.mean)
		}
		if n.Low != w.low || n.High != w.high {
			t.Errorf("%g days: 90 %% interval %d-%d, want %d-%d", w.days, n.Low, n.High, w.low, w.high)
		}
	}
}

// TestManyEdges has an interval for a namespace where thousands of edges come: about their number, and in no time.
func TestManyEdges(t *testing.T) {
	start := time.Now()
	f := forecast{part{5000, 1, 2}, part{2000, 1, 5}}
	if low, high := f.interval(sure); low < 19000 || low > 20000 || high < 20000 || high > 21000 {
		t.Errorf("90 %% interval %d-%d around 20000", low, high)
	}
	c := counts{edges: 100_000, age: 20, full: 20, late: 30_000, lateEdges: 60_000, lateSize: 3, changes: 5000, changeEdges: 9000, changeSize: 2}
	if n := c.numbers(month, 0); n.High <= n.Low {
		t.Errorf("interval %d-%d", n.Low, n.High)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
