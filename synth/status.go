package synth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
)

// Status says how a direction of a namespace stands to a default deny.
type Status uint8

// The statuses.
const (
	Proven   Status = iota // nothing seen would be blocked
	Isolated               // as Proven, and something denies there today already
	Forced                 // denied although something stands in the way, because that was asked for
	Edited                 // denied, and policies that people changed or added block what worked
	Short                  // its pods were not watched for long enough
	Blocked                // something that was seen stands in the way
	Losing                 // the policies as they were written would block what worked
)

var statusNames = [...]string{"proven", "already-isolated", "forced", "edited", "not-watched", "blocked", "lost"}

// String is the lower-case name.
func (s Status) String() string { return statusNames[s] }

// Enforced reports whether a direction with this status gets a default deny.
func (s Status) Enforced() bool { return s <= Edited }

// Enforce says of each direction of a namespace whether it gets a default deny, and why not.
type Enforce struct {
	Ingress, Egress Status
	Why             []Obstacle // what stands in the way, sorted
	Watched         Watched
}

// Of returns the status of a direction.
func (e *Enforce) Of(d model.Direction) Status {
	if d == model.Ingress {
		return e.Ingress
	}
	return e.Egress
}

// Allows reports whether a direction gets a default deny.
func (e Enforce) Allows(d model.Direction) bool {
	return (d == model.Ingress || d == model.Egress) && e.Of(d).Enforced()
}

// Obstacle stands against the default deny of a direction.
type Obstacle struct {
	Direction model.Direction
	Text      string
}

// Watched says how long the pods of a namespace were watched. Times are microseconds since 1970 UTC, 0 for none.
type Watched struct {
	First, Last int64 // of the records of its pods
	NewEdge     int64 // when the latest of its edges was seen for the first time
	End         int64 // of the log
	Want        time.Duration
}

// For is how long it was.
func (w Watched) For() time.Duration { return time.Duration(w.Last-w.First) * time.Microsecond }

// Enough reports whether that is as long as asked for. What was never watched is not.
func (w Watched) Enough() bool { return w.First != 0 && w.For() >= w.Want }

// String is "30m of 24h", "6d 4h".
func (w Watched) String() string {
	switch {
	case w.First == 0:
		return "never"
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
func (e *Enforce) Words(d model.Direction) string {
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
	switch e.Of(d) {
	case Proven:
		return "nothing seen would be blocked"
	case Isolated:
		return "nothing seen would be blocked (already isolated)"
	case Forced:
		return "forced: " + cmp.Or(map[bool]string{true: blockers}[n > 0], "watched "+e.Watched.String())
	case Edited:
		return "blocks what worked, by policies changed or added by hand"
	case Losing:
		return fmt.Sprintf("not yet: %d would be lost", n)
	case Short:
		if n > 0 {
			return "not yet: watched " + e.Watched.String() + ", " + blockers
		}
		return "not yet: watched " + e.Watched.String()
	}
	return "not yet: " + blockers
}

// Withdraw takes the default deny of a direction back, because the policies as they were written would block what
// worked. Where it is forced it stays, and the reason with it.
func (r *Result) Withdraw(namespace string, d model.Direction, edge int, why string) {
	e := r.Enforce[namespace]
	o := Obstacle{d, why}
	if !slices.Contains(e.Why, o) {
		e.Why = append(e.Why, o)
		sortObstacles(e.Why)
		r.Findings = append(r.Findings, Finding{KindLost, Blocks, namespace, d, edge, why,
			"the direction stays open: no rule of these policies allows it"})
		sortFindings(r.Findings)
	}
	if s := e.Of(d); s.Enforced() && s != Forced {
		e.set(d, Losing)
	}
	r.Enforce[namespace] = e
}

// Edited notes that policies which people changed or added block what worked in a direction that is denied.
func (r *Result) Edited(namespace string, d model.Direction) {
	if e := r.Enforce[namespace]; e.Allows(d) {
		e.set(d, Edited)
		r.Enforce[namespace] = e
	}
}

func (e *Enforce) set(d model.Direction, s Status) {
	if d == model.Ingress {
		e.Ingress = s
	} else {
		e.Egress = s
	}
}

func sortObstacles(list []Obstacle) {
	slices.SortFunc(list, func(a, b Obstacle) int {
		return cmp.Or(cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Text, b.Text))
	})
}

// watch notes how long every chosen namespace was watched. A direction without edges is no obstacle: that its pods
// were watched is what counts.
func (l *learner) watch() {
	seen := map[string]Watched{}
	for i := range l.g.Peers {
		p := &l.g.Peers[i]
		if p.Kind != model.KindPod || !l.chosen(p.Namespace) || !l.ownCluster(p) || p.First == 0 {
			continue
		}
		w := seen[p.Namespace]
		if w.First == 0 || p.First < w.First {
			w.First = p.First
		}
		w.Last = max(w.Last, p.Last)
		seen[p.Namespace] = w
	}
	for i := range l.g.Edges {
		e := &l.g.Edges[i]
		if !e.State.Worked() {
			continue
		}
		for _, en := range l.ends(e) {
			w := seen[en.namespace]
			w.NewEdge = max(w.NewEdge, e.First)
			seen[en.namespace] = w
		}
	}
	for ns, e := range l.enforce {
		e.Watched = seen[ns]
		e.Watched.End, e.Watched.Want = max(l.g.AsOf, e.Watched.NewEdge), l.cfg.MinWatch
		if e.Watched.Want < 0 {
			e.Watched.Want = 0
		}
		l.enforce[ns] = e
	}
}

// statuses decides what becomes of every direction, once all is known that stands against it.
func (l *learner) statuses() {
	denied := map[Obstacle]bool{} // by direction and namespace
	for i := range l.g.Edges {
		if e := &l.g.Edges[i]; e.State == graph.Denied || e.State == graph.Mixed {
			for _, en := range l.ends(e) {
				denied[Obstacle{en.dir, en.namespace}] = true
			}
		}
	}
	for ns, e := range l.enforce {
		short := !e.Watched.Enough()
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			blocked := slices.ContainsFunc(e.Why, func(o Obstacle) bool { return o.Direction == d })
			switch {
			case (short || blocked) && l.cfg.EnforceAnyway:
				e.set(d, Forced)
			case short:
				e.set(d, Short)
			case blocked:
				e.set(d, Blocked)
			case denied[Obstacle{d, ns}]:
				e.set(d, Isolated)
			}
		}
		if short {
			consequence := "neither direction is denied yet: go on recording, or ask for less with --min-watch"
			if l.cfg.EnforceAnyway {
				consequence = "both directions are denied all the same, because that was asked for"
			}
			l.find(Finding{KindNotWatched, Blocks, ns, model.DirectionUnknown, -1,
				fmt.Sprintf("the pods of %s were watched %s", ns, e.Watched), consequence})
		}
		l.enforce[ns] = e
	}
}
