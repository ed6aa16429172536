package show

import (
	"fmt"
	"io"
	"math"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/readiness"
)

// Ready prints whether enough was seen: three lines a namespace, and with explain a line for each workload and
// direction.
func Ready(w io.Writer, format string, r *run.Ready, explain bool) error {
	if format != Table {
		return printObject(w, format, viewReady(r))
	}
	if t := r.Record.Text(); t != "" {
		fmt.Fprintln(w, t)
	}
	readyLines(w, r)
	if explain {
		fmt.Fprintln(w)
		if err := readyTable(w, r); err != nil {
			return err
		}
	}
	if r.Covered != nil {
		fmt.Fprintln(w)
		if err := coverage(w, r.Covered); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, readiness.Blind(readiness.Horizon(r.Namespaces)))
	return nil
}

// readyLines prints the three lines of each namespace.
func readyLines(w io.Writer, r *run.Ready) {
	width := 0
	for i := range r.Namespaces {
		width = max(width, len(r.Namespaces[i].Name))
	}
	for i := range r.Namespaces {
		n := &r.Namespaces[i]
		name := n.Name
		for _, line := range r.Lines(n, r.Schedules) {
			fmt.Fprintf(w, "%-*s   %s\n", width, name, text.Printable(line, 600))
			name = ""
		}
	}
}

func readyTable(w io.Writer, r *run.Ready) error {
	t := newTable(
		w,
		"WORKLOAD",
		"DIRECTION",
		"STATE",
		"SINCE",
		"DAYS",
		"EDGES",
		"LATE",
		"CHANGES",
		"7 DAYS",
		"30 DAYS",
		"LAST NEW EDGE",
		"WHY",
	)
	for i := range r.Sides {
		s := &r.Sides[i]
		month := "-" // nothing is said of a month that was not seen
		if s.MonthSeen {
			month = share(s.Month.Slow)
		}
		var why []string
		for _, x := range s.Reasons {
			why = append(why, x.Text)
		}
		if s.Rhythm > 0 {
			why = append(why, fmt.Sprintf("something comes every %.0f days: what is rarer may live here too", s.Rhythm))
		}
		t.row(
			s.ID,
			s.Direction,
			s.State,
			model.StampSecond(s.Since),
			int(s.Age),
			s.Edges,
			s.Late,
			s.Changes,
			share(s.Week.Slow),
			month,
			model.StampSecond(s.LastNew),
			strings.Join(why, "; "),
		)
	}
	for _, u := range r.Unseen {
		state, why := readiness.Learning.String(), u.Text
		if u.Idle {
			state, why = "-", "not waited for: suspended, or without replicas"
		}
		t.row(u.ID, u.Kind, state, "", 0, 0, 0, 0, "-", "-", "", why)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(
		w,
		"7 DAYS and 30 DAYS: the chance that something the workload needs, and that was never seen, shows within them. "+
			"Nothing is said of 30 days before five weeks with a turn of the month were watched.",
	)
	return nil
}

// share is a chance in percent. Less than 1 % is never told: it was never measured.
func share(p float64) string { return fmt.Sprintf("%.0f %%", 100*atLeast(p)) }

func atLeast(p float64) float64 { return math.Round(math.Max(0.01, p)*1e4) / 1e4 }

// readyView is what was judged as printed. Chances below 0.01 are 0.01: they were never measured.
type readyView struct {
	header
	First          string               `json:"first"`
	AsOf           string               `json:"asOf"`
	Config         readyConfigView      `json:"config"`
	SchedulesKnown bool                 `json:"schedulesKnown"`
	Loss           float64              `json:"loss"` // share of events
	LostHours      int                  `json:"lostHours"`
	Record         readyRecordView      `json:"record"`
	HorizonDays    int                  `json:"horizonDays"` // nothing here speaks of what happens less often
	Namespaces     []readyNamespaceView `json:"namespaces"`
	Workloads      []readySideView      `json:"workloads"`
	Unseen         []readyUnseenView    `json:"unseen"`
	Coverage       []run.Standing       `json:"coverage,omitempty"` // where policies were given
}

type readyConfigView struct {
	Days  float64 `json:"days"`
	Risk  float64 `json:"risk"`
	Hold  int     `json:"hold"`
	Leave float64 `json:"leave"`
}

type readyRecordView struct {
	StableDays int `json:"stableDays"`
	Surprised  int `json:"surprised"`
}

type reasonView struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

type outlookView struct {
	Slow            float64 `json:"slow"`   // chance of an edge that exists and was never seen
	Change          float64 `json:"change"` // of one that does not exist yet
	Any             float64 `json:"any"`
	ExpectedSlow    float64 `json:"expectedSlow"`    // arrivals
	ExpectedChanges float64 `json:"expectedChanges"` // arrivals
}

type numberView struct {
	ExpectedSlow    float64 `json:"expectedSlow"`
	ExpectedChanges float64 `json:"expectedChanges"`
	SlowLow         int     `json:"slowLow"`
	SlowHigh        int     `json:"slowHigh"`
	Low             int     `json:"low"`
	High            int     `json:"high"`
}

// coverageView is what ecology says. It decides nothing.
type coverageView struct {
	Days             int     `json:"days"`
	SeenOnce         int     `json:"seenOnce"`
	SeenTwice        int     `json:"seenTwice"`
	Share            float64 `json:"share"`
	Low              float64 `json:"low"`
	High             float64 `json:"high"`
	UnseenLowerBound float64 `json:"unseenLowerBound"` // Chao2
}

type readyNamespaceView struct {
	Name           string       `json:"name"`
	State          string       `json:"state"`
	Reasons        []reasonView `json:"reasons"`
	Days           float64      `json:"days"`
	WeekSeen       int          `json:"weekSeen"`
	MonthSeen      bool         `json:"monthSeen"`
	Edges          int          `json:"edges"`
	Late           int          `json:"late"`
	Changes        int          `json:"changes"`
	Workloads      int          `json:"workloads"`
	Stable         int          `json:"stableWorkloads"`
	Chance         float64      `json:"chance"` // of a slow edge within 7 days at twice the forecast rate: the state goes by it
	Week           outlookView  `json:"week"`
	Month          *outlookView `json:"month,omitempty"` // where monthSeen
	EdgesWeek      numberView   `json:"edgesWeek"`
	EdgesMonth     *numberView  `json:"edgesMonth,omitempty"` // where monthSeen
	SampleCoverage coverageView `json:"sampleCoverage"`
}

type readySideView struct {
	ID        string       `json:"id"`
	Namespace string       `json:"namespace"`
	Direction string       `json:"direction"`
	State     string       `json:"state"`
	Since     string       `json:"since"`
	Reasons   []reasonView `json:"reasons"`
	Days      float64      `json:"days"`
	Edges     int          `json:"edges"`
	Late      int          `json:"late"`
	Changes   int          `json:"changes"`
	LastNew   string       `json:"lastNewEdge"`
	Rhythm    float64      `json:"rhythmDays,omitempty"`
	Week      outlookView  `json:"week"`
	Month     *outlookView `json:"month,omitempty"` // where monthSeen
	MonthSeen bool         `json:"monthSeen"`       // five weeks were watched, and a turn of the month
}

type readyUnseenView struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Idle bool   `json:"idle,omitempty"`
	Text string `json:"text"`
}

func viewReasons(list []readiness.Reason) []reasonView {
	out := []reasonView{}
	for _, r := range list {
		out = append(out, reasonView{string(r.Kind), r.Text})
	}
	return out
}

func viewOutlook(o readiness.Outlook) outlookView {
	return outlookView{
		atLeast(o.Slow),
		atLeast(o.Change),
		atLeast(o.Any),
		digits(o.ExpectedSlow),
		digits(o.ExpectedChanges),
	}
}

// viewMonth says nothing of a month that was not seen.
func viewMonth(o readiness.Outlook, seen bool) *outlookView {
	if !seen {
		return nil
	}
	v := viewOutlook(o)
	return &v
}

func viewNumber(n readiness.Number) numberView {
	return numberView{digits(n.ExpectedSlow), digits(n.ExpectedChanges), n.SlowLow, n.SlowHigh, n.Low, n.High}
}

// digits keeps what a reader can use.
func digits(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func viewReady(r *run.Ready) readyView {
	v := readyView{
		header:         newHeader("ReadyResult"),
		First:          model.StampSecond(r.First),
		AsOf:           model.StampSecond(r.AsOf),
		SchedulesKnown: r.Schedules,
		Config: readyConfigView{
			r.Config.Days,
			r.Config.Risk,
			r.Config.Hold,
			r.Config.Leave,
		},
		Loss:        digits(r.Loss),
		LostHours:   r.LostHours,
		Record:      readyRecordView{r.Record.Days, r.Record.Surprised},
		HorizonDays: readiness.Horizon(r.Namespaces),
		Namespaces:  []readyNamespaceView{},
		Workloads:   []readySideView{},
		Unseen:      []readyUnseenView{},
		Coverage:    r.Covered,
	}
	for i := range r.Namespaces {
		n := &r.Namespaces[i]
		c := &n.Coverage
		var number *numberView
		if n.MonthSeen {
			x := viewNumber(n.MonthNumber)
			number = &x
		}
		v.Namespaces = append(
			v.Namespaces,
			readyNamespaceView{n.Name, n.State.String(), viewReasons(n.Reasons), digits(n.Age), n.WeekSeen, n.MonthSeen,
				n.Edges, n.Late, n.Changes, n.Workloads, n.Ready, atLeast(n.Chance), viewOutlook(n.Week), viewMonth(n.Month,
					n.MonthSeen), viewNumber(n.WeekNumber), number,
				coverageView{c.Days, c.Once, c.Twice, digits(c.Share), digits(c.Low), digits(c.Top), digits(c.Unseen)}},
		)
	}
	for i := range r.Sides {
		s := &r.Sides[i]
		v.Workloads = append(
			v.Workloads,
			readySideView{
				s.ID,
				s.Namespace,
				s.Direction.String(),
				s.State.String(),
				model.StampSecond(s.Since),
				viewReasons(s.Reasons),
				digits(
					s.Age,
				),
				s.Edges,
				s.Late,
				s.Changes,
				model.StampSecond(s.LastNew),
				digits(s.Rhythm),
				viewOutlook(s.Week),
				viewMonth(s.Month, s.MonthSeen),
				s.MonthSeen,
			},
		)
	}
	for _, u := range r.Unseen {
		v.Unseen = append(v.Unseen, readyUnseenView{u.ID, u.Kind, u.Idle, u.Text})
	}
	return v
}
