package store

import "sluice/model"

// local gives the endpoints and pod names of one segment ids of their own: endpoints from 0 on in the order of their
// keys, then pod names in the order of their texts. Id 0 is always an endpoint, so that 0 can mean no pod.
type local struct {
	endpoints, names []uint32 // by id in the buffer's tables, 1 more than the new id; 0: not used
	count            int
	total            int
}

func newLocal(t *ranked, rows []model.Observation) *local {
	l := &local{endpoints: make([]uint32, len(t.endpoints)), names: make([]uint32, len(t.names))}
	for i := range rows {
		r := &rows[i]
		l.endpoints[r.Src], l.endpoints[r.Dst] = 1, 1
		l.names[r.SrcPod], l.names[r.DstPod] = 1, 1
	}
	l.names[0] = 0
	for _, used := range [][]uint32{l.endpoints, l.names} {
		for i := range used {
			if used[i] == 1 {
				l.total++
				used[i] = uint32(l.total)
			}
		}
		if l.count == 0 {
			l.count = l.total
		}
	}
	return l
}

// renumber makes values that refer to endpoints, or to names, refer to the segment's labels.
func renumber(values []int32, ids []uint32) {
	for i, v := range values {
		values[i] = int32(max(ids[v], 1) - 1) // no pod stays 0
	}
}

// labels returns the rows of the segment's labels, by id.
func (l *local) labels(t *ranked) []label {
	out := make([]label, 0, l.total)
	for i, id := range l.endpoints {
		if id > 0 {
			out = append(out, endpointLabel(id-1, t.endpoints[i]))
		}
	}
	for i, id := range l.names {
		if id > 0 {
			row := label{id: id - 1}
			row.texts[textKind], row.texts[textName] = podName, t.names[i]
			out = append(out, row)
		}
	}
	return out
}
