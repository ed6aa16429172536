//go:build race

package workload

// slower is how many times longer the race detector may take.
const slower = 6
