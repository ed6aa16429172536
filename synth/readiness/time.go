package readiness

import "time"

// monthOf is the start of the month of a time.
func monthOf(at int64) time.Time {
	y, m, _ := time.UnixMicro(at).UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// dayEnd is the first end of a day, UTC, at or after a time.
func dayEnd(at int64) int64 { return (at + dayMicros - 1) / dayMicros * dayMicros }
