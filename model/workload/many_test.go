package workload

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestMany: whoever makes pods and labels by the thousand does not make the work explode. Each takes about a second; the
// bound only tells that from minutes.
func TestMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	mixed := func() string {
		return fmt.Sprintf("a=%d b=%d c=%d d=%d", r.IntN(8), r.IntN(8), r.IntN(8), r.IntN(8))
	}
	for _, c := range []struct {
		name string
		n    int
		row  func(i int) string
	}{
		{"workloads", 16_000, func(i int) string { return fmt.Sprintf("Deployment/w%d | app=w%d tier=t%d |", i, i, i%7) }},
		{"pods of mixed labels", 4_000, func(int) string { return "| " + mixed() + " |" }},
		{"pods of mixed labels, of one owner", 4_000, func(int) string { return "Deployment/x | " + mixed() + " |" }},
		{"pods with some of a few labels", 4_000, func(int) string {
			s := "| z=q"
			for k := range 12 {
				if r.IntN(2) == 0 {
					s += fmt.Sprintf(" k%d=v", k)
				}
			}
			return s + " |"
		}},
		{"owners with some of a few labels", 4_000, func(i int) string {
			s := fmt.Sprintf("Deployment/p%d |", i)
			for k := range 12 {
				if v := r.IntN(4); v > 0 {
					s += fmt.Sprintf(" k%d=v%d", k, v)
				}
			}
			return s + " |"
		}},
		{"label keys", 16_000, func(i int) string { return fmt.Sprintf("| key%d=v app=x |", i) }},
		{"pods that bear one name", 16_000, func(i int) string { return fmt.Sprintf("Deployment/db | app=evil%d tier=data |", i) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rows []string
			for i := range c.n {
				rows = append(rows, c.row(i))
			}
			start := time.Now()
			build(rows, Config{})
			if d := time.Since(start); d > slower*30*time.Second {
				t.Errorf("%d took %s", c.n, d)
			}
		})
	}
}
