//go:build !race

package workload

const slower = 1
