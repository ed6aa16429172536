package capture

import (
	"fmt"
	"maps"
	"slices"
)

// nodeSpan is the time between the first and the last record of a node, hours by its own clock.
type nodeSpan struct {
	name        string
	first, last uint32
	hours       int // that have records
	records     uint64
}

func (d *doctor) nodeSpans() []nodeSpan {
	var out []nodeSpan
	for _, name := range slices.Sorted(maps.Keys(d.NodeHours)) {
		s := nodeSpan{name: name}
		for hour, n := range d.NodeHours[name] {
			if !d.covers(hour) {
				continue
			}
			if s.records == 0 || hour < s.first {
				s.first = hour
			}
			s.last = max(s.last, hour)
			s.records += n
			s.hours++
		}
		if s.records > 0 {
			out = append(out, s)
		}
	}
	return out
}

// covers reports whether an hour is one of those that the log is of: what is dated far outside says nothing of a node.
func (d *doctor) covers(hour uint32) bool {
	n := len(d.Hours)
	return n == 0 || hour >= d.Hours[0].Hour && hour <= d.Hours[n-1].Hour
}

// nodeClock looks for nodes whose records begin and end hours before or after those of most others.
func (d *doctor) nodeClock() {
	spans := d.nodeSpans()
	if len(spans) < 2 {
		return
	}
	middle := func(of func(nodeSpan) uint32) int {
		var list []uint32
		for _, s := range spans {
			list = append(list, of(s))
		}
		slices.Sort(list)
		return int(list[(len(list)-1)/2])
	}
	first := middle(func(s nodeSpan) uint32 { return s.first })
	last := middle(func(s nodeSpan) uint32 { return s.last })
	var names []string
	for _, s := range spans {
		const differs = 2 // hours; one is a matter of minutes
		begins, ends := int(s.first)-first, int(s.last)-last
		if by := min(begins, ends); by >= differs && max(begins, ends)-by < differs {
			names = append(names, fmt.Sprintf("%s (%d hours later)", s.name, by))
		} else if by := max(begins, ends); by <= -differs && by-min(begins, ends) < differs {
			names = append(names, fmt.Sprintf("%s (%d hours earlier)", s.name, -by))
		}
	}
	if len(names) > 0 {
		d.found(fmt.Sprintf("the records of %d of %d nodes begin and end hours apart from those of the others: %s", len(names), len(spans), some(names)),
			"their clocks are wrong, or they are of another time: ages, gaps and how long was watched are of one clock. "+
				"Which end is the server is never told by time, and no edge hangs on it",
			"set the clocks of the nodes by NTP; capture all nodes at the same time")
	}
}

// nodeGaps looks for hours in the middle in which a node that talks all the time has no record, and others have some.
func (d *doctor) nodeGaps() {
	spans := d.nodeSpans()
	seen := map[uint32]bool{} // hours in which some node has a record
	for _, hours := range d.NodeHours {
		for hour := range hours {
			if d.covers(hour) {
				seen[hour] = true
			}
		}
	}
	all := slices.Sorted(maps.Keys(seen))
	var names []string
	for _, s := range spans {
		const talks = 10 // records an hour, so that none in an hour is no chance
		if s.records < talks*uint64(len(d.NodeHours[s.name])) {
			continue
		}
		from, _ := slices.BinarySearch(all, s.first)
		to, _ := slices.BinarySearch(all, s.last)
		silent := to - from + 1 - s.hours
		if silent > 0 {
			names = append(names, fmt.Sprintf("%s (%s of %d)", s.name, several(silent, "hour"), s.last-s.first+1))
		}
	}
	if len(names) > 0 {
		d.found(fmt.Sprintf("%d of %d nodes have no record for a while, and others have: %s", len(names), len(spans), some(names)),
			"what their pods did then is missing", "see the agents of these nodes and the rotation of their exports; sluice ingest --follow keeps watching")
	}
}
