// Package readiness reports whether enough has been seen to deny the rest: for every workload and direction the chance
// that an edge which exists and was never seen shows soon, forecast from the edges that appeared late, with guards
// for the calendar, for manifests and for losses. It counts what was seen and never calls anything safe: what happens
// less often than the log is long is in no log.
package readiness
