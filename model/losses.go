package model

import (
	"maps"
	"time"
)

// Losses are events that a log says it lost, by the hour since 1970 UTC. An hour that is there is incomplete, with none
// too. Under AnyHour are those of a time that is not known.
type Losses map[uint32]uint64

// AnyHour is the hour of what may have been lost in any.
const AnyHour uint32 = 0

// MaxLoss is how many lost events one notice may tell of. A counter that somebody made up must not run over when others
// are added to it: with four thousand million of these it would.
const MaxLoss = 1 << 32

// maxLossHours bounds Losses, of which a log may have as many as it has lies: nearly two years.
const maxLossHours = 1 << 14

// Add spreads events over the hours from the one time to the other, each of which is incomplete from now on. No time,
// or more hours than Losses can have, is AnyHour.
func (l *Losses) Add(from, to Micros, events uint64) {
	const hour = Micros(time.Hour / time.Microsecond)
	if *l == nil {
		*l = Losses{}
	}
	if from <= 0 || to < from || to/hour-from/hour+Micros(len(*l)) >= maxLossHours {
		(*l)[AnyHour] += events
		return
	}
	first, n := uint32(from/hour), uint64(to/hour-from/hour+1)
	for i := range n {
		(*l)[first+uint32(i)] += events*(i+1)/n - events*i/n
	}
}

// Merge adds others.
func (l *Losses) Merge(o Losses) {
	if *l == nil && len(o) > 0 {
		*l = Losses{}
	}
	for h, n := range o {
		if _, known := (*l)[h]; !known && len(*l) >= maxLossHours {
			h = AnyHour
		}
		(*l)[h] += n
	}
}

// Has reports whether records of an hour may be missing.
func (l Losses) Has(hour uint32) bool {
	_, any := l[AnyHour]
	_, known := l[hour]
	return any || known
}

// Within returns the losses of hours that reach into a time: from the one on, before the other; 0 is no bound. Those of
// a time that is not known are among them.
func (l Losses) Within(since, until Micros) Losses {
	const hour = Micros(time.Hour / time.Microsecond)
	out := Losses{}
	for h, n := range l {
		if from := Micros(h) * hour; h == AnyHour || from+hour > since && (until == 0 || from < until) {
			out[h] = n
		}
	}
	return out
}

// Events is how many were lost in all.
func (l Losses) Events() (n uint64) {
	for _, events := range l {
		n += events
	}
	return n
}

// Clone returns a copy that can be added to.
func (l Losses) Clone() Losses { return maps.Clone(l) }
