package readinesstest

import (
	"math"
	"time"
)

// schedule is when periodic work runs.
type schedule struct{ hour, weekday, day int }

func (w *World) schedule() schedule {
	return schedule{w.rand.IntN(24), w.rand.IntN(7), []int{1, 1, 1, 15, 31}[w.rand.IntN(5)]}
}

func (w *World) at(h int) time.Time { return w.start.Add(time.Duration(h) * time.Hour) }

// due reports whether work of a kind runs in an hour. Day 31 stands for the last of each month.
func (w *World) due(k Kind, s schedule, h int) bool {
	t := w.at(h)
	if t.Hour() != s.hour && k != Hourly {
		return false
	}
	switch k {
	case Hourly, Daily:
		return true
	case Weekly:
		return int(t.Weekday()) == s.weekday
	case Monthly:
		if s.day == 31 {
			return t.AddDate(0, 0, 1).Day() == 1
		}
		return t.Day() == s.day
	default:
	}
	return false
}

// talk draws the hours in which an edge talks, and gives its mean number of records in one.
func (w *World) talk(e *Edge, s *space, when schedule) (perHour float64) {
	switch e.Kind {
	case Always:
		e.talks = make([]uint16, 0, hours-e.Born)
		for h := e.Born; h < hours; h++ {
			if w.rand.Float64() < 0.99 {
				e.put(h)
			}
		}
		return 60
	case Poisson, Failover, Yearly:
		return w.talkAtRandom(e)
	case Business:
		w.talkByDay(e)
		return 5
	case Uneven, OnOff:
		w.talkUnevenly(e)
		return 3
	case Seasonal:
		share := 0.2 + 0.6*w.rand.Float64()
		for h := e.Born; h < hours; h++ {
			if w.due(Weekly, when, h) && w.rand.Float64() < share {
				w.episode(e, h)
			}
		}
		return 3
	case Once:
		e.put(e.Born + w.rand.IntN(hours-e.Born))
		return 1
	case Drift:
		w.talkDrifting(e)
		return 3
	case Storm:
		for _, h := range w.storms {
			if w.rand.Float64() < 0.5 {
				w.episode(e, h+w.rand.IntN(3))
			}
		}
		return 3
	case Dormant:
		w.talkAfterSleep(e)
		return 5
	case Hourly, Daily, Weekly, Monthly:
		for h := e.Born; h < hours; h++ {
			if w.due(e.Kind, when, h) && w.rand.Float64() < 0.98 {
				w.episode(e, h)
			}
		}
		return 3
	case Incident:
		for _, h := range s.events {
			if w.rand.Float64() < 0.7 {
				w.episode(e, h)
			}
		}
	default:
	}
	return 1
}

func (e *Edge) put(h int) {
	if h >= e.Born && h < hours && (len(e.talks) == 0 || int(e.talks[len(e.talks)-1]) < h) {
		e.talks = append(e.talks, uint16(h))
	}
}

// episode is an occurrence: an hour or, where the family is bursty, some in a row.
func (w *World) episode(e *Edge, h int) {
	e.put(h)
	for i := 1; w.rand.Float64() < 1-1/w.Family.burst; i++ {
		e.put(h + i)
	}
}

// talkAtRandom has gaps of one mean.
func (w *World) talkAtRandom(e *Edge) (perHour float64) {
	f, r := &w.Family, w.rand
	gap := 365.0 * 24
	switch e.Kind {
	case Poisson:
		for gap = math.Inf(1); gap > f.slowest || gap < 1.0/60; {
			gap = f.median * math.Exp(f.sigma*r.NormFloat64())
		}
	case Failover:
		gap = 24 * (30 + 150*r.Float64())
	default:
	}
	if gap < 0.2 {
		for h := e.Born; h < hours; h++ {
			e.put(h)
		}
	} else {
		for t := float64(e.Born) + r.ExpFloat64()*gap; t < hours; t += r.ExpFloat64() * gap {
			w.episode(e, int(t))
		}
	}
	return math.Max(1, 1/gap)
}

// talkUnevenly has gaps that no mean describes, or long times of work and of none.
func (w *World) talkUnevenly(e *Edge) {
	r := w.rand
	median := w.Family.median * math.Exp(1.5*r.NormFloat64())
	pause := 24 * (3 + 37*r.Float64())
	for t := float64(e.Born) + r.ExpFloat64()*median; t < hours; {
		if e.Kind == Uneven {
			w.episode(e, int(t))
			t += math.Max(0.2, median*math.Exp(2*r.NormFloat64()))
			continue
		}
		for end := t + r.ExpFloat64()*36; t < end && t < hours; t += 1 + r.ExpFloat64()*3 {
			e.put(int(t))
		}
		t += r.ExpFloat64() * pause
	}
}

// talkDrifting has gaps that grow or shrink tenfold in 30 days.
func (w *World) talkDrifting(e *Edge) {
	r := w.rand
	gap := w.Family.median * math.Exp(1.5*r.NormFloat64())
	drift := math.Ln10 / (30 * 24)
	if r.Float64() < 0.5 {
		drift = -drift
	}
	for t := float64(e.Born); t < hours; {
		if t += r.ExpFloat64() * math.Max(0.2, gap*math.Exp(drift*(t-float64(e.Born)))); t < hours {
			w.episode(e, int(t))
		}
	}
}

// talkAfterSleep sleeps for days to months, works for days, and sleeps again.
func (w *World) talkAfterSleep(e *Edge) {
	r := w.rand
	sleep := 24 * 20 * math.Exp(r.NormFloat64())
	for t := float64(e.Born) + r.ExpFloat64()*sleep; t < hours; t += r.ExpFloat64() * sleep {
		for end := t + 24*(0.5+2*r.ExpFloat64()); t < end && t < hours; t += 1 + r.ExpFloat64()*2 {
			e.put(int(t))
		}
	}
}

// talkByDay talks in business hours.
func (w *World) talkByDay(e *Edge) {
	usual := 0.1 + 0.85*w.rand.Float64()
	for h := e.Born; h < hours; h++ {
		t, chance := w.at(h), usual
		if d := t.Weekday(); d == time.Saturday || d == time.Sunday {
			chance *= 0.02
		} else if t.Hour() < 8 || t.Hour() >= 18 {
			chance *= 0.01
		}
		if w.rand.Float64() < chance {
			e.put(h)
		}
	}
}

// pick draws a kind by its weight.
func (w *World) pick(mix [numKinds]float64) Kind {
	sum := 0.0
	for _, x := range mix {
		sum += x
	}
	u := w.rand.Float64() * sum
	for i, x := range mix {
		if u -= x; u < 0 {
			return Kind(i)
		}
	}
	return numKinds - 1
}

// poisson draws a number of this mean.
func (w *World) poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	limit, k, p := math.Exp(-mean), 0, 1.0
	for {
		if p *= w.rand.Float64(); p <= limit {
			return k
		}
		k++
	}
}
