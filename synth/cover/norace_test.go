//go:build !race

package cover

const slower = 1
