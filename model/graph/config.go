package graph

import (
	"sluice/model"
	"sluice/model/workload"
)

// Config is what Build leaves to its caller.
type Config struct {
	Workloads workload.Config
	// Incomplete reports whether records of an hour (since 1970 UTC) are missing, so that silence in it means nothing.
	// nil: none is known to be.
	Incomplete func(hour uint32) bool
	// Now is the clock, microseconds since 1970 UTC; what is dated later has a wrong time. 0: it is not known.
	Now model.Micros
	// AsOf is the time that ages are to be counted to; 0: the end of nearly all records.
	AsOf model.Micros
}

func (c *Config) incomplete(hour uint32) bool { return c.Incomplete != nil && c.Incomplete(hour) }
