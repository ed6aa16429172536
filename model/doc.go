// Package model holds the plain values that every stage of sluice speaks of: Flow, Endpoint, Labels,
// Observation and the small enumerations beside them. It does no I/O and imports no other package of sluice.
package model
