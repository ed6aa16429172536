package model

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls do for 0 to n-1, on all processors. Of very many each takes some at a time.
func Each(n int, do func(i int)) {
	const turns = 64 // of each processor, at least, so that all are done at about the same time
	processors := min(n, runtime.GOMAXPROCS(0))
	some := max(1, n/max(1, processors*turns))
	var wg sync.WaitGroup
	var next atomic.Int64
	for range processors {
		wg.Go(func() {
			for end := int(next.Add(int64(some))); end-some < n; end = int(next.Add(int64(some))) {
				for i := end - some; i < min(end, n); i++ {
					do(i)
				}
			}
		})
	}
	wg.Wait()
}
