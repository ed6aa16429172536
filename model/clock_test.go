package model

import (
	"testing"
	"time"
)

// TestClock: a wall clock that is set is found out, whichever way it goes, and both times are told.
func TestClock(t *testing.T) {
	wall, passed := time.UnixMicro(1e15), time.Duration(0)
	c := ClockOf(func() time.Time { return wall }, func() time.Duration { return passed })
	for _, step := range []struct {
		set         time.Duration // beside the minute that passes
		early, late Micros        // beside the beginning
		jumps       uint64
	}{
		{0, 60e6, 60e6, 0},
		{72 * time.Hour, 120e6, 120e6 + 72*3600e6, 1},
		{0, 180e6, 180e6 + 72*3600e6, 1},
		{-72 * time.Hour, 240e6, 240e6, 2},
		{-time.Hour, 300e6 - 3600e6, 300e6, 3},
		{-10 * time.Second, 360e6 - 3610e6, 360e6, 3},
	} {
		passed += time.Minute
		wall = wall.Add(time.Minute + step.set)
		if early, late := c.Read(); early != 1e15+step.early || late != 1e15+step.late || c.Jumps() != step.jumps {
			t.Errorf("%v: %d to %d, %d jumps, want %d to %d, %d", step.set, early-1e15, late-1e15, c.Jumps(), step.early, step.late, step.jumps)
		}
	}
}
