package readiness

import (
	"fmt"

	"sluice/model"
)

// Report is what Judge says.
type Report struct {
	Config      Config
	First, AsOf int64   // microseconds since 1970 UTC: of the first hour with a record, and what was judged
	Loss        float64 // share of events lost
	LostHours   int     // in which nobody watched
	Namespaces  []Namespace
	Sides       []Side   // workloads and directions that have edges, sorted
	Unseen      []Unseen // workloads that only manifests name, sorted
	Record      Record
}

// Outlook is a forecast.
type Outlook struct {
	Days int
	// Slow is the chance that an edge shows which exists and was never seen, Change that one comes which does not exist
	// yet, Any that either does.
	Slow, Change, Any             float64
	ExpectedSlow, ExpectedChanges float64 // arrivals
}

func (f forecast) outlook(days float64) Outlook {
	return Outlook{int(days), f.slow.some(), f.changes.some(), f.any(), f.slow.mean(), f.changes.mean()}
}

// Number is how many edges of a namespace will come.
type Number struct {
	Days                          int
	ExpectedSlow, ExpectedChanges float64
	SlowLow, SlowHigh             int // 90 % interval of those that exist already
	Low, High                     int // and of all
}

func (c *counts) numbers(days, loss float64) Number {
	f := c.number(days, loss)
	n := Number{Days: int(days), ExpectedSlow: f.slow.mean(), ExpectedChanges: f.changes.mean()}
	n.Low, n.High = f.interval(sure)
	n.SlowLow, n.SlowHigh = forecast{slow: f.slow, changes: part{1, 1, 0}}.interval(sure)
	return n
}

// Side is a workload and direction.
type Side struct {
	ID, Namespace, Workload string
	Direction               model.Direction
	State                   State
	Since                   int64 // when it came into the state
	Reasons                 []Reason
	Age                     float64 // days watched
	Edges, Late, Changes    int     // edges seen; arrivals that came late, and by changes
	LastNew                 int64   // when the newest edge came
	Rhythm                  float64 // longest time between runs that the edges suggest, in days; 0: none
	Week, Month             Outlook
	MonthSeen               bool    // what Month says holds: five weeks and a turn of the month were watched
	Stable                  []int64 // the ends of days at which it was Stable
}

// Namespace is all workloads of a namespace together.
type Namespace struct {
	Name                 string
	State                State
	Reasons              []Reason
	Age                  float64
	WeekSeen             int // how often each hour of the week was watched, at least
	Edges, Late, Changes int
	Sides, Stable        int // workloads and directions, and how many are Stable
	Workloads, Ready     int // workloads, and those whose directions are all Stable
	Week, Month          Outlook
	Chance               float64 // of a slow edge within a week, the rate doubled: what the state goes by
	WeekNumber           Number
	MonthNumber          Number
	MonthSeen            bool
	StableDays           []int64 // the ends of days at which it was Stable
	Coverage             Coverage
}

// Unseen is a workload that a manifest names and no record does.
type Unseen struct {
	ID, Namespace, Workload, Kind string
	Idle                          bool   // it is not waited for: suspended, or without replicas
	Text                          string // what is missing
}

// Record is how the verdict itself fared: of so many days on which a workload and direction was called Stable, on how
// many a new edge came within a week.
type Record struct{ Days, Surprised int }

func (h *history) report(m *moment, shared map[string]rates, total rates) *Report {
	m.losses = m.lossReasons()
	r := &Report{Config: h.cfg, First: hourStart(h.first), AsOf: m.at, Loss: m.loss, LostHours: len(h.lost)}
	for i := range h.sides {
		s := &h.sides[i]
		if s.now.edges > 0 {
			r.Sides = append(r.Sides, h.side(m, s, shared[s.namespace]))
			h.record(&r.Record, s, m.at)
		}
	}
	for i := range h.in.Workloads {
		w := &h.in.Workloads[i]
		if d := w.Declared; d != nil && (w.First == 0 || w.First >= m.at) && d.Since < m.at {
			r.Unseen = append(r.Unseen, Unseen{w.ID, w.Namespace, w.Name, d.Kind, d.Idle, w.unseenText(m.at)})
		}
	}
	for i := range h.spaces {
		if s := &h.spaces[i]; s.now.edges > 0 || s.set.first == 0 {
			r.Namespaces = append(r.Namespaces, h.space(m, s, total))
		}
	}
	return r
}

func (h *history) side(m *moment, s *sideHistory, r rates) Side {
	w, c := &h.in.Workloads[s.workload], &s.now
	out := Side{
		ID:        w.ID,
		Namespace: w.Namespace,
		Workload:  w.Name,
		Direction: s.direction(),
		State:     s.track.state,
		Since:     s.track.since,
		Reasons: m.reasons(
			s,
			c,
			s.guards,
		),
		Age:     c.age,
		Edges:   c.edges,
		Late:    c.late,
		Changes: c.changes,
		LastNew: c.last,
		Rhythm:  h.rhythm(&s.set),
		Week: c.side(r, week, m.loss).
			outlook(week),
		Month:     c.side(r, month, m.loss).outlook(month),
		MonthSeen: h.monthSeen(m, &s.set, c),
		Stable:    s.stable,
	}
	if len(out.Reasons) == 0 && out.State != Stable {
		if s.chance > h.cfg.Risk {
			out.Reasons = append(
				out.Reasons,
				Reason{KindRisk, fmt.Sprintf("%.0f %% that an edge never seen shows within 7 days", 100*s.chance)},
			)
		} else {
			out.Reasons = append(out.Reasons, Reason{KindHold, fmt.Sprintf("low enough on %d of %d days", s.track.ok, h.cfg.Hold)})
		}
	}
	return out
}

func (h *history) monthSeen(m *moment, s *set, c *counts) bool {
	return c.age >= monthDays && h.turned(s.first, m.at)
}

// record adds the days on which a side was Stable and of which a week has passed.
func (h *history) record(r *Record, s *sideHistory, until int64) {
	k := 0
	for _, at := range s.stable {
		if at+int64(week)*dayMicros > until {
			break
		}
		for k < len(s.set.edges) && h.edges[s.set.edges[k]].First < at {
			k++
		}
		r.Days++
		if k < len(s.set.edges) && h.edges[s.set.edges[k]].First < at+int64(week)*dayMicros {
			r.Surprised++
		}
	}
}

func (h *history) space(m *moment, s *spaceHistory, total rates) Namespace {
	n := Namespace{Name: s.name, State: s.track.state, StableDays: s.stable}
	ready := map[int]bool{}
	for _, i := range s.sides {
		x := &h.sides[i]
		if x.now.edges == 0 {
			continue
		}
		n.Sides++
		if _, ok := ready[x.workload]; !ok {
			ready[x.workload] = true
		}
		if x.track.state == Stable {
			n.Stable++
		} else {
			ready[x.workload] = false
		}
	}
	for _, ok := range ready {
		if n.Workloads++; ok {
			n.Ready++
		}
	}
	if n.Stable < n.Sides {
		n.Reasons = append(
			n.Reasons,
			Reason{
				KindWorkloads,
				fmt.Sprintf("%d of %d workloads and directions are not Stable", n.Sides-n.Stable, n.Sides),
			},
		)
	}
	for i := s.from; i < s.to; i++ {
		if w := &h.in.Workloads[i]; h.unseenAt(w, m.at) {
			n.Workloads++
			n.Reasons = append(n.Reasons, Reason{KindUnseen, w.unseenText(m.at)})
		}
	}
	c := &s.now
	if c.edges == 0 {
		return n
	}
	n.Age, n.Edges, n.Late, n.Changes = c.age, c.edges, c.late, c.changes
	seen := h.seen(s.set.first, m.at)
	n.WeekSeen = seen[0]
	for _, k := range seen {
		n.WeekSeen = min(n.WeekSeen, k)
	}
	n.Week, n.Month = c.whole(total, week, m.loss).outlook(week), c.whole(total, month, m.loss).outlook(month)
	n.WeekNumber, n.MonthNumber = c.numbers(week, m.loss), c.numbers(month, m.loss)
	n.MonthSeen = h.monthSeen(m, &s.set, c)
	n.Coverage = h.coverage(&s.set, m.at)
	n.Reasons = append(n.Reasons, m.losses...)
	if n.Chance = c.doubled(total, m.loss); n.Chance > namespaceRisk {
		n.Reasons = append(
			n.Reasons,
			Reason{
				KindRisk,
				fmt.Sprintf("%.0f %% that the namespace meets an edge never seen within 7 days", 100*n.Chance),
			},
		)
	}
	return n
}
