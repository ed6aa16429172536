package run

import (
	"testing"

	"sluice/model/store"
)

// TestIncomplete: an hour is incomplete where a part of a gap lies in it, also of one that began long before; a gap whose
// end is not known has its beginning.
func TestIncomplete(t *testing.T) {
	const hour = 3600e6
	missing := incomplete([]store.Gap{{From: 8.5 * hour, To: 8.6 * hour}, {From: 2.5 * hour, To: 5.1 * hour}, {From: 3 * hour, To: 3.1 * hour},
		{From: 11.2 * hour}})
	for h, want := range []bool{2: true, 3: true, 4: true, 5: true, 8: true, 11: true, 13: false} {
		if got := missing(uint32(h)); got != want {
			t.Errorf("hour %d: %v", h, got)
		}
	}
	l := Log{Config: &Config{}, Stored: []store.Source{{}, {Stream: &store.Stream{Gaps: []store.Gap{{From: hour, To: hour}}}}}}
	if c := l.graphConfig(); c.Incomplete == nil || !c.Incomplete(1) || c.Incomplete(3) {
		t.Error("the gaps of a store do not reach the graph")
	}
}
