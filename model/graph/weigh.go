package graph

import (
	"cmp"
	"slices"

	"sluice/model"
)

// window is what one hour shows of an edge.
type window struct {
	hour    uint32
	denied  bool // a policy dropped it at either end
	worked  bool // a forward was seen, anywhere
	arrived bool // a forward at the destination, or a reply: it worked whatever else was seen
}

// weigher turns the items of an edge into an edge. It serves one goroutine.
type weigher struct {
	names   *model.Strings
	eps     []*model.Endpoint
	lookups lookups
	windows []window
	hours   []uint32 // room for the windows of edges
}

// weigh says which observer's records count, which are duplicates, and whether the edge worked. Per window, a denial
// without arrival means denied, since the source's node forwards what the destination's node then drops; an arrival
// beside a denial means mixed.
func (w *weigher) weigh(items []item) Edge {
	var ed Edge
	w.windows = w.windows[:0]
	best := bestOf(items)
	ed.Proxied = true
	var srcPod, dstPod model.NameID
	for i := range items {
		it := &items[i]
		ed.Marks |= it.t.marks
		ed.ByAddress = ed.ByAddress || it.joined
		ed.Proxied = ed.Proxied && it.proxied
		ed.Observers.Add(it.k.observer)
		ed.heard(&it.k)
		if ed.First == 0 || it.t.first < ed.First ||
			it.t.first == ed.First && lessPods(w.names, it.t.srcPod, it.t.dstPod, srcPod, dstPod) {
			ed.First, srcPod, dstPod = it.t.first, it.t.srcPod, it.t.dstPod
		}
		ed.Last = max(ed.Last, it.t.last)
		ed.count(it, best)
		if it.denial() {
			ed.Denials.add(it)
		}
		w.see(it)
		for _, n := range w.eps[it.k.dst].Names {
			if n, ok := model.DNSName(n); ok {
				ed.Names = append(ed.Names, n)
			}
		}
	}
	ed.Names = w.lookups.names(items, w.eps, ed.Names)
	slices.Sort(ed.Names)
	ed.Names = slices.Compact(ed.Names)
	ed.SrcPod, ed.DstPod = w.names.Get(srcPod), w.names.Get(dstPod)
	ed.State, ed.Windows = w.judge()
	if ed.State == Mixed {
		ed.Turns = w.turns()
	}
	if last := len(w.windows) - 1; ed.State == Mixed && !w.windows[last].denied {
		ed.Denials.doubt()
	}
	return ed
}

// heard notes whose node a record is from: a packet leaves at one end and arrives at the other. Of what a proxy or a
// policy reports nothing follows.
func (e *Edge) heard(k *key) {
	arrived, left := k.observer == model.AtDestination, k.observer > model.ToProxy && k.observer <= model.AtSource
	switch k.fate {
	case model.Used:
		e.FromSrc, e.FromDst = e.FromSrc || left, e.FromDst || arrived
	case model.Reply:
		e.FromSrc, e.FromDst, e.Answers = e.FromSrc || arrived, e.FromDst || left, e.Answers || left
	default:
	}
}

// see notes what an item shows of its hours.
func (w *weigher) see(it *item) {
	for _, h := range it.t.hours() {
		i, ok := slices.BinarySearchFunc(w.windows, h.n, func(x window, n uint32) int { return cmp.Compare(x.hour, n) })
		if !ok {
			w.windows = slices.Insert(w.windows, i, window{hour: h.n})
		}
		x := &w.windows[i]
		switch it.k.fate {
		case model.Denied:
			x.denied = true
		case model.Reply:
			x.worked, x.arrived = true, true
		case model.Used:
			x.worked = true
			x.arrived = x.arrived || it.k.observer == model.AtDestination || it.k.observer == model.AtL7
		default:
		}
	}
}

// best are the most telling observers of forwards and of denials.
type best struct{ forward, denied model.Observer }

func bestOf(items []item) best {
	b := best{model.Elsewhere, model.Elsewhere}
	for i := range items {
		switch k := &items[i].k; k.fate {
		case model.Used:
			b.forward = min(b.forward, k.observer)
		case model.Denied:
			b.denied = min(b.denied, k.observer)
		default:
		}
	}
	return b
}

func (ed *Edge) count(it *item, best best) {
	switch {
	case it.k.fate == model.Reply:
		ed.Replies += it.t.records
	case it.k.fate == model.Used && it.k.observer == best.forward:
		ed.Used += it.t.records
		ed.Conns += it.t.conns
	case it.k.fate == model.Denied && it.k.observer == best.denied:
		ed.DeniedRecords += it.t.records
	case it.k.fate == model.Used, it.k.fate == model.Denied:
		ed.Duplicates += it.t.records
	default:
		ed.RefusedRecords += it.t.records
	}
}

// neverWorked reports whether every record is a denial.
func neverWorked(items []item) bool {
	for i := range items {
		it := &items[i]
		if it.k.fate != model.Denied && it.k.marks&model.MarkDenied == 0 && it.k.verdict != model.Dropped {
			return false
		}
	}
	return true
}

// refuse moves all records of an edge that cannot be learned under the refusal.
func (ed *Edge) refuse() {
	ed.RefusedRecords += ed.Used + ed.Replies + ed.Duplicates + ed.DeniedRecords
	ed.Used, ed.Replies, ed.Duplicates, ed.DeniedRecords = 0, 0, 0, 0
}

// turns sums up the hours of an edge that worked and was denied.
func (w *weigher) turns() *Turns {
	t := &Turns{}
	for _, x := range w.windows {
		if x.arrived || x.worked && !x.denied {
			t.Worked++
			t.LastWorked = x.hour
		}
		if x.denied {
			t.Denied++
			t.LastDenied = x.hour
		}
	}
	return t
}

func (w *weigher) judge() (State, []uint32) {
	if len(w.hours)+len(w.windows) > cap(w.hours) {
		w.hours = make([]uint32, 0, max(1<<12, len(w.windows)))
	}
	start := len(w.hours)
	var denied, worked bool
	for _, x := range w.windows {
		w.hours = append(w.hours, x.hour)
		denied = denied || x.denied
		worked = worked || x.arrived || x.worked && !x.denied
	}
	list := w.hours[start:len(w.hours):len(w.hours)]
	switch {
	case worked && denied:
		return Mixed, list
	case denied:
		return Denied, list
	}
	return Allowed, list
}
