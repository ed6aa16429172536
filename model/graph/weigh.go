package graph

import (
	"slices"

	"sluice/model"
)

// window is what one hour shows of an edge.
type window struct {
	denied  bool // a policy dropped it at either end
	worked  bool // a forward was seen, anywhere
	arrived bool // a forward at the destination, or a reply: it worked whatever else was seen
}

// weigh turns the evidence into an edge: which observer's records count, which are duplicates, and whether the edge
// worked. Per window, a denial without arrival means denied, since the source's node forwards what the
// destination's node then drops; an arrival beside a denial means mixed.
func (e *gathering) weigh(names *model.Strings, eps *model.Endpoints) Edge {
	var ed Edge
	windows := map[uint32]window{}
	best := e.best()
	var srcPod, dstPod model.NameID
	for _, it := range e.items {
		ed.Marks |= it.t.marks
		ed.Observers |= 1 << it.k.observer
		if ed.First == 0 || it.t.first < ed.First || it.t.first == ed.First && lessPods(names, it.t.srcPod, it.t.dstPod, srcPod, dstPod) {
			ed.First, srcPod, dstPod = it.t.first, it.t.srcPod, it.t.dstPod
		}
		ed.Last = max(ed.Last, it.t.last)
		ed.count(it, best)
		for _, h := range it.t.hours {
			w := windows[h.n]
			switch it.k.fate {
			case model.Denied:
				w.denied = true
			case model.Reply:
				w.worked, w.arrived = true, true
			case model.Used:
				w.worked = true
				w.arrived = w.arrived || it.k.observer == model.AtDestination || it.k.observer == model.AtL7
			}
			windows[h.n] = w
		}
		for _, n := range eps.Get(it.k.dst).Names {
			if !slices.Contains(ed.Names, n) {
				ed.Names = append(ed.Names, n)
			}
		}
	}
	slices.Sort(ed.Names)
	ed.SrcPod, ed.DstPod = names.Get(srcPod), names.Get(dstPod)
	ed.State, ed.Windows = judge(windows)
	return ed
}

// best is the most telling observer of forwards and of denials.
func (e *gathering) best() (b struct{ forward, denied model.Observer }) {
	b.forward, b.denied = model.Elsewhere, model.Elsewhere
	for _, it := range e.items {
		switch it.k.fate {
		case model.Used:
			b.forward = min(b.forward, it.k.observer)
		case model.Denied:
			b.denied = min(b.denied, it.k.observer)
		}
	}
	return b
}

func (ed *Edge) count(it item, best struct{ forward, denied model.Observer }) {
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

// neverWorked says whether every record is a denial.
func (e *gathering) neverWorked() bool {
	for _, it := range e.items {
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

func judge(windows map[uint32]window) (State, []uint32) {
	var denied, worked bool
	list := make([]uint32, 0, len(windows))
	for n, w := range windows {
		list = append(list, n)
		denied = denied || w.denied
		worked = worked || w.arrived || w.worked && !w.denied
	}
	slices.Sort(list)
	switch {
	case worked && denied:
		return Mixed, list
	case denied:
		return Denied, list
	}
	return Allowed, list
}
