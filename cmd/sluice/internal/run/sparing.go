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
	few      = 30        // percent: the work of collecting, in proportion to what is live, is then three times the usual
	many     = 100       // percent: as usual

	beside    = 60 << 20 // bytes: what a process has beside its heap, and of it in pages that are not full
	unlimited = math.MaxInt64
)

// sparing has garbage collected the sooner the more is live, while the policies of very many workloads are made and
// written. It returns what ends that.
func sparing() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	var mu sync.Mutex
	ended := false
	usual, given := debug.SetGCPercent(many), debug.SetMemoryLimit(-1)
	var collected func(int)
	collected = func(int) { // once after each collection
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			percent, most := garbage()
			debug.SetGCPercent(percent)
			debug.SetMemoryLimit(min(most, given))
			runtime.AddCleanup(&struct{ unreachable *int }{}, collected, 0)
		}
	}
	collected(0)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		debug.SetGCPercent(usual)
		debug.SetMemoryLimit(given)
	}
}

// garbage is how many percent of what is live may be garbage, and the bytes that the process should have at most: near
// them what is free goes back to the system, and garbage goes sooner. They lie a third of what is live above it, so
// that a heap that outgrows its room is not collected without end.
func garbage() (percent int, most int64) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 || live[0].Value.Uint64() == 0 {
		return many, unlimited
	}
	at := int64(live[0].Value.Uint64())
	space := int64(room)
	if at > outgrown {
		space = larger
	}
	percent = int(min(max(100*(space-at)/at, few), many))
	return percent, max(space, at+at*int64(percent)/100) + beside
}
