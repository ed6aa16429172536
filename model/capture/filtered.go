package capture

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
)

// both are the directions of a log that shows part of the connections alone.
func both(brief string) Blind { return Blind{Ingress: true, Egress: true, Brief: brief} }

func (d *doctor) dropsOnly() {
	worked := slices.ContainsFunc(d.shown, func(e *graph.Edge) bool { return e.State != graph.Denied })
	if len(d.shown) > 0 && !worked {
		d.found("every record is a drop", "what works today is in no record: nothing can be allowed by this log",
			"export forwarded flows too: no filter on the verdict")
		d.blind(both("drops"))
	}
}

func (d *doctor) l7Only() {
	if d.only(model.AtL7, model.ToProxy) {
		d.found("every record is of the proxy (layer 7)", "only what goes through it is seen: all other traffic is missing",
			"export all event types, trace events among them")
		d.blind(both("records of the proxy"))
	}
}

func (d *doctor) verdictsOnly() {
	if d.only(model.AtVerdict, model.AtDrop) && d.observers.Has(model.AtVerdict) {
		d.found("every record is a policy verdict",
			"only openings that a policy judged are logged: established connections, answers, and pods that no policy selects are missing",
			"export trace events too: no filter on the event type")
		d.blind(both("policy verdicts"))
	}
}

func (d *doctor) oneProtocol() {
	protos := map[model.Proto]bool{}
	for _, e := range d.shown {
		protos[e.Proto] = true
	}
	if len(protos) != 1 || !d.enough() {
		return
	}
	p := d.shown[0].Proto
	name := strings.ToUpper(p.String())
	lost := both(name)
	lost.Lookups = p == model.TCP // who names the resolver knows that none are in it
	d.found("every edge is of "+name,
		"a filter by protocol leaves the rest out, look-ups of names first: no absence follows from this log",
		"no --protocol and no filter on it in the export")
	d.blind(lost)
}

// onePort needs many edges: a cluster may well serve all that it has at one port, but then its pods ask for names.
func (d *doctor) onePort() {
	ports := map[uint16]bool{}
	for _, e := range d.shown {
		ports[e.Port] = true
	}
	if p := d.shown; len(ports) == 1 && d.enough() && !asks(p[0]) {
		d.found(fmt.Sprintf("every edge is of port %d", p[0].Port), "a filter by port leaves the rest out: no absence follows from this log",
			"no --port and no filter on it in the export")
		d.blind(both(fmt.Sprintf("port %d", p[0].Port)))
	}
}

// oneEnd looks for logs of Hubble in which every record is from one end of its connection. What comes in shows what
// pods tell each other, and nothing of what they reach elsewhere; answers that leave, and nothing that arrives at a
// client, tell it from a log of one node. What goes out lacks even what stays on a node, which is logged as it arrives.
func (d *doctor) oneEnd() {
	if d.Format != hubble || !d.enough() {
		return
	}
	in := func(is func(*graph.Edge) bool) bool { return slices.ContainsFunc(d.shown, is) }
	src, dst := in(func(e *graph.Edge) bool { return e.FromSrc }), in(func(e *graph.Edge) bool { return e.FromDst })
	const remedy = "no filter on the direction of traffic"
	switch {
	case !src && in(func(e *graph.Edge) bool { return e.Answers }):
		d.found("no record is from the client's end of a connection", "what pods reach outside the cluster and on nodes is missing", remedy)
		d.blind(Blind{Egress: true, Brief: "what comes in"})
	case !dst && src:
		d.found("no record is from the server's end of a connection",
			"who reaches pods from outside the cluster or from nodes is missing, and what stays on a node", remedy)
		d.blind(both("what goes out"))
	}
}

// oneWay looks for logs of Calico that were filtered by the namespace of the server, or of the client: then nothing
// that its pods connect to is in them, look-ups of names neither, or nobody who connects to them. Hubble's filters keep
// the answers of the other direction, and with them its connections.
func (d *doctor) oneWay() {
	if d.Format != calico || !d.enough() && d.records < many {
		return
	}
	src, dst := map[string]bool{}, map[string]bool{}
	for _, e := range d.shown {
		src[d.Graph.Peers[e.Src].Namespace], dst[d.Graph.Peers[e.Dst].Namespace] = true, true
	}
	const remedy = "no filter on the namespace of one end"
	if len(dst) == 1 && len(src) > 1 && !dst[""] {
		d.found("every connection goes to namespace "+strings.Join(slices.Collect(maps.Keys(dst)), ""),
			"what its pods connect to is missing, look-ups of names too, and what others do among themselves", remedy)
		d.blind(Blind{Egress: true, Brief: "what goes to one namespace"})
	}
	if len(src) == 1 && len(dst) > 1 && !src[""] {
		d.found("every connection comes from namespace "+strings.Join(slices.Collect(maps.Keys(src)), ""),
			"who connects to its pods is missing, and what others do among themselves", remedy)
		d.blind(Blind{Ingress: true, Brief: "what comes from one namespace"})
	}
}

// outsideOnly looks for logs in which no pod talks to another, a resolver among them.
func (d *doctor) outsideOnly() {
	for _, e := range d.shown {
		if d.Graph.Peers[e.Src].Workload >= 0 && d.Graph.Peers[e.Dst].Workload >= 0 {
			return
		}
	}
	if d.enough() {
		d.found("no edge is between two pods", "a filter by what is outside the cluster leaves the rest out: no absence follows from this log",
			"no filter on identities or addresses in the export")
		d.blind(both("what is outside"))
	}
}

// answersOnly looks for logs of which only answers were kept: what nobody answers, and works all the same, is missing.
func (d *doctor) answersOnly() {
	asked := slices.ContainsFunc(d.shown, func(e *graph.Edge) bool { return e.Used+e.DeniedRecords > 0 })
	if len(d.shown) > 0 && !asked {
		d.found("every record is an answer", "what is never answered, and works all the same, is missing", "no filter on reply in the export")
		d.blind(both("answers"))
	}
}

// oneNode looks for logs that one node wrote while there are others.
func (d *doctor) oneNode() {
	if len(d.NodeHours) != 1 || d.Nodeless || d.OtherNodes == nil || !d.OtherNodes() || !d.enough() {
		return
	}
	for name := range d.NodeHours {
		d.found("every record is from node "+name+", and there are others",
			"what the pods of other nodes do is seen only where they talk to this one",
			"capture from every node: through the relay, or the export of each agent")
		d.blind(both("what one node saw"))
	}
}

func (d *doctor) oneNamespace() {
	list := covering(d.Graph, d.Apart)
	if len(list) == 0 {
		return
	}
	names := strings.Join(list, " or ")
	d.found("every record has an end in namespace "+names,
		"the export is filtered by it, or nothing else talked: nothing follows from this log for other namespaces",
		"learn for "+strings.Join(list, " and ")+" only, or capture without --namespace")
	b := both("")
	b.Shown = list
	d.blind(b)
}

// oneWorkload looks for logs that were filtered by a label of pods, or by a workload: every record has an end that
// bears it, and several times as many workloads that do not were seen with those alone, or are declared. What these do
// among themselves, or with a resolver, is in any other log, and so are their nodes' checks of health.
func (d *doctor) oneWorkload() {
	const times, least = 2, 4
	label, bear, others := "", []string(nil), 0
	for _, l := range d.everyLabel() {
		if who, not := d.bearers(l); label == "" || len(who) < len(bear) {
			label, bear, others = l, who, not
		}
	}
	among := func(ep *model.Endpoint) bool { return slices.Contains(ep.Labels, label) }
	if label == "" || !d.enough() || others < least || others <= times*len(bear) || d.Apart != nil && d.Apart(among) {
		return
	}
	d.found("every record has an end at "+some(bear),
		"the export is filtered by a pod or a label ("+label+"), or nothing else talked: nothing follows from this log for other workloads",
		"capture without --pod, --label, --from-pod and --to-pod")
	d.blind(both("what " + some(bear) + " does"))
}

// everyLabel returns the labels that each edge has at one end, sorted.
func (d *doctor) everyLabel() []string {
	var every, at []string
	for n, e := range d.shown {
		at = at[:0]
		for _, p := range [2]graph.PeerID{e.Src, e.Dst} {
			if w := d.Graph.Peers[p].Workload; w >= 0 {
				at = append(at, d.Graph.Workloads[w].Common...)
			}
		}
		if n == 0 {
			every = slices.Clone(at)
		}
		every = slices.DeleteFunc(every, func(l string) bool { return !slices.Contains(at, l) })
		if len(every) == 0 {
			break
		}
	}
	slices.Sort(every)
	return slices.Compact(every)
}

// bearers returns the workloads that bear a label, sorted, and how many do not, those that only manifests know among
// them.
func (d *doctor) bearers(label string) (bear []string, others int) {
	for _, w := range d.Graph.AllWorkloads() {
		if slices.Contains(w.Common, label) {
			bear = append(bear, w.ID)
		} else {
			others++
		}
	}
	slices.Sort(bear)
	return bear, others
}

// mostFilters is how many namespaces a filter is taken to name at most.
const mostFilters = 3

// covering returns the fewest namespaces of which every record has an end in one, none where there are no such: what
// others do among themselves, or with the world, is not in the log. It needs pods of so many other namespaces and one
// more, which never talk to each other, and no record of anything else: the nodes' own checks of health are in every
// log that was not filtered, and pods ask a resolver, which is why of several none may be its. apart is
// Input.Apart.
func covering(g *graph.Graph, apart func(among func(*model.Endpoint) bool) bool) []string {
	pairs, spaces, resolvers := map[[2]string]bool{}, map[string]bool{}, map[string]bool{}
	n, records := 0, uint64(0)
	for _, e := range g.AllEdges() {
		if e.State == graph.Refused {
			continue
		}
		a, b := g.Peers[e.Src].Namespace, g.Peers[e.Dst].Namespace
		if a == "" && b == "" {
			continue
		}
		n, records = n+1, records+e.Records()
		if asks(e) {
			resolvers[b] = true
		}
		pairs[[2]string{a, b}], spaces[a], spaces[b] = true, true, true
	}
	delete(spaces, "")
	if n < few && (n < 3 || len(spaces) < 4 || records < many) {
		return nil
	}
	for size := 1; size <= mostFilters && len(spaces) > 2*size; size++ {
		found := covers(pairs, nil, size)
		found = slices.DeleteFunc(found, func(list []string) bool {
			return len(list) > 1 && slices.ContainsFunc(list, func(ns string) bool { return resolvers[ns] }) ||
				apart != nil && apart(func(ep *model.Endpoint) bool { return slices.Contains(list, ep.Namespace) })
		})
		if len(found) == 1 || len(found) > 0 && size == 1 {
			return found[0]
		}
	}
	return nil
}

// covers returns the sets of so many namespaces, sorted, that every pair has an end in.
func covers(pairs map[[2]string]bool, chosen []string, size int) [][]string {
	none := [2]string{}
	open := none
	for p := range pairs {
		covered := slices.Contains(chosen, p[0]) || slices.Contains(chosen, p[1])
		if !covered && (open == none || slices.Compare(p[:], open[:]) < 0) {
			open = p
		}
	}
	if open == none {
		return [][]string{slices.Sorted(slices.Values(chosen))}
	}
	found := map[string][]string{}
	for _, ns := range open {
		if ns == "" || size == 0 {
			continue
		}
		for _, list := range covers(pairs, append(slices.Clone(chosen), ns), size-1) {
			found[strings.Join(list, "/")] = list
		}
	}
	var out [][]string
	for _, k := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[k])
	}
	return out
}
