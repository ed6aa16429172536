package synth

import (
	"fmt"

	"sluice/model"
	"sluice/model/graph"
)

// What the policies of one direction of a workload may hold: a node's table of one pod has room for so many pairs of
// port and peer (Cilium's default), and nobody reads a list of thousands of addresses, whatever their ports.
const (
	mostEntries       = 16_384
	mostAddressesEver = 4 * mostAddresses
)

// heapAt is one direction of a peer.
type heapAt struct {
	self graph.PeerID
	dir  model.Direction
}

// heap is more than the policies of one direction can hold.
type heap struct {
	entries   int // runs of ports, counted for each peer
	addresses int // those of them that are outside addresses
	peers     int
	ports     int
	last      graph.EdgeID // that was counted last, -1 for none
	told      bool
}

// heaps notes the edges of heaps.
type heaps struct {
	*leaver
	at map[heapAt]*heap
}

// findHeaps returns the directions that would need more than a policy can hold, those of crowds aside. Edges are
// sorted, so that ports in a row come in a row.
func findHeaps(c *crowds) map[heapAt]*heap {
	all := map[heapAt]*heap{}
	g := c.g
	for i, e := range g.AllEdges() {
		if !c.accepted(i) {
			continue
		}
		for en := range c.ends(e) {
			listed := c.addresses.listed(e, en, c.speech)
			if listed && c.at[crowdAt{self: en.self, dir: en.dir, proto: e.Proto, port: e.Port}] != nil {
				continue
			}
			at := heapAt{en.self, en.dir}
			h := all[at]
			if h == nil {
				h = &heap{last: -1}
				all[at] = h
			}
			h.count(g, i, listed, c.cfg.widens(WidenRanges))
		}
	}
	for at, h := range all {
		if h.entries <= mostEntries && h.addresses <= mostAddressesEver {
			delete(all, at)
		}
	}
	return all
}

// count adds an edge. Where ranges are widened, the ports of a pair are one.
func (h *heap) count(g *graph.Graph, i graph.EdgeID, listed, ranges bool) {
	e := &g.Edges[i]
	pair, run := false, false
	if h.last >= 0 {
		before := &g.Edges[h.last]
		pair = before.Src == e.Src && before.Dst == e.Dst
		run = pair && before.Proto == e.Proto && (ranges || before.Port+1 == e.Port)
	}
	h.last = i
	h.ports++
	if !pair {
		h.peers++
	}
	if run {
		return
	}
	h.entries++
	if listed {
		h.addresses++
	}
}

// heaped notes an edge that is one of a heap, and reports whether it is: it gets no rule. The heap is one finding.
func (x *heaps) heaped(i graph.EdgeID, e *graph.Edge, en edgeEnd) bool {
	h := x.at[heapAt{en.self, en.dir}]
	if h == nil {
		return false
	}
	const why = "one of more pairs of port and peer than a policy can hold"
	x.losses = append(x.losses, Loss{i, en.namespace, en.dir, why, "its workload is held open"})
	if h.told {
		return true
	}
	h.told = true
	what := fmt.Sprintf("%s: %s with %s on %s", x.g.Peers[en.self].ID, en.dir, several(h.peers, "peer"),
		several(h.ports, "port"))
	text := fmt.Sprintf("%s, %d entries: more than a policy can hold (%d)", what, h.entries, mostEntries)
	if h.entries <= mostEntries {
		text = fmt.Sprintf("%s, %d outside addresses: more than a policy should list", what, h.addresses)
	}
	x.find(KindHeap.of(en.namespace, en.dir, text, "no rule is written for this direction, and the workload is held open: "+
		"give the application fixed ports, name networks in the configuration, choose --widen "+WidenRanges+
		", or decide"))
	x.block(en.namespace, en.dir, x.holdable(en.self), noEdge, text)
	return true
}
