package readiness

import "time"

// monthOf is the start of the month of a time.
func monthOf(at int64) time.Time {
	y, m, _ := time.UnixMicro(at).UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// dayEnd is the first end of a day, UTC, at or after a time.
func dayEnd(at int64) int64 { return (at + dayMicros - 1) / dayMicros * dayMicros }

func hourStart(h uint32) int64 { return int64(h) * hourMicros }

const (
	week  = 7.0
	month = 30.0
	// sure is the chance with which an interval holds the number that comes.
	sure = 0.90
)
