package readiness

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

// Drift finds for a Trial the edges that were known at a time and that pods lose later, because their labels are not
// those that a selector learned until then asks for. Rows are what the graph was built from; the function that it
// gives is asked for times in order.
func Drift(s Source, rows []model.Observation, cfg graph.Config) func(at int64) map[string]bool {
	d := drift{Source: s, rows: slices.Clone(rows), builder: graph.NewBuilder(s.Graph.Tables), cfg: cfg}
	slices.SortStableFunc(d.rows, func(a, b model.Observation) int { return cmp.Compare(a.Window, b.Window) })
	d.born = make([]int64, len(s.Graph.PeerOf))
	for i := range d.rows {
		o := &d.rows[i]
		for _, id := range []model.EndpointID{o.Src, o.Dst} {
			if d.born[id] == 0 || o.First < d.born[id] {
				d.born[id] = o.First
			}
		}
	}
	return d.at
}

type drift struct {
	Source
	rows    []model.Observation // in the order of time, those that were not yet added to builder
	builder *graph.Builder
	cfg     graph.Config
	born    []int64 // by endpoint: its first record
}

func (d *drift) at(at int64) map[string]bool {
	n := 0
	for n < len(d.rows) && int64(d.rows[n].Window)*60e6 < at {
		n++
	}
	d.builder.Add(d.Graph.Tables, d.rows[:n])
	d.rows = d.rows[n:]
	lost := d.strangers(at)
	if len(lost) == 0 {
		return nil
	}
	out := map[string]bool{}
	r := reader{Source: d.Source}
	for i := range d.Graph.Connections {
		c := &d.Graph.Connections[i]
		e := &d.Graph.Edges[c.Edge]
		if e.State.Worked() && e.First < at && (lost[c.Src] || lost[c.Dst]) {
			out[r.edgeName(e)] = true
		}
	}
	return out
}

// strangers are pods that come later to workloads which are known, and that nothing learned until then selects.
func (d *drift) strangers(at int64) map[model.EndpointID]bool {
	var late []model.EndpointID
	known := map[graph.WorkloadID]bool{} // workloads of the whole log that have a pod by then
	for id, p := range d.Graph.PeerOf {
		if p < 0 || d.Graph.Peers[p].Workload < 0 {
			continue
		}
		if d.born[id] >= at {
			late = append(late, model.EndpointID(id))
		} else if d.born[id] != 0 {
			known[d.Graph.Peers[p].Workload] = true
		}
	}
	late = slices.DeleteFunc(
		late,
		func(id model.EndpointID) bool { return !known[d.Graph.Peers[d.Graph.PeerOf[id]].Workload] },
	)
	if len(late) == 0 {
		return nil
	}
	then := d.builder.Group(d.cfg)
	selectors := map[graph.WorkloadID][]map[string]string{} // of the whole log
	for id, p := range then.PeerOf {
		if p < 0 || then.Peers[p].Workload < 0 {
			continue
		}
		if w := d.Graph.Peers[d.Graph.PeerOf[id]].Workload; w >= 0 {
			if sel := then.Workloads[then.Peers[p].Workload].Selector; len(sel) > 0 {
				selectors[w] = append(selectors[w], sel)
			}
		}
	}
	out := map[model.EndpointID]bool{}
	for _, id := range late {
		list := selectors[d.Graph.Peers[d.Graph.PeerOf[id]].Workload]
		labels := d.Graph.Tables.Endpoints.Get(id).Labels
		if len(list) > 0 && len(labels) > 0 &&
			!slices.ContainsFunc(list, func(sel map[string]string) bool { return matches(sel, labels) }) {
			out[id] = true
		}
	}
	return out
}

func matches(sel map[string]string, labels model.Labels) bool {
	for k, v := range sel {
		if got, ok := labels.Get(k); !ok || got != v {
			return false
		}
	}
	return true
}
