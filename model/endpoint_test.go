package model

import (
	"strconv"
	"testing"
)

// TestEndpointsOfOneHash: what has the same hash is told apart by its key, and found again.
func TestEndpointsOfOneHash(t *testing.T) {
	table := NewEndpoints()
	for range 2 {
		for i := range 3 {
			e := Endpoint{Kind: KindPod, Namespace: "a", Name: strconv.Itoa(i)}
			table.buf = e.appendAll(table.buf[:0])
			if id := table.intern(e, 1); id != EndpointID(i) || table.Key(id) != e.Key() {
				t.Errorf("%s has the id %d", e.Name, id)
			}
		}
	}
	if table.Len() != 3 {
		t.Errorf("the table has %d endpoints", table.Len())
	}
}
