package run

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// How much garbage may lie beside what is live while policies are made and written: as much as a heap has room for, at
// least few percent of what is live and at most many. What outgrows the room alone takes the larger one.
const (
	room     = 300 << 20 // bytes: with what else a process has, and what is made while garbage is sought, below 512 MiB
	larger   = 850 << 20 // bytes: 1 GiB
	outgrown = 350 << 20 // bytes that are live: above, the larger one
	outgrows = 150_000   // edges: what is live of so many will be more
	few      = 30        // percent: the work of collecting, in proportion to what is live, is then three times the usual
	many     = 100       // percent: as usual

	small = 16 << 20 // bytes: what a heap may grow to while records are read, as it may before
	half  = 50       // percent: how much garbage a larger one may have,
	large = 64 << 20 // bytes: as long as no more is live: collecting that twice as often would cost more than it saves

	beside    = 60 << 20 // bytes: what a process has beside its heap, and of it in pages that are not full
	unlimited = math.MaxInt64
)

// sparing has garbage collected the sooner the more is live, while policies are made of so many edges, and written. It
// returns what ends that.
func sparing(edges int) (end func()) {
	return collecting(func(live int64) (percent int, most int64) { return garbage(live, edges > outgrows) })
}

// reading has garbage collected sooner than usual while records are read, which makes little of it, so that a log of
// any length takes little memory. It returns what ends that.
func reading() (end func()) {
	return collecting(func(live int64) (percent int, most int64) {
		if live > large {
			return many, unlimited
		}
		return int(max(100*(small-live)/live, half)), unlimited
	})
}

// collecting has a rule say, by what is live after each collection of garbage, how many percent of it may be garbage,
// and the bytes that the process should have at most. It returns what ends that.
func collecting(rule func(live int64) (percent int, most int64)) (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	var mu sync.Mutex
	ended, ruled := false, false
	given := debug.SetMemoryLimit(-1)
	var collected func(int)
	collected = func(int) { // once after each collection
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return
		}
		if at := live(); at > 0 { // before the first collection main has it wait
			percent, most := rule(at)
			debug.SetGCPercent(percent)
			debug.SetMemoryLimit(min(most, given))
			ruled = true
		}
		runtime.AddCleanup(&struct{ unreachable *int }{}, collected, 0)
	}
	collected(0)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if ended = true; ruled {
			debug.SetGCPercent(many)
			debug.SetMemoryLimit(given)
		}
	}
}

// live is how many bytes were live after the last collection of garbage, 0 before the first.
func live() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64())
}

// garbage is how many percent of what is live may be garbage while policies are made, of very many or not, and the
// bytes that the process should have at most: near them what is free goes back to the system, and garbage goes sooner.
// They lie a third of what is live above it, so that a heap that outgrows its room is not collected without end.
func garbage(at int64, very bool) (percent int, most int64) {
	space := int64(room)
	if at > outgrown || very {
		space = larger
	}
	percent = int(min(max(100*(space-at)/at, few), many))
	return percent, max(space, at+at*int64(percent)/100) + beside
}
