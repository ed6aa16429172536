package readiness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"sluice/model"
)

// Blind is the last thing to say, whatever else was said: what happens less often than so many days is in no log.
func Blind(days int) string {
	every := "day"
	if days > 1 {
		every = fmt.Sprintf("%d days", days)
	}
	return "Nothing here speaks of what happens less often than every " + every + " (failover, restore, year end): no log can. " +
		"List it under decisions, or let it happen once while watching."
}

// Horizon is how seldom something may happen and still be spoken of, in days: half of what was watched of the
// youngest of the namespaces.
func Horizon(list []Namespace) int {
	age := math.Inf(1)
	for i := range list {
		if list[i].Edges > 0 {
			age = min(age, list[i].Age)
		}
	}
	if math.IsInf(age, 1) {
		return 1
	}
	return max(1, int(age/2))
}

// enough is on how many Stable days the verdict's own record rests before it is told.
const enough = 20

// Text is the record in words, "" as long as it rests on too little.
func (r Record) Text() string {
	if r.Days < enough {
		return ""
	}
	return fmt.Sprintf(
		"So far: of %d days on which a workload and direction was called Stable, %d (%s) saw a new edge within 7 days.",
		r.Days,
		r.Surprised,
		percent(float64(r.Surprised)/float64(r.Days)),
	)
}

// percent never says less than 1 %: below that nothing was measured.
func percent(p float64) string { return fmt.Sprintf("%.0f %%", math.Max(1, 100*p)) }

// chances puts a chance into words that nobody takes for a measurement.
func chances(p float64) string {
	if p > 0.5 {
		return fmt.Sprintf("%.0f chances in 10", math.Min(9, math.Max(6, 10*p)))
	}
	return fmt.Sprintf("1 chance in %.0f", math.Min(100, 1/math.Max(p, 0.01)))
}

// Lines are the three lines of a namespace: how far it is, what to wait for, what to expect. Schedules says that
// manifests were given.
func (r *Report) Lines(n *Namespace, schedules bool) [3]string {
	return [3]string{r.standing(n, schedules), "wait for: " + r.waitFor(n), n.expect()}
}

func (r *Report) standing(n *Namespace, schedules bool) string {
	facts := []string{weekText(n.WeekSeen), lossText(r.Loss)}
	if !schedules {
		facts = append(facts, "schedules unknown")
	}
	return fmt.Sprintf(
		"%d of %s Stable after %s (%s)",
		n.Ready,
		count(n.Workloads, "workload"),
		count(int(n.Age), "day"),
		strings.Join(facts, ", "),
	)
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func weekText(n int) string {
	switch n {
	case 0:
		return "not each hour of the week seen"
	case 1:
		return "each hour of the week seen once"
	case 2:
		return "each hour of the week seen twice"
	}
	return fmt.Sprintf("each hour of the week seen %d times", n)
}

func lossText(loss float64) string {
	if loss > 0 && loss < 0.001 {
		return "less than 0.1 % of events lost"
	}
	if loss == 0 {
		return "no event known to be lost"
	}
	return fmt.Sprintf("%.1f %% of events lost", 100*loss)
}

// expect is what the next days bring. The chance is that of the verdict.
func (n *Namespace) expect() string {
	if n.Edges == 0 {
		return "nothing was seen: nothing can be expected"
	}
	edges := fmt.Sprintf("%d-%d edges", n.WeekNumber.SlowLow, n.WeekNumber.SlowHigh)
	if n.WeekNumber.SlowLow == n.WeekNumber.SlowHigh {
		edges = count(n.WeekNumber.SlowLow, "edge")
	}
	changes := fmt.Sprintf("%.0f a month", n.MonthNumber.ExpectedChanges)
	if n.MonthNumber.ExpectedChanges < 1 {
		changes = "less than 1 a month"
	}
	changes = "besides, changes bring " + changes + ", waiting does not help against those"
	if n.Age < week {
		changes = "how many changes come, it is too early to say"
	}
	return fmt.Sprintf("next 7 days: %s nobody has seen yet (%s of any); %s", edges, chances(n.Chance), changes)
}

// want is one thing to wait for.
type want struct {
	order  int
	chance float64
	who    []string // workloads and directions, or none
	text   string
}

// most is how many things to wait for are named.
const most = 4

func (r *Report) waitFor(n *Namespace) string {
	list := r.wants(n)
	if len(list) == 0 {
		return "nothing that a log shows"
	}
	var out []string
	for i, w := range list {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		out = append(out, strings.TrimSpace(whoText(w.who)+" "+w.text))
	}
	return strings.Join(out, "; ")
}

func whoText(who []string) string {
	switch {
	case len(who) > 3:
		return fmt.Sprintf("%s and %d more:", strings.Join(who[:2], ", "), len(who)-2)
	case len(who) > 1:
		return strings.Join(who, ", ") + ":"
	}
	return strings.Join(who, "")
}

// order is the order in which kinds are named: what somebody can do something about comes first.
var order = []Kind{KindLoss, KindGaps, KindUnseen, KindRisk, KindSchedule, KindTurn, KindHours, KindAge, KindHold}

// wants are the things to wait for. Sides that wait for the same are one; a CronJob that the namespace waits for is not
// named again for each of its workloads.
func (r *Report) wants(n *Namespace) []want {
	var out []want
	for _, x := range n.Reasons {
		switch x.Kind {
		case KindWorkloads:
		case KindRisk:
			out = append(
				out,
				want{order: slices.Index(order, KindHold), text: "the namespace as a whole, " + percent(n.Chance)},
			)
		default:
			out = append(out, want{order: slices.Index(order, x.Kind), text: x.Text})
		}
	}
	for i := range r.Sides {
		s := &r.Sides[i]
		if s.Namespace != n.Name || s.State == Stable {
			continue
		}
		for _, x := range s.Reasons {
			w := want{
				order: slices.Index(order, x.Kind),
				who:   []string{s.Workload + " " + s.Direction.String()},
				text:  x.Text,
			}
			switch x.Kind {
			case KindCronJob, KindLoss, KindGaps:
				continue
			case KindRisk:
				w.chance = s.Week.Slow
				w.text = fmt.Sprintf("%s (last new edge %s ago)", percent(s.Week.Slow), agoText(r.AsOf-s.LastNew))
			default:
			}
			out = add(out, w)
			break
		}
	}
	slices.SortStableFunc(
		out,
		func(a, b want) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(b.chance, a.chance)) },
	)
	return out
}

// add joins a want to one of the same text. Both directions of a workload are named as the workload.
func add(list []want, w want) []want {
	i := slices.IndexFunc(list, func(o want) bool { return o.text == w.text && o.order == w.order && len(o.who) > 0 })
	if i < 0 {
		return append(list, w)
	}
	name := w.who[0]
	last := list[i].who[len(list[i].who)-1]
	if base, ok := strings.CutSuffix(name, " "+model.Egress.String()); ok && last == base+" "+model.Ingress.String() {
		list[i].who[len(list[i].who)-1] = base
		return list
	}
	list[i].who = append(list[i].who, name)
	return list
}

func agoText(us int64) string {
	switch {
	case us >= 2*dayMicros:
		return fmt.Sprintf("%d days", us/dayMicros)
	case us >= 2*hourMicros:
		return fmt.Sprintf("%d hours", us/hourMicros)
	}
	return "less than 2 hours"
}
