package readiness

import (
	"strings"
	"testing"

	"sluice/model"
)

// TestLines has the three lines of a namespace word by word.
func TestLines(t *testing.T) {
	r := &Report{AsOf: 23 * dayMicros, Loss: 0.004, Sides: []Side{
		{Namespace: "shop", Workload: "cart", Direction: model.Egress, State: Stabilizing, LastNew: 21 * dayMicros, Week: Outlook{Slow: 0.061}, Reasons: []Reason{{KindRisk, ""}}},
		{Namespace: "shop", Workload: "cart", Direction: model.Ingress, Reasons: []Reason{{KindCronJob, "CronJob report never seen"}}},
		{Namespace: "shop", Workload: "redis", Direction: model.Ingress, State: Stable},
		{Namespace: "blog", Workload: "web", Direction: model.Egress, Reasons: []Reason{{KindAge, "day 5 of 14"}}},
	}}
	n := &Namespace{Name: "shop", Workloads: 13, Ready: 9, Age: 23.4, WeekSeen: 3, Edges: 40, Chance: 0.26,
		WeekNumber: Number{SlowHigh: 2}, MonthNumber: Number{ExpectedChanges: 2.2},
		Reasons: []Reason{{KindWorkloads, ""}, {KindUnseen, "CronJob report never seen, next run Mon 30 Nov 03:00 UTC"}}}
	want := [3]string{
		"9 of 13 workloads Stable after 23 days (each hour of the week seen 3 times, 0.4 % of events lost)",
		"wait for: CronJob report never seen, next run Mon 30 Nov 03:00 UTC; cart egress 6 % (last new edge 2 days ago)",
		"next 7 days: 0-2 edges nobody has seen yet (1 chance in 4 of any); besides, changes bring 2 a month, waiting does not help against those",
	}
	if got := r.Lines(n, true); got != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got[:], "\n"), strings.Join(want[:], "\n"))
	}
	if got := r.Lines(n, false)[0]; !strings.HasSuffix(got, "lost, schedules unknown)") {
		t.Errorf("without manifests: %s", got)
	}
}

// TestNeverLess says that no chance is told below 1 %, nor as certain.
func TestNeverLess(t *testing.T) {
	for p, want := range map[float64]string{0: "1 chance in 100", 0.001: "1 chance in 100", 0.2: "1 chance in 5", 0.5: "1 chance in 2", 0.55: "6 chances in 10", 0.7: "7 chances in 10", 1: "9 chances in 10"} {
		if got := chances(p); got != want {
			t.Errorf("%g: %s, want %s", p, got, want)
		}
	}
	for p, want := range map[float64]string{0: "1 %", 0.004: "1 %", 0.06: "6 %"} {
		if got := percent(p); got != want {
			t.Errorf("%g: %s, want %s", p, got, want)
		}
	}
}

// TestWaitsTogether names what waits for the same once.
func TestWaitsTogether(t *testing.T) {
	r := &Report{}
	for _, name := range []string{"a", "b", "c", "d"} {
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			r.Sides = append(r.Sides, Side{Namespace: "shop", Workload: name, Direction: d, Reasons: []Reason{{KindAge, "day 5 of 14"}}})
		}
	}
	if got, want := r.waitFor(&Namespace{Name: "shop"}), "a, b and 2 more: day 5 of 14"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
