package run

import (
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/store"
)

// maxGaps is how many gaps are known one by one: those before count in Gaps alone.
const maxGaps = 10_000

// Missed notes times from which records of a server may be missing.
func (l *Log) Missed(gaps ...store.Gap) {
	l.Gaps += len(gaps)
	l.gaps = append(l.gaps, gaps...)
	if n := len(l.gaps); n > 2*maxGaps {
		l.gaps = append([]store.Gap(nil), l.gaps[n-maxGaps:]...)
	}
}

// missing are the hours in which records may be missing: those of events that the log says it lost, of the gaps of
// servers, those beside hours in which nobody watched, and those of a former bundle.
func (l *Log) missing() model.Losses {
	out := model.Losses{}
	out.Merge(l.Report.LostHours)
	out.Merge(l.unheard)
	for _, g := range l.gaps {
		out.Add(g.From, max(g.From, g.To), 0)
	}
	for _, h := range holes(l.Builder.Hours()) {
		out.Add(h, h, 0)
	}
	return out
}

// holes are the times at which a log that otherwise has records all the time breaks off, and where it goes on: an hour
// without a record means that nobody watched if the others have one a minute.
func holes(hours []graph.Hour) []model.Micros {
	const hour, steady = model.Micros(time.Hour / time.Microsecond), 60
	var records uint64
	for _, h := range hours {
		records += h.Records
	}
	if records < steady*uint64(len(hours)) {
		return nil
	}
	var out []model.Micros
	for i := 1; i < len(hours); i++ {
		if before, after := hours[i-1].Hour, hours[i].Hour; after > before+1 {
			out = append(out, model.Micros(before)*hour, model.Micros(after)*hour)
		}
	}
	return out
}

// lostOf notes what a source of a store says was lost between since and until, 0 for no bound, to the hour. One that
// was stored before hours were noted has lost it at any time between its first record and its last.
func (l *Log) lostOf(src *store.Source, since, until model.Micros) {
	hours := src.LostHours
	if src.Lost > 0 && len(hours) == 0 {
		hours = nil
		hours.Add(src.First, src.Last, uint64(src.Lost))
	}
	lost := uint64(src.Lost)
	if since != 0 || until != 0 {
		hours = hours.Within(since, until)
		lost = hours.Events()
	}
	l.Report.Lost += lost
	l.Report.LostHours.Merge(hours)
	if src.Through != 0 && since == 0 && until == 0 {
		l.begin, l.through = src.Begin, src.Through
	}
	if src.Stream == nil {
		return
	}
	for _, g := range src.Stream.Gaps {
		if max(g.From, g.To) >= since && (until == 0 || g.From < until) {
			l.Missed(g)
		}
	}
}
