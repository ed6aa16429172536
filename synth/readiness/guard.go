package readiness

import (
	"fmt"
	"strings"
	"time"
)

// Kind names what keeps something from being Stable.
type Kind string

// The kinds.
const (
	KindAge       Kind = "age"       // it was not watched long enough
	KindHours     Kind = "hours"     // hours of the week were not watched twice
	KindSchedule  Kind = "schedule"  // its schedule was not seen twice
	KindTurn      Kind = "turn"      // a month turns within a week, and no turn was watched
	KindUnseen    Kind = "unseen"    // a manifest names it, and no record does
	KindCronJob   Kind = "cronjob"   // a CronJob of the namespace was never seen: it may call anything there
	KindLoss      Kind = "loss"      // too many events were lost
	KindGaps      Kind = "gaps"      // too many hours were lost lately
	KindCapture   Kind = "capture"   // the log leaves a kind of traffic out for good
	KindRisk      Kind = "risk"      // the chance of an edge never seen is too high
	KindHold      Kind = "hold"      // the chance is low enough, and not yet for long enough
	KindWorkloads Kind = "workloads" // of a namespace: not all its workloads and directions are Stable
)

// Reason says why something is not Stable.
type Reason struct {
	Kind Kind
	Text string
}

// The limits of the guard on losses: the share of events, and of the hours of the last two weeks, and the share above
// which an hour of the week counts as not watched.
const (
	mostLost      = 0.20
	mostHoursLost = 0.10
	recentDays    = 14
	// monthDays is how long must be watched before anything is said of a month.
	monthDays = 35
	// turnDays are those of a turn of the month: the last and the first.
	turnDays = 2
)

// moment is what holds for all sides at one time.
type moment struct {
	h      *history
	at     int64
	loss   float64
	slow   bool    // edges came late, somewhere in the cluster
	recent float64 // share of the hours of the last two weeks that were lost
	blind  [hoursOfWeek]bool
	unseen map[string][]*Workload // CronJobs never seen, by namespace
	losses []Reason               // what holds back all of them; set for the report
	poor   map[uint32][]int       // by the hour of the first record: hours of the week watched less than twice since
}

func (h *history) moment(at int64) *moment {
	m := &moment{h: h, at: at, loss: h.loss(at), unseen: map[string][]*Workload{}, poor: map[uint32][]int{}}
	if m.loss <= mostLost { // where more is lost everywhere, that is what to say
		m.blind = h.blind(at, mostLost)
	}
	from := max(hourStart(h.first), at-recentDays*dayMicros)
	if hours := hoursBefore(at) - uint32(from/hourMicros); hours > 0 {
		m.recent = float64(h.lost.between(from, at)) / float64(hours)
	}
	for i := range h.in.Workloads {
		if w := &h.in.Workloads[i]; h.unseenAt(w, at) && w.Declared.cron() {
			m.unseen[w.Namespace] = append(m.unseen[w.Namespace], w)
		}
	}
	return m
}

// unseenAt reports whether manifests name a workload that had no record before a time and should have.
func (h *history) unseenAt(w *Workload, at int64) bool {
	return w.Declared != nil && !w.Declared.Idle && w.Declared.Since < at && (w.First == 0 || w.First >= at)
}

// hours are the hours of the week that were watched less than twice since a first record, none where all were.
func (m *moment) hours(first int64) []int {
	if len(m.h.lost.from(first, m.at)) == 0 && m.blind == [hoursOfWeek]bool{} &&
		m.at-first >= 2*hoursOfWeek*hourMicros {
		return nil
	}
	key := uint32(first / hourMicros)
	out, ok := m.poor[key]
	if ok {
		return out
	}
	for k, n := range m.h.seen(first, m.at) {
		if n < 2 || m.blind[k] {
			out = append(out, k)
		}
	}
	m.poor[key] = out
	return out
}

// guards looks at a workload and direction.
func (m *moment) guards(s *sideHistory, c *counts) guards {
	g := guards{capped: m.lossy()}
	w := &m.h.in.Workloads[s.workload]
	if d := w.Declared; d != nil && d.Period > 0 && !d.Idle {
		g.schedule = c.age < 2*d.Period.Hours()/24
	}
	if s.ingress {
		g.cronJobs = m.unseen[w.Namespace]
	}
	if c.age >= m.h.cfg.Days {
		g.hours = m.hours(s.set.first)
	}
	g.turn = m.turnAhead(s.set.first)
	g.capped = g.capped || g.turn
	g.learning = c.age < m.h.cfg.Days || len(g.hours) > 0 || g.schedule || len(g.cronJobs) > 0
	return g
}

// turnAhead reports whether a month turns within a week, and no turn was watched since a first record: what runs by the
// month was not seen then. Where nothing came late in the whole cluster, nothing is waited for.
func (m *moment) turnAhead(first int64) bool {
	if !m.slow {
		return false
	}
	return turnAfter(m.at)-m.at < (7+turnDays)*dayMicros && turnAfter(first+turnDays*dayMicros-1) >= m.at
}

// turnAfter is the end of the first day of a month, the first such time after another.
func turnAfter(at int64) int64 {
	t := monthOf(at - dayMicros)
	return t.AddDate(0, 1, 1).UnixMicro()
}

// lossy reports whether too much was lost, or is left out for good, to call anything Stable.
func (m *moment) lossy() bool {
	return m.loss > mostLost || m.recent > mostHoursLost || len(m.h.in.Caps) > 0
}

// reasons puts guards into words.
func (m *moment) reasons(s *sideHistory, c *counts, g guards) (out []Reason) {
	add := func(k Kind, format string, a ...any) { out = append(out, Reason{k, fmt.Sprintf(format, a...)}) }
	d := m.h.in.Workloads[s.workload].Declared
	if c.age < m.h.cfg.Days {
		away := ""
		if c.away > 0 {
			away = fmt.Sprintf(" (%s in which it was silent do not count)", daysText(time.Duration(c.away*24)*time.Hour))
		}
		add(KindAge, "day %d of %g%s", int(c.age)+1, m.h.cfg.Days, away)
	}
	if len(g.hours) > 0 {
		add(KindHours, "%s", hoursText(g.hours))
	}
	if g.schedule {
		add(KindSchedule, "seen less than twice: it runs every %s", daysText(d.Period))
	}
	if g.turn {
		begin := turnAfter(m.at) - dayMicros
		when := "one comes on %s"
		if begin <= m.at {
			when = "%s is not over"
		}
		add(KindTurn, "no turn of a month was watched, and "+when, time.UnixMicro(begin).UTC().Format("2 January"))
	}
	for _, w := range g.cronJobs {
		add(KindCronJob, "%s", w.unseenText(m.at))
	}
	return append(out, m.losses...)
}

// lossReasons puts into words what no set is watched well enough for.
func (m *moment) lossReasons() (out []Reason) {
	if m.loss > mostLost {
		out = append(out, Reason{KindLoss, fmt.Sprintf("%.0f %% of events lost", 100*m.loss)})
	}
	if m.recent > mostHoursLost {
		out = append(
			out,
			Reason{
				KindGaps,
				fmt.Sprintf("%.0f %% of the hours of the last %d days were not watched", 100*m.recent, recentDays),
			},
		)
	}
	for _, c := range m.h.in.Caps {
		out = append(out, Reason{KindCapture, "capped by what the log cannot show: " + c})
	}
	return out
}

// unseenText names a workload of the manifests that was never seen, with its next run.
func (w *Workload) unseenText(at int64) string {
	text := w.Declared.Kind + " " + w.Name + " never seen"
	if run := w.Declared.nextText(at); run != "" {
		text += ", next run " + run
	}
	return text
}

// nextText is the next run after a time, "" for none.
func (d *Declared) nextText(at int64) string {
	if d.Next == nil {
		return ""
	}
	next := d.Next(at)
	if next == 0 {
		return ""
	}
	text := time.UnixMicro(next).UTC().Format("Mon 2 Jan 15:04")
	if d.Zone == "" {
		return text + " (UTC assumed)"
	}
	return text + " UTC"
}

// daysText is a period in days, in hours where it is shorter.
func daysText(p time.Duration) string {
	if p < 24*time.Hour {
		return fmt.Sprintf("%.0f hours", p.Hours())
	}
	if p == 24*time.Hour {
		return "day"
	}
	return fmt.Sprintf("%.0f days", p.Hours()/24)
}

// hoursText names hours of the week that were not watched twice: by days where these are few.
func hoursText(hours []int) string {
	var days []string
	for d := range 7 {
		n := 0
		for _, k := range hours {
			if k/24 == d {
				n++
			}
		}
		if name := time.Weekday(d).String(); n == 24 {
			days = append(days, name)
		} else if n > 0 {
			days = append(days, fmt.Sprintf("%s (%d hours)", name, n))
		}
	}
	return strings.Join(days, ", ") + " not seen twice"
}
