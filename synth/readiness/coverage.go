package readiness

import "math"

// Coverage is what ecology says of a set of edges, days being its samples. It decides nothing: edges that always talk
// are nearly all of the talking, so it is close to 1 long before enough was seen.
type Coverage struct {
	Days            int     // with at least a part that was watched
	Once, Twice     int     // edges seen on one day, on two
	Share, Low, Top float64 // of all talking, that of known edges; with its 95 % interval
	// Unseen is Chao2's estimate of how many edges that talk were never seen: a lower bound.
	Unseen float64
}

func (h *history) coverage(s *set, at int64) Coverage {
	c := Coverage{Days: int((at - 1 - s.first + dayMicros) / dayMicros), Share: 1}
	var talks float64
	for _, i := range s.edges {
		e := &h.edges[i]
		if e.First >= at {
			break
		}
		days, last := 0, uint32(0)
		for _, hour := range e.Hours {
			if hourStart(hour) >= at {
				break
			}
			if d := hour / 24; days == 0 || d != last {
				days++
				last = d
			}
		}
		talks += float64(days)
		switch days {
		case 1:
			c.Once++
		case 2:
			c.Twice++
		}
	}
	n, q1, q2 := float64(c.Days), float64(c.Once), float64(c.Twice)
	c.Unseen = (n - 1) / n * q1 * (q1 - 1) / 2
	if q2 > 0 {
		c.Unseen = (n - 1) / n * q1 * q1 / (2 * q2)
	}
	if q1 > 0 {
		c.Share = 1 - q1/talks*(n*c.Unseen/(n*c.Unseen+q1))
	}
	// One more that was seen once: without it the interval has no width where none was.
	width := 1.96 * math.Sqrt((q1+1)*(1-q1/talks)+2*q2) / talks
	c.Low, c.Top = math.Max(0, c.Share-width), math.Min(1, c.Share+width)
	return c
}
