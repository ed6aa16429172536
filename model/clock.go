package model

import "time"

// Clock is the wall clock beside what it would be had nobody set it since the Clock was made. Which of the two is right
// nobody can know: a machine may begin with a wrong time, or get one later. Whoever asks takes the one that costs least
// if it is wrong. It serves one goroutine.
type Clock struct {
	now   func() time.Time
	since func() time.Duration // that passed, whatever the wall clock says
	began Micros
	off   Micros // how far the wall clock was off when it was last read
	jumps uint64
}

// jumpSize is what a wall clock is off by at least when somebody set it: slewing it takes hours for as much.
const jumpSize = Micros(60e6)

// NewClock returns the clock of this process.
func NewClock() *Clock {
	began := time.Now()
	return ClockOf(time.Now, func() time.Duration { return time.Since(began) })
}

// ClockOf makes a clock of a wall clock and of one that nobody can set.
func ClockOf(now func() time.Time, since func() time.Duration) *Clock {
	return &Clock{now: now, since: since, began: now().UnixMicro() - since().Microseconds()}
}

// Read returns the earlier and the later of the two times.
func (c *Clock) Read() (early, late Micros) {
	wall, steady := c.now().UnixMicro(), c.Steady()
	if off := wall - steady; off-c.off >= jumpSize || c.off-off >= jumpSize {
		c.off = off
		c.jumps++
	}
	return min(wall, steady), max(wall, steady)
}

// Steady is the time that nobody can set.
func (c *Clock) Steady() Micros { return c.began + c.since().Microseconds() }

// Jumps counts how often the wall clock was found set to another time.
func (c *Clock) Jumps() uint64 { return c.jumps }
