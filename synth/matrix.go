package synth

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// service is a protocol and some consecutive ports of it.
type service struct {
	proto      model.Proto
	port, last uint16 // inclusive
}

func compareServices(a, b service) int {
	return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.port, b.port))
}

// matrix has the needs of one subject and direction.
type matrix struct {
	peers    []graph.PeerID // sorted: rows
	services []service
	rows     [][]int
	edges    map[[2]int][]graph.EdgeID
	names    map[graph.PeerID][]string // what stands for its address
}

// newMatrix cuts the ports of the needs so that each need has or has not the whole of a column: a range of thousands of
// ports is one column unless another need begins or ends in it.
func newMatrix(needs []need) *matrix {
	m := &matrix{edges: map[[2]int][]graph.EdgeID{}}
	cuts := map[model.Proto][]int{}
	for _, n := range needs {
		m.peers = append(m.peers, n.peer)
		cuts[n.proto] = append(cuts[n.proto], int(n.port), int(n.last)+1)
	}
	slices.Sort(m.peers)
	m.peers = slices.Compact(m.peers)
	for p, list := range cuts {
		slices.Sort(list)
		cuts[p] = slices.Compact(list)
	}
	for _, n := range needs {
		m.services = append(m.services, n.pieces(cuts[n.proto])...)
	}
	slices.SortFunc(m.services, compareServices)
	m.services = slices.Compact(m.services)
	m.rows = make([][]int, len(m.peers))
	for _, n := range needs {
		i, _ := slices.BinarySearch(m.peers, n.peer)
		for _, s := range n.pieces(cuts[n.proto]) {
			k, _ := slices.BinarySearchFunc(m.services, s, compareServices)
			at := [2]int{i, k}
			if m.edges[at] == nil {
				m.rows[i] = append(m.rows[i], k)
			}
			if m.edges[at] = append(m.edges[at], n.edge); n.edge < 0 {
				m.edges[at] = m.edges[at][:len(m.edges[at])-1] // nothing was seen of it
			}
		}
	}
	return m
}

// pieces are the ports of a need between the cuts, which are sorted and have both of its ends.
func (n *need) pieces(cuts []int) []service {
	var out []service
	i, _ := slices.BinarySearch(cuts, int(n.port))
	for ; cuts[i] <= int(n.last); i++ {
		out = append(out, service{n.proto, uint16(cuts[i]), uint16(cuts[i+1] - 1)})
	}
	return out
}

// minRange is the number of consecutive ports that are written as a range.
const minRange = 3

// portsOf returns the ports of some columns. Ports that follow each other without a gap become a range.
func (m *matrix) portsOf(cols []int) []policy.Port {
	var out []policy.Port
	for i := 0; i < len(cols); {
		first, n := m.services[cols[i]], 1
		last := first.last
		for ; i+n < len(cols); n++ {
			next := m.services[cols[i+n]]
			if next.proto != first.proto || last == policy.LastPort || next.port != last+1 {
				break
			}
			last = next.last
		}
		if int(last)-int(first.port)+1 < minRange || !first.proto.HasPorts() {
			n, last = 1, first.last
		}
		if n == 1 && int(last)-int(first.port)+1 < minRange {
			for p := int(first.port); p <= int(last); p++ {
				out = append(out, policy.OnePort(first.proto, uint16(p)))
			}
		} else {
			out = append(out, policy.Port{Proto: first.proto, First: first.port, Last: last})
		}
		i += n
	}
	return out
}
