package synth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// Status says how a direction of a namespace stands to a default deny.
type Status uint8

// The statuses.
const (
	Proven   Status = iota // nothing seen would be blocked
	Isolated               // as Proven, and something denies there today already
	Held                   // denied, and held open for what stands in the way, or for its workload
	Partial                // each workload that has a selector is denied, and what has none stays open
	Forced                 // denied although something stands in the way, because that was asked for
	Edited                 // denied, and policies that people changed or added block what worked
	Short                  // its pods were not watched for long enough
	Blocked                // something that was seen stands in the way
	Losing                 // the policies as they were written would block what worked
)

var statusNames = [...]string{
	"proven",
	"already-isolated",
	"held",
	"partial",
	"forced",
	"edited",
	"not-watched",
	"blocked",
	"lost",
}

// String is the lower-case name.
func (s Status) String() string { return statusNames[s] }

// Enforced reports whether a direction with this status gets a default deny.
func (s Status) Enforced() bool { return s <= Edited }

// Enforce says of each direction of a namespace whether it gets a default deny, and why not.
type Enforce struct {
	policy.ByDirection[Status]
	Why     []Obstacle // what stands in the way, sorted
	Held    []Holding  // what is held open for that in the directions that are denied, sorted
	Left    []Holding  // what is left as it is there, since policies isolate it today
	Denied  []Holding  // what is denied in the directions that are Partial, sorted
	Watched Watched
	// Lacks says of each direction in a few words what the log has alone, since it was filtered; "" where it was not.
	Lacks policy.ByDirection[string]
}

// Allows reports whether a direction gets a default deny.
func (e Enforce) Allows(d model.Direction) bool {
	return (d == model.Ingress || d == model.Egress) && e.At(d).Enforced()
}

// Obstacle stands against the default deny of a direction: of one workload, or of whatever is in the namespace.
type Obstacle struct {
	Direction model.Direction
	Text      string
	Workload  graph.WorkloadID // below 0 for none that a selector names
	Edge      graph.EdgeID     // that it is of, below 0 for none
	AnyPeer   bool             // it is of any peer at the port of Edge
}

// Whole reports whether the default deny of a direction selects every pod, those to come among them.
func (e Enforce) Whole(d model.Direction) bool { return e.Allows(d) && *e.At(d) != Partial }

// Holding is a direction of a workload: one that stays open though it is denied in the namespace, or the other way
// round.
type Holding struct {
	Workload  graph.WorkloadID
	Name      string
	Selector  policy.Selector
	Direction model.Direction
	Only      []policy.Rule // what alone stays open, none for everything
}

// Watched says how long the pods of a namespace were watched. Times are microseconds since 1970 UTC, 0 for none.
type Watched struct {
	First, Last int64 // of the records of its pods
	Time        int64 // between them, without the hours in which the log has no record at all
	NewEdge     int64 // when the latest of its edges was seen for the first time
	End         int64 // of the log
	Want        time.Duration
	// With are the other namespaces of which every record has an end in one, "" where there are none.
	With string
}

// For is how long it was.
func (w Watched) For() time.Duration { return time.Duration(w.Time) * time.Microsecond }

// Enough reports whether that is as long as asked for. What was never watched, or with a few other namespaces alone, is
// not.
func (w Watched) Enough() bool { return w.First != 0 && w.With == "" && w.For() >= w.Want }

// String is "30m of 24h", "6d 4h".
func (w Watched) String() string {
	switch {
	case w.First == 0:
		return "never"
	case w.With != "":
		return "only with " + w.With
	case !w.Enough():
		return inWords(w.For()) + " of " + inWords(w.Want)
	}
	return inWords(w.For())
}

// LastNewEdge says when the latest edge came: "4s before the end".
func (w Watched) LastNewEdge() string {
	if w.NewEdge == 0 {
		return "none"
	}
	return inWords(time.Duration(w.End-w.NewEdge)*time.Microsecond) + " before the end"
}

// inWords is a duration to the second, "6d 4h" from two days on.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Truncate(time.Second)
	if d >= 2*day {
		if h := d % day / time.Hour; h > 0 {
			return fmt.Sprintf("%dd %dh", d/day, h)
		}
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if t, ok := strings.CutSuffix(s, "m0s"); ok {
		s = t + "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
}

// Words is the status of a direction as a person should read it. It never says more than was shown.
func (e *Enforce) Words(d model.Direction) string { return e.words(d, e.Watched.String()) }

// LastingWords is Words for what is committed: how long was watched is said only against what was asked for, so that
// they change with an edge or a decision and not with each run.
func (e *Enforce) LastingWords(d model.Direction) string {
	watched := "for less than " + inWords(e.Watched.Want)
	switch {
	case e.Watched.First == 0:
		watched = "never"
	case e.Watched.With != "":
		watched = e.Watched.String()
	case e.Watched.Enough():
		watched = "for " + inWords(e.Watched.Want) + " or longer"
	}
	return e.words(d, watched)
}

func (e *Enforce) words(d model.Direction, watched string) string {
	n := 0
	for _, o := range e.Why {
		if o.Direction == d {
			n++
		}
	}
	blockers := fmt.Sprintf("%d blockers", n)
	if n == 1 {
		blockers = "1 blocker"
	}
	switch *e.At(d) {
	case Proven:
		return "nothing seen would be blocked"
	case Isolated:
		return "nothing seen would be blocked (already isolated)"
	case Held:
		return "nothing seen would be blocked" + e.heldOpen(d)
	case Partial:
		return "partial: unlabelled and new pods stay open" + e.heldOpen(d) + ofDirection(e.Left, d, " left as isolated today")
	case Forced:
		return "forced: " + cmp.Or(map[bool]string{true: blockers}[n > 0], e.lacking(d, watched))
	case Edited:
		return "blocks what worked, by policies changed or added by hand"
	case Losing:
		return fmt.Sprintf("not yet: %d would be lost", n)
	case Short:
		if n > 0 {
			return "not yet: " + e.lacking(d, watched) + ", " + blockers
		}
		return "not yet: " + e.lacking(d, watched)
	default:
	}
	return "not yet: " + blockers
}

// lacking says for how long was watched, or what the log has alone.
func (e *Enforce) lacking(d model.Direction, watched string) string {
	if has := *e.Lacks.At(d); has != "" && e.Watched.Enough() {
		return "the log has only " + has
	}
	return "watched " + watched
}

// heldOpen counts the workloads that are held open in a direction.
func (e *Enforce) heldOpen(d model.Direction) string {
	whole, parts := []Holding{}, []Holding{}
	for _, h := range e.Held {
		if len(h.Only) > 0 {
			parts = append(parts, h)
		} else {
			whole = append(whole, h)
		}
	}
	return ofDirection(whole, d, " held open") + ofDirection(parts, d, " held open in part")
}

// ofDirection counts the workloads of a direction, "" for none.
func ofDirection(list []Holding, d model.Direction, what string) string {
	n := 0
	for _, h := range list {
		if h.Direction == d {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", " + several(n, "workload") + what
}

func sortObstacles(list []Obstacle) {
	slices.SortFunc(list, func(a, b Obstacle) int {
		return cmp.Or(cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Text, b.Text))
	})
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
