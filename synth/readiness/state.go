package readiness

// State says how far the watching of something has come.
type State uint8

// The states.
const (
	Learning    State = iota // not watched long enough, or something is known to be missing
	Stabilizing              // watched long enough, and edges never seen are still too likely
	Stable                   // the chance of an edge that exists and was never seen is low, and has been for days
)

// String is the name.
func (s State) String() string { return [...]string{"Learning", "Stabilizing", "Stable"}[s] }

// Config has the numbers of the verdict.
type Config struct {
	Days  float64 // watched before anything is called Stable
	Risk  float64 // chance, within a week, of an edge that exists and was never seen: at most
	Hold  int     // ends of days in a row
	Leave float64 // chance above which what is Stable is so no longer
}

// DefaultConfig returns the numbers that were measured.
func DefaultConfig() Config { return Config{Days: 14, Risk: 0.02, Hold: 3, Leave: 0.04} }

// namespaceRisk is the chance up to which a namespace is Stable, its rate doubled.
const namespaceRisk = 0.20

// track is the state of a workload and direction as the days go by.
type track struct {
	state State
	since int64 // when it came into the state
	ok    int   // ends of days in a row on which it could be called Stable
}

// day takes the end of a day.
func (t *track) day(at int64, g guards, chance float64, cfg *Config) {
	next := Stabilizing
	open := !g.learning && !g.capped
	if t.ok++; !open || chance > cfg.Risk {
		t.ok = 0
	}
	switch {
	case g.learning:
		next = Learning
	case !open:
	case t.ok >= cfg.Hold, t.state == Stable && chance <= cfg.Leave:
		next = Stable
	}
	t.to(next, at)
}

// within takes a time between the ends of days: a state can only fall.
func (t *track) within(at int64, g guards, chance float64, cfg *Config) {
	switch {
	case g.learning:
		t.to(Learning, at)
	case g.capped || chance > cfg.Leave:
		t.to(min(t.state, Stabilizing), at)
	}
}

func (t *track) to(s State, at int64) {
	if s != t.state || t.since == 0 {
		t.state, t.since = s, at
	}
}

// guards are what speaks against a set whatever its forecast is: learning holds it at Learning, capped below Stable.
type guards struct {
	learning, capped bool
	hours            []int
	schedule         bool
	turn             bool // that of a month comes within a week, and none was watched yet
	cronJobs         []*Workload
}
