package store

import (
	"cmp"
	"slices"

	"sluice/model"
)

// tables are the endpoints and pod names that the rows of a buffer refer to. Rows may come with several tables of
// their own; ids mean nothing outside their table, so they are interned anew here.
type tables struct {
	ids       map[string]uint32
	endpoints []*model.Endpoint
	keys      []string
	names     *model.Strings
	cluster   string // of endpoints that name none; "": they stay so
	// ids of the table that rows came with last, plus one; 0 where not interned yet
	from    model.Tables
	fromIDs []uint32
	fromPod []uint32
}

func newTables(cluster string) *tables {
	return &tables{ids: map[string]uint32{}, names: model.NewStrings(), cluster: cluster}
}

// own makes the row refer to t instead of to the tables it came with.
func (t *tables) own(from model.Tables, r *model.Observation) {
	if from != t.from {
		t.from = from
		t.fromIDs, t.fromPod = t.fromIDs[:0], t.fromPod[:0]
	}
	r.Src, r.Dst = t.endpoint(r.Src), t.endpoint(r.Dst)
	r.SrcPod, r.DstPod = t.pod(r.SrcPod), t.pod(r.DstPod)
}

func (t *tables) endpoint(id model.EndpointID) model.EndpointID {
	if int(id) >= len(t.fromIDs) {
		t.fromIDs = grow(t.fromIDs, max(int(id)+1, t.from.Endpoints.Len()))
	}
	if n := t.fromIDs[id]; n > 0 {
		return model.EndpointID(n - 1)
	}
	e := InCluster(t.from.Endpoints.Get(id), t.cluster)
	key := e.Key()
	n, ok := t.ids[key]
	if !ok {
		n = uint32(len(t.endpoints))
		t.ids[key] = n
		t.endpoints = append(t.endpoints, e)
		t.keys = append(t.keys, key)
	}
	t.fromIDs[id] = n + 1
	return model.EndpointID(n)
}

func (t *tables) pod(id model.NameID) model.NameID {
	if id == 0 {
		return 0
	}
	if int(id) >= len(t.fromPod) {
		t.fromPod = grow(t.fromPod, max(int(id)+1, t.from.Names.Len()))
	}
	if n := t.fromPod[id]; n > 0 {
		return model.NameID(n - 1)
	}
	n := t.names.Intern([]byte(t.from.Names.Get(id)))
	t.fromPod[id] = uint32(n) + 1
	return n
}

// grow lengthens s to n with zeros: what lies between its length and capacity may be of an earlier table.
func grow(s []uint32, n int) []uint32 {
	old := len(s)
	s = slices.Grow(s, n-old)[:n]
	clear(s[old:])
	return s
}

// sorted returns the endpoints in the order of their keys and the names in the order of their texts, with the new place
// of every former id. Name 0, the empty text, stays at 0.
func (t *tables) sorted() *ranked {
	r := &ranked{endpoints: make([]*model.Endpoint, len(t.endpoints)), names: make([]string, t.names.Len())}
	order := identity(len(t.keys))
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(t.keys[a], t.keys[b]) })
	r.endpointRank = ranks(order)
	for i, id := range order {
		r.endpoints[i] = t.endpoints[id]
	}
	texts := make([]string, t.names.Len())
	for i := range texts {
		texts[i] = t.names.Get(model.NameID(i))
	}
	order = identity(len(texts))
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(texts[a], texts[b]) })
	r.nameRank = ranks(order)
	for i, id := range order {
		r.names[i] = texts[id]
	}
	return r
}

func identity(n int) []uint32 {
	s := make([]uint32, n)
	for i := range s {
		s[i] = uint32(i)
	}
	return s
}

func ranks(order []uint32) []uint32 {
	out := make([]uint32, len(order))
	for i, id := range order {
		out[id] = uint32(i)
	}
	return out
}

// ranked are tables in canonical order: ids compare as what they stand for, whatever order the rows came in.
type ranked struct {
	endpoints    []*model.Endpoint
	names        []string
	endpointRank []uint32
	nameRank     []uint32
}

// apply makes a row of the former tables refer to r.
func (r *ranked) apply(o *model.Observation) {
	o.Src, o.Dst = model.EndpointID(r.endpointRank[o.Src]), model.EndpointID(r.endpointRank[o.Dst])
	o.SrcPod, o.DstPod = model.NameID(r.nameRank[o.SrcPod]), model.NameID(r.nameRank[o.DstPod])
}
