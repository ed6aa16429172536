package source

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestNumbers: whoever asks on which line a block begins is told, whatever else is asked and in which order blocks are
// read.
func TestNumbers(t *testing.T) {
	const blocks, workers = 2000, 4
	n := newNumbers()
	lines, want := make([]int64, blocks), int64(1)
	wants := make([]int64, blocks)
	for i := range lines {
		lines[i], wants[i] = rand.Int64N(5), want
		want += lines[i]
	}
	next := make(chan int, blocks)
	for i := range blocks {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				if rand.N(3) > 0 {
					n.count(i, lines[i])
				} else if got := n.first(i, lines[i]); got != wants[i] {
					t.Errorf("block %d begins on line %d, not %d", i, got, wants[i])
				}
			}
		})
	}
	wg.Wait()
	if n.block != blocks || n.line != want || len(n.counted)+len(n.asked) > 0 {
		t.Errorf("block %d, line %d of %d, %d and %d kept", n.block, n.line, want, len(n.counted), len(n.asked))
	}
}
