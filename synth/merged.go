package synth

import (
	"fmt"
	"math"
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

// WidenMerged names what a merge of workloads opens, among the widenings. Nobody asks for it: no selector can help it.
const WidenMerged = "merged"

// priceMerged prices the workloads that stand for several owners, as a widening: each of them is allowed what any of
// them was seen to do, and lets in whom any of them let in.
func priceMerged(s *scope, b *ledger, n *notes) {
	w := Widening{Kind: WidenMerged, Text: "owners that no stable label tells apart are allowed what any of them needs"}
	found, unknown := false, false
	for i, x := range s.g.AllWorkloads() {
		if !s.subject(i) || len(x.Merged) < 2 || len(x.Selector) == 0 {
			continue
		}
		found = true
		price := s.mergePrice(i)
		if key, _ := x.Separator(); key == "" && !unknown {
			unknown = true
			w.Text += "; where no label at all does, that is the most it can be"
		}
		if w.Price += price; w.Price < price {
			w.Price = math.MaxInt
		}
		s.remarkMerged(i, price, n)
	}
	if found {
		b.add(w)
	}
}

// mergePrice counts the connections of a merged workload that some of its owners were never seen to make or to take;
// where nothing tells which of them did, as many as can be: all but one of them did not.
func (s *scope) mergePrice(workload graph.WorkloadID) int {
	key, owners := s.g.Workloads[workload].Separator()
	if key == "" {
		return s.mostMerged(workload)
	}
	all := map[string]bool{}
	for _, o := range owners {
		all[o] = true
	}
	type place struct {
		edge graph.EdgeID
		dir  model.Direction
	}
	seen := map[place]map[string]bool{}
	note := func(edge graph.EdgeID, d model.Direction, id model.EndpointID) {
		if p := s.g.PeerOf[id]; p < 0 || s.g.Peers[p].Workload != workload {
			return
		}
		at := place{edge, d}
		if seen[at] == nil {
			seen[at] = map[string]bool{}
		}
		v, _ := s.g.Tables.Endpoints.Get(id).Labels.Get(key)
		if o := owners[v]; o != "" {
			seen[at][o] = true
		}
	}
	for i := range s.g.Connections {
		if c := &s.g.Connections[i]; s.accepted(c.Edge) {
			note(c.Edge, model.Egress, c.Src)
			note(c.Edge, model.Ingress, c.Dst)
		}
	}
	price := 0
	for _, some := range seen {
		price += len(all) - len(some)
	}
	return price
}

// mostMerged is the highest price that a merge can have.
func (s *scope) mostMerged(workload graph.WorkloadID) int {
	n := 0
	for i, e := range s.g.AllEdges() {
		if !s.accepted(i) {
			continue
		}
		for en := range s.ends(e) {
			if s.g.Peers[en.self].Workload == workload {
				n += len(s.g.Workloads[workload].Merged) - 1
			}
		}
	}
	return n
}

func (s *scope) remarkMerged(workload graph.WorkloadID, price int, n *notes) {
	w := &s.g.Workloads[workload]
	cost := Widening{Price: price}
	most := ""
	if key, _ := w.Separator(); key == "" {
		most = "at most "
	}
	text := fmt.Sprintf("%s stands for %s: no stable label tells them apart (%s)", w.ID, strings.Join(w.Merged, ", "),
		most+cost.Cost())
	consequence := "each of them is allowed what any of them needs: give each a label of its own"
	if key, _ := w.Separator(); key != "" {
		text += "; the label " + key + " would"
		consequence = "each of them is allowed what any of them needs: keep " + key +
			" under volatileLabels if it stays, or give each a label of its own"
	}
	n.find(KindMerged.of(w.Namespace, model.DirectionUnknown, text, consequence))
}
