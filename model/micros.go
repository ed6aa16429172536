package model

import "time"

// Micros is a time in microseconds since 1970 UTC; 0 is none. It is another name of int64, because times are added,
// compared and stored as columns all the way; what it means and how it is written stands here.
type Micros = int64

// Stamp writes a time as RFC 3339 in UTC with as many digits as it has, "" for none.
func Stamp(t Micros) string {
	if t == 0 {
		return ""
	}
	return time.UnixMicro(t).UTC().Format(time.RFC3339Nano)
}

// StampSecond writes a time as RFC 3339 in UTC to the second, "" for none.
func StampSecond(t Micros) string {
	if t == 0 {
		return ""
	}
	return time.UnixMicro(t).UTC().Format(time.RFC3339)
}
