package graph

import "sluice/model"

// item is a tally at its place: items of one edge have the same peers and port, those of one connection the same
// ranks as well.
type item struct {
	peers uint64 // source and destination
	ranks uint64 // of the endpoints
	t     *tally
	port  uint32 // protocol, port and reason of a refusal
	k     key    // as decided
	// joined says that the log has an address for one of the ends.
	joined bool
	// proxied says that a proxy stands between the ends.
	proxied bool
}

// denial reports whether a policy denied what an item counts, also where nothing can be learned from it otherwise.
func (it *item) denial() bool {
	refused := it.k.fate == model.Refused && it.k.reason != model.UnknownVerdict && it.k.observer != model.AtL7
	return it.k.fate == model.Denied || refused && (it.k.marks&model.MarkDenied != 0 || it.k.verdict == model.Dropped)
}

func (it *item) reason() model.Reason { return model.Reason(it.port & 0xff) }

// itemsOf are those of some edges, of which from says where each begins.
func itemsOf(items []item, from []int, first, end int) []item {
	if end < len(from) {
		return items[from[first]:from[end]]
	}
	return items[from[first]:]
}

// fetchedEdges is how many edges have their tallies fetched at once.
const fetchedEdges = 16

// fetch touches the tallies of items, which lie anywhere: the loads do not depend on each other, so the processor does
// them side by side. It is a function of its own, since the compiler drops loads that nothing comes of.
//
//go:noinline
func fetch(items []item) (touched uint64) {
	for i := range items {
		t := items[i].t
		touched += t.records + uint64(t.marks)
	}
	return touched
}
