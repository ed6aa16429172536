package capture

import (
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

const calico = "calico"

// oneReporter looks for logs of Calico of which one of the two reports of each connection was left out. Between two
// pods either tells the same; what only one end has a report of is missing.
func (d *doctor) oneReporter() {
	pods, in, out := 0, 0, 0
	for _, e := range d.shown {
		switch from, to := d.Graph.Peers[e.Src].Workload >= 0, d.Graph.Peers[e.Dst].Workload >= 0; {
		case from && to:
			pods++
		case to:
			in++
		default:
			out++
		}
	}
	if d.Format != calico || pods < few {
		return
	}
	for _, r := range []struct {
		at               model.Observer
		seen             int
		reporter, absent string
		blind            Blind
	}{
		{model.AtSource, in, "src", "who reaches pods from outside the cluster or from nodes", Blind{Ingress: true, Brief: "what goes out"}},
		{model.AtDestination, out, "dst", "what pods reach outside the cluster and on nodes", Blind{Egress: true, Brief: "what comes in"}},
	} {
		if d.only(r.at) && r.seen == 0 {
			d.found("every record has reporter "+r.reporter, r.absent+" is missing, and what the other end's policies did",
				"no filter on the reporter, and the logs of all nodes")
			d.blind(r.blind)
		}
	}
}

// uncounted looks for logs of Calico that count no packets, as Whisker's.
func (d *doctor) uncounted() {
	unknown, tcp := 0, 0
	for _, e := range d.shown {
		if e.Proto == model.TCP && e.State.Worked() {
			if tcp++; e.Grade == graph.GradeUnknown {
				unknown++
			}
		}
	}
	if d.Format == calico && tcp >= few && unknown == tcp {
		d.found(fmt.Sprintf("of none of %d TCP edges the log counts what came back", tcp),
			"a refused connection looks like one that works: scans of closed ports are learned",
			"goldmane:// or the emitter's log, which count packets and connections; Whisker's does not")
	}
}

// networks looks for ends that Calico calls by a word for all addresses of a kind.
func (d *doctor) networks() {
	edges := map[string]int{}
	for _, e := range d.shown {
		for _, id := range [2]graph.PeerID{e.Src, e.Dst} {
			if p := &d.Graph.Peers[id]; p.Kind == model.KindNetwork && e.State.Worked() {
				edges[p.ID]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(edges)) {
		d.found(fmt.Sprintf("%s with %s, a word for all addresses of that kind", several(edges[name], "edge"), name),
			"which addresses they are is in no record, and a new one is no new edge",
			"NetworkSets of what is known: their names are in the log then; or networks in the configuration")
	}
}
