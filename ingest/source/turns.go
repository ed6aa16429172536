package source

import "sync"

// share has all workers decode what next cuts off an input until it is false, and what was begun with. Next is called
// by one goroutine at a time.
func share[T any](r *reader, packed bool, begun *T, fresh func() *T, next func(*T) bool, decode func(*worker, *T)) {
	r.worker(r.options.Workers - 1)
	if packed {
		served(r, begun, fresh, next, decode)
	} else {
		taken(r, begun, fresh, next, decode)
	}
}

// taken has the workers take turns in cutting a part off the input, and decode what they have cut while others have
// their turn: text stays on the core that read it.
func taken[T any](r *reader, begun *T, fresh func() *T, next func(*T) bool, decode func(*worker, *T)) {
	var turn sync.Mutex
	each(r, begun, fresh, func(part *T) bool {
		turn.Lock()
		defer turn.Unlock()
		return r.ctx.Err() == nil && next(part)
	}, decode)
}

// each has every worker take parts until there is none, and decode them.
func each[T any](r *reader, begun *T, fresh func() *T, take func(*T) bool, decode func(*worker, *T)) {
	var wg sync.WaitGroup
	for i, w := range r.workers[:r.options.Workers] {
		wg.Go(func() {
			part := begun
			if i > 0 {
				part = fresh()
			}
			for more := i == 0 || take(part); more; more = take(part) {
				decode(w, part)
			}
		})
	}
	wg.Wait()
}

// served has one goroutine cut the parts for all workers. Where that takes unpacking, what it looks back to, often
// some MiB, stays on its core.
func served[T any](r *reader, begun *T, fresh func() *T, next func(*T) bool, decode func(*worker, *T)) {
	workers := r.workers[:r.options.Workers]
	free, full := make(chan *T, len(workers)+1), make(chan *T, len(workers)+1)
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for part := range full {
				decode(w, part)
				free <- part
			}
		})
	}
	full <- begun
	for range cap(free) - 1 {
		free <- fresh()
	}
	for part := range free {
		if r.ctx.Err() != nil || !next(part) {
			break
		}
		full <- part
	}
	close(full)
	wg.Wait()
}
