package readiness

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/workload"
	"sluice/synth/decision"
)

// Source is what FromGraph reads.
type Source struct {
	Graph    *graph.Graph
	Several  bool      // the log has several clusters: only workloads of Cluster are judged
	Cluster  string    // "" is the one without a name
	Networks []Network // named parts of the address space: one peer each
	Manifest []Manifest
	// Decisions are what people said of edges, nil for nothing: what they reject or ignore is no dependency, and the
	// addresses that one of them accepts are one peer.
	Decisions *decision.Book
	// Hours are the records of the log by hour; nil: the hours in which the graph's edges were seen.
	Hours  []Hour
	Silent []uint32
	Caps   []string // see Input.Caps
}

// Network is a named part of the address space.
type Network struct {
	Name  string
	CIDRs []netip.Prefix
}

// Manifest is what the cluster's manifests say of a workload.
type Manifest struct {
	Namespace, Name string
	Labels          model.Labels      // of the pod template
	Selector        map[string]string // matchLabels, nil for a CronJob
	ServiceAccount  string            // of the pod template, "" for the namespace's default
	Declared
}

// is reports whether a workload of the log is the one of the manifest: by name and kind, or where the log knows no
// owner by the labels of its pods.
func (m *Manifest) is(w *workload.Workload) bool {
	if m.Namespace != w.Namespace {
		return false
	}
	if w.Kind == "" && len(m.Labels) > 0 && len(w.LabelSets) > 0 {
		return !slices.ContainsFunc(w.LabelSets, func(l model.Labels) bool { return !hasAll(l, m.Labels) })
	}
	return m.Name == w.Name &&
		(w.Kind == "" || w.Kind == m.Kind || w.Kind == "Job" && m.Kind == "CronJob" || w.Kind == "ReplicaSet" && m.Kind == "Deployment")
}

func hasAll(l, want model.Labels) bool {
	return !slices.ContainsFunc(want, func(kv string) bool { return !slices.Contains(l, kv) })
}

// FromGraph takes out of a graph what readiness is about: edges that worked, as a rule would name them. Outside
// addresses of one DNS name or one named network are one peer, else an edge to a service of many addresses would
// never be known.
func FromGraph(s Source) Input {
	r := reader{Source: s, of: map[graph.WorkloadID]int{}}
	r.begin = s.Graph.AsOf
	for i := range s.Graph.Peers {
		if f := s.Graph.Peers[i].First; f != 0 {
			r.begin = min(r.begin, f)
		}
	}
	r.workloads()
	r.edges()
	r.in.Silent, r.in.Caps = s.Silent, s.Caps
	if r.in.Hours = slices.Clone(s.Hours); r.in.Hours == nil {
		r.hours()
	}
	r.in.Hours = slices.DeleteFunc(r.in.Hours, func(h Hour) bool { return hourStart(h.Hour+1) <= r.begin })
	return r.in
}

type reader struct {
	Source
	in    Input
	of    map[graph.WorkloadID]int // into in.Workloads
	begin int64                    // the graph's peers were seen from it on: what is dated earlier has a wrong time
}

func (r *reader) workloads() {
	g := r.Graph
	for i, w := range g.AllWorkloads() {
		if r.Several && w.Cluster != r.Cluster {
			continue
		}
		r.of[i] = len(r.in.Workloads)
		o := Workload{ID: w.ID, Namespace: w.Namespace, Name: w.Name, Kind: w.Kind}
		j := slices.IndexFunc(r.Manifest, func(m Manifest) bool { return m.is(w) })
		if j >= 0 {
			o.Declared = &r.Manifest[j].Declared
		}
		r.in.Workloads = append(r.in.Workloads, o)
	}
	r.owners()
	r.unseen()
	for i, p := range g.AllPeers() {
		if w, ok := r.workload(i); ok && p.First != 0 {
			r.in.Workloads[w].First = p.First
		}
	}
}

// owners notes what runs the pods of workloads.
func (r *reader) owners() {
	g, several := r.Graph, map[int]bool{}
	for id, p := range g.PeerOf {
		if p < 0 {
			continue
		}
		w, ok := r.workload(p)
		owner := g.Tables.Endpoints.Get(model.EndpointID(id)).Owner
		if !ok || owner.Name == "" || several[w] {
			continue
		}
		o, text := &r.in.Workloads[w].Owner, owner.Kind+" "+owner.Name
		if several[w] = *o != "" && *o != text; several[w] {
			text = ""
		}
		*o = text
	}
}

// unseen adds the workloads that only manifests name.
func (r *reader) unseen() {
	for i := range r.Manifest {
		m := &r.Manifest[i]
		if !slices.ContainsFunc(r.in.Workloads, func(w Workload) bool { return w.Declared == &m.Declared }) {
			id := m.Namespace + "/" + m.Name
			if slices.ContainsFunc(r.in.Workloads, func(w Workload) bool { return w.ID == id }) {
				id += " (" + m.Kind + ")"
			}
			r.in.Workloads = append(
				r.in.Workloads,
				Workload{ID: id, Namespace: m.Namespace, Name: m.Name, Kind: m.Kind, Declared: &m.Declared},
			)
		}
	}
}

// workload returns the workload of a peer in the input.
func (r *reader) workload(peer graph.PeerID) (int, bool) {
	if w := r.Graph.Peers[peer].Workload; w >= 0 {
		i, ok := r.of[w]
		return i, ok
	}
	return -1, false
}

func (r *reader) edges() {
	at := map[string]int{}
	pairs := make([]int, len(r.Graph.Edges))
	for i := range r.Graph.Connections {
		pairs[r.Graph.Connections[i].Edge]++
	}
	for i, e := range r.Graph.AllEdges() {
		if !e.State.Worked() || r.rejected(e) {
			continue
		}
		src, fromOurs := r.workload(e.Src)
		dst, toOurs := r.workload(e.Dst)
		if !fromOurs && !toOurs {
			continue
		}
		name := r.edgeName(e)
		k, ok := at[name]
		if !ok {
			k = len(r.in.Edges)
			at[name] = k
			r.in.Edges = append(
				r.in.Edges,
				Edge{Name: name, Src: src, Dst: dst, First: max(e.First, r.begin), Hours: r.since(e.Windows),
					Connections: pairs[i], Records: e.Records(), Service: r.service(e)},
			)
			continue
		}
		o := &r.in.Edges[k]
		o.Connections += pairs[i]
		o.Records += e.Records()
		o.First = min(o.First, max(e.First, r.begin))
		o.Hours = slices.Concat(o.Hours, r.since(e.Windows))
	}
	for i := range r.in.Edges {
		o := &r.in.Edges[i]
		if !slices.IsSorted(o.Hours) {
			slices.Sort(o.Hours) // it was put together out of several, so it is not the graph's
			o.Hours = slices.Compact(o.Hours)
		}
	}
}

// since returns the hours from the begin on. What is dated earlier counts as of then.
func (r *reader) since(hours []uint32) []uint32 {
	first := uint32(r.begin / hourMicros)
	if len(hours) == 0 || hours[0] >= first {
		return hours
	}
	i, found := slices.BinarySearch(hours, first)
	if found {
		return hours[i:]
	}
	return append([]uint32{first}, hours[i:]...)
}

func (r *reader) edgeName(e *graph.Edge) string {
	src, dst := r.ends(e)
	return src + " -> " + dst + " " + e.PortString()
}

// ends are the names of both peers. An outside address that a decision accepts is named as the decision does.
func (r *reader) ends(e *graph.Edge) (src, dst string) {
	src, dst = r.name(e.Src, nil), r.name(e.Dst, e.Names)
	d := r.decision(e)
	if d == nil || d.Verdict != decision.Accept && d.Verdict != decision.Widen {
		return src, dst
	}
	if p := &r.Graph.Peers[e.Src]; p.Kind == model.KindAddress && src == p.ID {
		src = d.Source
	}
	if p := &r.Graph.Peers[e.Dst]; p.Kind == model.KindAddress && dst == p.ID {
		dst = d.Destination
	}
	return src, dst
}

// decision is what people said of an edge, nil for nothing.
func (r *reader) decision(e *graph.Edge) *decision.Decision {
	if r.Decisions == nil {
		return nil
	}
	src, dst := &r.Graph.Peers[e.Src], &r.Graph.Peers[e.Dst]
	n, ok := r.Decisions.Of(&decision.Edge{Source: src.ID, Destination: dst.ID, SourceAddress: src.Address,
		DestinationAddress: dst.Address, Names: e.Names, Proto: e.Proto, Port: e.Port})
	if !ok {
		return nil
	}
	return &r.Decisions.List()[n]
}

// rejected reports whether people decided that an edge is no dependency. Once that has expired it is undecided, and
// counts.
func (r *reader) rejected(e *graph.Edge) bool {
	d := r.decision(e)
	return d != nil && (d.Verdict == decision.Reject || d.Verdict == decision.Ignore) &&
		!d.Expired(time.UnixMicro(r.Graph.AsOf).UTC())
}

// name is what a rule would call a peer that was asked for by these DNS names.
func (r *reader) name(peer graph.PeerID, names []string) string {
	p := &r.Graph.Peers[peer]
	if p.Kind != model.KindAddress {
		return p.ID
	}
	for _, n := range r.Networks {
		if slices.ContainsFunc(n.CIDRs, func(c netip.Prefix) bool { return c.Contains(p.Address) }) {
			return "network:" + n.Name
		}
	}
	if len(names) > 0 {
		return "name:" + names[0]
	}
	return p.ID
}

// service is an edge without the outside address that one of its ends is known by, "" if none is.
func (r *reader) service(e *graph.Edge) string {
	src, dst := r.ends(e)
	ids := [2]string{r.Graph.Peers[e.Src].ID, r.Graph.Peers[e.Dst].ID}
	switch {
	case r.Graph.Peers[e.Dst].Kind == model.KindAddress && dst == ids[1]:
		return src + " -> * " + e.PortString()
	case r.Graph.Peers[e.Src].Kind == model.KindAddress && src == ids[0]:
		return "* -> " + dst + " " + e.PortString()
	}
	return ""
}

// hours are those in which edges were seen.
func (r *reader) hours() {
	seen := map[uint32]uint64{}
	for i := range r.Graph.Edges {
		for _, h := range r.Graph.Edges[i].Windows {
			seen[h]++
		}
	}
	r.in.Hours = []Hour{}
	for _, h := range slices.Sorted(maps.Keys(seen)) {
		r.in.Hours = append(r.in.Hours, Hour{Hour: h, Records: seen[h]})
	}
}

// Spread adds events that were lost at unknown moments between two times, evenly.
func Spread(hours []Hour, from, to int64, lost uint64) []Hour {
	if lost == 0 || to < from {
		return hours
	}
	first, n := uint32(from/hourMicros), uint64(to/hourMicros-from/hourMicros+1)
	for i := range n {
		if share := lost*(i+1)/n - lost*i/n; share > 0 {
			hours = append(hours, Hour{Hour: first + uint32(i), Lost: share})
		}
	}
	return hours
}

// Gap is a time in which records of a node may be missing.
type Gap struct {
	Node     string
	From, To int64 // microseconds since 1970 UTC
}

// Silent returns the hours that lie whole within gaps of every one of the nodes.
func Silent(nodes []string, gaps []Gap) []uint32 {
	if len(nodes) == 0 {
		return nil
	}
	sorted := slices.Clone(gaps)
	slices.SortFunc(
		sorted,
		func(a, b Gap) int { return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.From, b.From)) },
	)
	count := map[uint32]int{}
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Node == sorted[0].Node {
			n++
		}
		if slices.Contains(nodes, sorted[0].Node) {
			for _, h := range whole(sorted[:n]) {
				count[h]++
			}
		}
		sorted = sorted[n:]
	}
	var out []uint32
	for h, n := range count {
		if n == len(nodes) {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out
}

// whole returns the hours that the gaps of one node, sorted, cover together.
func whole(gaps []Gap) (out []uint32) {
	for i := 0; i < len(gaps); {
		from, to := gaps[i].From, gaps[i].To
		for i++; i < len(gaps) && gaps[i].From <= to; i++ {
			to = max(to, gaps[i].To)
		}
		for h := hoursBefore(from); hourStart(h+1) <= to; h++ {
			out = append(out, h)
		}
	}
	return out
}
