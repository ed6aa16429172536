package readiness

import "slices"

// lostHours are the hours in which nobody watched, sorted.
type lostHours []uint32

// between counts the lost hours from the hour of one time to another.
func (l lostHours) between(from, to int64) int { return len(l.from(from, to)) }

// from returns the lost hours from the hour of one time up to another.
func (l lostHours) from(from, to int64) lostHours {
	a, _ := slices.BinarySearch(l, uint32(from/hourMicros))
	b, _ := slices.BinarySearch(l, hoursBefore(to))
	return l[a:max(a, b)]
}

// hoursBefore is the number of hours that begin before a time.
func hoursBefore(at int64) uint32 { return uint32((at + hourMicros - 1) / hourMicros) }

// watch is what was watched, and what was lost of it.
type watch struct {
	first, last uint32 // hours with records, inclusive
	hours       []Hour // those from first to last, each once
	lost        lostHours
}

// newWatch sums up hours, which are sorted, up to a time.
func newWatch(hours []Hour, silent []uint32, until int64) watch {
	var w watch
	for _, h := range hours {
		if hourStart(h.Hour) >= until {
			break
		}
		if n := len(w.hours); n > 0 && w.hours[n-1].Hour == h.Hour {
			w.hours[n-1].Records += h.Records
			w.hours[n-1].Lost += h.Lost
		} else {
			w.hours = append(w.hours, h)
		}
	}
	if len(w.hours) == 0 {
		return w
	}
	w.first, w.last = w.hours[0].Hour, hoursBefore(until)-1
	i := 0
	for h := w.first; h <= w.last; h++ {
		records := uint64(0)
		if i < len(w.hours) && w.hours[i].Hour == h {
			records = w.hours[i].Records
			i++
		}
		if _, gone := slices.BinarySearch(silent, h); gone || records == 0 {
			w.lost = append(w.lost, h)
		}
	}
	return w
}

// loss is the share of events lost before a time.
func (w *watch) loss(at int64) float64 {
	var records, lost uint64
	for _, h := range w.hours {
		if hourStart(h.Hour) >= at {
			break
		}
		records += h.Records
		lost += h.Lost
	}
	if lost == 0 {
		return 0
	}
	return float64(lost) / float64(lost+records)
}

// hourOfWeek counts from Sunday 00:00 UTC: 1970 began on a Thursday.
func hourOfWeek(h uint32) int { return int((h + 4*24) % hoursOfWeek) }

// blind are the hours of the week that lost more than a share of their events before a time.
func (w *watch) blind(at int64, share float64) (out [hoursOfWeek]bool) {
	var records, lost [hoursOfWeek]uint64
	for _, h := range w.hours {
		if hourStart(h.Hour) >= at {
			break
		}
		k := hourOfWeek(h.Hour)
		records[k] += h.Records
		lost[k] += h.Lost
	}
	for k := range out {
		out[k] = lost[k] > 0 && float64(lost[k]) > share*float64(lost[k]+records[k])
	}
	return out
}

// seen counts for each hour of the week how often it was watched from one time to another.
func (w *watch) seen(from, to int64) (out [hoursOfWeek]int) {
	first, end := uint32(from/hourMicros), hoursBefore(to)
	if end <= first {
		return out
	}
	weeks, rest := int(end-first)/hoursOfWeek, (end-first)%hoursOfWeek
	for k := range out {
		out[k] = weeks
	}
	for h := end - rest; h < end; h++ {
		out[hourOfWeek(h)]++
	}
	for _, h := range w.lost.from(from, to) {
		out[hourOfWeek(h)]--
	}
	return out
}

// turned reports whether a turn of the month was watched from one time to another: from the 28th to the 3rd, no more
// than a tenth of it lost.
func (w *watch) turned(from, to int64) bool {
	for m := monthOf(from); ; m = m.AddDate(0, 1, 0) {
		begin, end := m.AddDate(0, 0, 27).UnixMicro(), m.AddDate(0, 1, 3).UnixMicro()
		if end > to {
			return false
		}
		if begin >= from && 10*w.lost.between(begin, end) <= int((end-begin)/hourMicros) {
			return true
		}
	}
}
