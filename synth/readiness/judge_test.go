package readiness_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
	"sluice/synth/readiness"
	"sluice/synth/readiness/readinesstest"
)

const hour, day = int64(3600e6), 24 * int64(3600e6)

// monday is 2026-01-05 00:00 UTC.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).UnixMicro()

// log is written by hand: hours count from monday.
type log struct {
	in  readiness.Input
	all int // hours watched
}

// newLog watches hours, without those that are left out.
func newLog(hours int, without func(h int) bool) *log {
	l := &log{all: hours}
	for h := range hours {
		if without == nil || !without(h) {
			l.in.Hours = append(l.in.Hours, readiness.Hour{Hour: uint32(monday/hour) + uint32(h), Records: 100})
		}
	}
	for i := range 40 { // neighbours that show nothing new: from one workload alone nothing follows for months
		l.edge(fmt.Sprintf("other %02d", i), l.workload(fmt.Sprintf("other/w%02d", i)), -1, always)
	}
	return l
}

func (l *log) workload(id string) int {
	ns, name, _ := strings.Cut(id, "/")
	l.in.Workloads = append(l.in.Workloads, readiness.Workload{ID: id, Namespace: ns, Name: name})
	return len(l.in.Workloads) - 1
}

// edge talks in the watched hours that are chosen.
func (l *log) edge(name string, src, dst int, in func(h int) bool) {
	e := readiness.Edge{Name: name, Src: src, Dst: dst}
	for _, h := range l.in.Hours {
		if in(int(h.Hour) - int(monday/hour)) {
			e.Hours = append(e.Hours, h.Hour)
		}
	}
	e.First = int64(e.Hours[0])*hour + hour/2
	l.in.Edges = append(l.in.Edges, e)
}

func (l *log) judge(days int) *readiness.Report {
	return readiness.Judge(l.in, monday+int64(days)*day, readiness.DefaultConfig())
}

func always(int) bool { return true }

func side(t *testing.T, r *readiness.Report, id string, d model.Direction) readiness.Side {
	t.Helper()
	for _, s := range r.Sides {
		if s.ID == id && s.Direction == d {
			return s
		}
	}
	t.Fatalf("%s %s is not in the report", id, d)
	return readiness.Side{}
}

func reasons(list []readiness.Reason) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Text)
	}
	return strings.Join(out, "; ")
}

// wantSide checks a state, and that the reasons name something.
func wantSide(t *testing.T, r *readiness.Report, id string, d model.Direction, s readiness.State, reason string) {
	t.Helper()
	got := side(t, r, id, d)
	if got.State != s || !strings.Contains(reasons(got.Reasons), reason) {
		t.Errorf("%s %s on day %d is %s (%s), want %s (%s)", id, d, (r.AsOf-monday)/day, got.State, reasons(got.Reasons), s, reason)
	}
}

// TestQuiet is a workload whose edges always talk: nothing is missing, and still it takes two weeks and three days.
func TestQuiet(t *testing.T) {
	l := newLog(30*24, nil)
	w := l.workload("shop/cart")
	l.edge("a", w, -1, always)
	wantSide(t, l.judge(1), "shop/cart", model.Egress, readiness.Learning, "day 1 of 14")
	wantSide(t, l.judge(14), "shop/cart", model.Egress, readiness.Learning, "day 14 of 14")
	wantSide(t, l.judge(16), "shop/cart", model.Egress, readiness.Stabilizing, "low enough on 2 of 3 days")
	wantSide(t, l.judge(17), "shop/cart", model.Egress, readiness.Stable, "")
}

// TestWorkingDays watches from Monday to Friday only: a job of the weekend would never be seen, however long.
func TestWorkingDays(t *testing.T) {
	weekend := func(h int) bool { return h/24%7 >= 5 }
	l := newLog(60*24, weekend)
	w := l.workload("shop/cart")
	l.edge("a", w, -1, always)
	wantSide(t, l.judge(60), "shop/cart", model.Egress, readiness.Learning, "Sunday, Saturday not seen twice")
}

// TestWeeklyJob is Learning until its schedule was seen twice, and so is what it may call until it was seen at all.
func TestWeeklyJob(t *testing.T) {
	l := newLog(40*24, nil)
	cart, report := l.workload("shop/cart"), l.workload("shop/report")
	l.in.Workloads[report].Declared = &readiness.Declared{Kind: "CronJob", Schedule: "0 3 * * 6", Period: 7 * 24 * time.Hour,
		Next: func(after int64) int64 { return after - after%(7*day) + 2*day + 3*hour + 7*day }}
	l.edge("a", -1, cart, always)
	saturday := func(h int) bool { return h/24%7 == 5 && h%24 == 3 && h > 19*24 }
	l.edge("b", report, cart, saturday)

	r := l.judge(19)
	shop := r.Namespaces[slices.IndexFunc(r.Namespaces, func(n readiness.Namespace) bool { return n.Name == "shop" })]
	wantSide(t, r, "shop/cart", model.Ingress, readiness.Learning, "CronJob report never seen, next run Sat")
	if len(r.Unseen) != 1 || shop.State != readiness.Learning {
		t.Errorf("unseen %v, namespace %s: want the CronJob, and Learning", r.Unseen, shop.State)
	}
	wantSide(t, l.judge(33), "shop/report", model.Egress, readiness.Learning, "seen less than twice: it runs every 7 days")
	if got := side(t, l.judge(40), "shop/report", model.Egress); strings.Contains(reasons(got.Reasons), "twice") {
		t.Errorf("after its second run: %s", reasons(got.Reasons))
	}
}

// TestSuspended is not waited for.
func TestSuspended(t *testing.T) {
	l := newLog(20*24, nil)
	cart, report := l.workload("shop/cart"), l.workload("shop/report")
	l.in.Workloads[report].Declared = &readiness.Declared{Kind: "CronJob", Idle: true}
	l.edge("a", -1, cart, always)
	r := l.judge(20)
	wantSide(t, r, "shop/cart", model.Ingress, readiness.Stable, "")
	if len(r.Unseen) != 1 || !r.Unseen[0].Idle {
		t.Errorf("unseen %v, want the CronJob as idle", r.Unseen)
	}
}

// TestLosses caps what is known too little of.
func TestLosses(t *testing.T) {
	l := newLog(30*24, nil)
	l.edge("a", l.workload("shop/cart"), -1, always)
	for i := range l.in.Hours {
		l.in.Hours[i].Lost = 30
	}
	wantSide(t, l.judge(30), "shop/cart", model.Egress, readiness.Stabilizing, "23 % of events lost")

	nights := newLog(30*24, nil)
	nights.edge("a", nights.workload("shop/cart"), -1, always)
	for i := range nights.in.Hours {
		if nights.in.Hours[i].Hour%24 == 3 {
			nights.in.Hours[i].Lost = 30
		}
	}
	wantSide(t, nights.judge(30), "shop/cart", model.Egress, readiness.Learning, "(1 hours)")

	gaps := newLog(30*24, func(h int) bool { return h > 16*24 && h%7 == 0 })
	gaps.edge("a", gaps.workload("shop/cart"), -1, always)
	wantSide(t, gaps.judge(30), "shop/cart", model.Egress, readiness.Stabilizing, "of the last 14 days were not watched")
}

// TestBornLater returns a workload its own age, not that of the capture.
func TestBornLater(t *testing.T) {
	l := newLog(60*24, nil)
	old, young := l.workload("shop/cart"), l.workload("shop/promo")
	l.edge("a", old, -1, always)
	l.edge("b", young, -1, func(h int) bool { return h >= 20*24 })
	wantSide(t, l.judge(34), "shop/promo", model.Egress, readiness.Learning, "day 14 of 14")
	if got := side(t, l.judge(34), "shop/promo", model.Egress).Age; got < 13.9 || got > 14 {
		t.Errorf("age %.2f on day 34, want 14", got)
	}
	wantSide(t, l.judge(40), "shop/promo", model.Egress, readiness.Stable, "")
}

// TestChange tells an edge that came with a rollout from one that always was there and talks seldom.
func TestChange(t *testing.T) {
	l := newLog(30*24, nil)
	w := l.workload("shop/cart")
	l.edge("a", w, -1, always)
	l.edge("b", w, -1, func(h int) bool { return h >= 20*24 })
	l.edge("c", w, -1, func(h int) bool { return h == 22*24 })
	if s := side(t, l.judge(30), "shop/cart", model.Egress); s.Changes != 1 || s.Late != 1 {
		t.Errorf("%d changes and %d late, want 1 and 1", s.Changes, s.Late)
	}
}

// TestFalls says that in the middle of a day a state can get worse and not better.
func TestFalls(t *testing.T) {
	l := newLog(30*24, nil)
	w := l.workload("shop/cart")
	l.edge("a", w, -1, always)
	for _, c := range []struct {
		hours int
		want  readiness.State
	}{{16*24 + 12, readiness.Stabilizing}, {17*24 + 12, readiness.Stable}} {
		r := readiness.Judge(l.in, monday+int64(c.hours)*hour, readiness.DefaultConfig())
		if got := side(t, r, "shop/cart", model.Egress).State; got != c.want {
			t.Errorf("after %d hours %s, want %s", c.hours, got, c.want)
		}
	}
	for k := range 3 {
		l.edge(string(rune('b'+k)), w, -1, func(h int) bool { return h == 17*24+3*k })
	}
	r := readiness.Judge(l.in, monday+17*day+12*hour, readiness.DefaultConfig())
	if got := side(t, r, "shop/cart", model.Egress).State; got != readiness.Stabilizing {
		t.Errorf("with three new edges since midnight it is %s", got)
	}
}

// TestOrder shuffles everything: the same report.
func TestOrder(t *testing.T) {
	w := readinesstest.New(readinesstest.Named("mixed"), 3)
	in := w.Input()
	want := readiness.Judge(in, w.End(45), readiness.DefaultConfig())
	r := rand.New(rand.NewPCG(1, 2))
	place := r.Perm(len(in.Workloads))
	mixed := readiness.Input{Workloads: make([]readiness.Workload, len(place))}
	for i, p := range place {
		mixed.Workloads[p] = in.Workloads[i]
	}
	for _, i := range r.Perm(len(in.Edges)) {
		e := in.Edges[i]
		if e.Src >= 0 {
			e.Src = place[e.Src]
		}
		if e.Dst >= 0 {
			e.Dst = place[e.Dst]
		}
		mixed.Edges = append(mixed.Edges, e)
	}
	for _, i := range r.Perm(len(in.Hours)) { // each in two parts
		h := in.Hours[i]
		mixed.Hours = append(mixed.Hours, readiness.Hour{Hour: h.Hour, Records: h.Records / 3}, readiness.Hour{Hour: h.Hour, Records: h.Records - h.Records/3, Lost: h.Lost})
	}
	if d := cmp.Diff(want, readiness.Judge(mixed, w.End(45), readiness.DefaultConfig())); d != "" {
		t.Errorf("another order gives another report (-want +got):\n%s", d)
	}
}

// TestEveryDay asks each day, and once: what was said on a day is what the replay says of it later.
func TestEveryDay(t *testing.T) {
	w := readinesstest.New(readinesstest.Named("mixed"), 5)
	in := w.Input()
	said := map[string]map[int64]bool{}
	for d := 1; d <= 40; d++ {
		for _, s := range readiness.Judge(in, w.End(d), readiness.DefaultConfig()).Sides {
			key := s.ID + s.Direction.String()
			if said[key] == nil {
				said[key] = map[int64]bool{}
			}
			if s.State == readiness.Stable {
				said[key][w.End(d)] = true
			}
		}
	}
	for _, s := range readiness.Judge(in, w.End(40), readiness.DefaultConfig()).Sides {
		replayed := map[int64]bool{}
		for _, at := range s.Stable {
			replayed[at] = true
		}
		if d := cmp.Diff(said[s.ID+s.Direction.String()], replayed); d != "" {
			t.Errorf("%s %s: said and replayed differ:\n%s", s.ID, s.Direction, d)
		}
	}
}

// TestNothing is an empty log.
func TestNothing(t *testing.T) {
	if r := readiness.Judge(readiness.Input{}, monday, readiness.DefaultConfig()); len(r.Sides)+len(r.Namespaces) != 0 {
		t.Errorf("a report of nothing: %+v", r)
	}
}

// TestTurnOfMonth: where edges come late, nothing is Stable a week before the first turn of a month that was watched: what
// runs by the month shows then. Where nothing comes late, nothing is waited for.
func TestTurnOfMonth(t *testing.T) {
	for _, late := range []bool{true, false} {
		l := newLog(40*24, nil)
		l.edge("usual", l.workload("shop/cart"), -1, always)
		if late {
			l.edge("late", l.workload("shop/odd"), -1, always)
			l.edge("seldom", len(l.in.Workloads)-1, -1, func(h int) bool { return h == 16*24 })
		}
		const turn = 28 // 2 February
		for d, want := range map[int]readiness.State{turn - 10: readiness.Stable, turn - 3: readiness.Stabilizing,
			turn - 1: readiness.Stabilizing, turn + 4: readiness.Stable} {
			reason := ""
			if !late {
				want = readiness.Stable
			} else if d == turn-3 {
				reason = "no turn of a month was watched, and one comes on 1 February"
			} else if d == turn-1 {
				reason = "no turn of a month was watched, and 1 February is not over"
			}
			wantSide(t, l.judge(d), "shop/cart", model.Egress, want, reason)
		}
	}
}

// TestAsleep: an edge that talks for some days, and then is silent for longer, is no change: it slept, and others may.
func TestAsleep(t *testing.T) {
	l := newLog(30*24, nil)
	w := l.workload("shop/cart")
	l.edge("usual", w, -1, always)
	l.edge("woken", w, -1, func(h int) bool { return h >= 18*24 && h < 20*24 })
	if awake := side(t, l.judge(20), "shop/cart", model.Egress); awake.Changes != 1 || awake.Late != 0 {
		t.Errorf("while it talks: %d changes, %d late", awake.Changes, awake.Late)
	}
	if asleep := side(t, l.judge(28), "shop/cart", model.Egress); asleep.Changes != 0 || asleep.Late != 1 {
		t.Errorf("when it sleeps: %d changes, %d late", asleep.Changes, asleep.Late)
	}
}

// TestAway: the weeks in which a workload was scaled to nothing tell nothing of it, once it is back. One that is gone
// for good is not waited for, hours in which nobody watched count once, and rare talk is no absence.
func TestAway(t *testing.T) {
	away := func(h int) bool { return h < 3*24 || h >= 38*24 }
	l := newLog(60*24, nil)
	w := l.workload("shop/cart")
	l.edge("a", w, -1, away)
	l.edge("b", -1, w, away)
	wantSide(t, l.judge(40), "shop/cart", model.Egress, readiness.Learning, "day 5 of 14 (35 days in which it was silent do not count)")
	wantSide(t, l.judge(40), "shop/cart", model.Ingress, readiness.Learning, "day 5 of 14")
	wantSide(t, l.judge(60), "shop/cart", model.Egress, readiness.Stable, "")

	gone := newLog(40*24, nil)
	gone.edge("a", gone.workload("shop/cart"), -1, func(h int) bool { return h < 3*24 })
	wantSide(t, gone.judge(40), "shop/cart", model.Egress, readiness.Stable, "")

	unwatched := newLog(60*24, func(h int) bool { return !away(h) })
	unwatched.edge("a", unwatched.workload("shop/cart"), -1, always)
	if got := side(t, unwatched.judge(60), "shop/cart", model.Egress); strings.Contains(reasons(got.Reasons), "silent") {
		t.Errorf("where nobody watched: %s", reasons(got.Reasons))
	}

	weekly := newLog(60*24, nil)
	weekly.edge("a", weekly.workload("shop/cart"), -1, func(h int) bool { return h%(7*24) == 30 })
	if got := side(t, weekly.judge(60), "shop/cart", model.Egress); strings.Contains(reasons(got.Reasons), "silent") {
		t.Errorf("once a week: %s", reasons(got.Reasons))
	}
}
