package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
)

// Of prints a stage of a log: only what touches one of the namespaces, where there are some.
type Of func(w io.Writer, format string, l *run.Log, namespaces []string) error

func wanted(namespaces []string, have ...string) bool {
	return len(namespaces) == 0 ||
		slices.ContainsFunc(have, func(n string) bool { return slices.Contains(namespaces, n) })
}

// EdgeView is an edge as printed. Times are RFC 3339 UTC.
type EdgeView struct {
	Source      string   `json:"source"`
	Destination string   `json:"destination"`
	Port        string   `json:"port"`
	Edges       int      `json:"edges,omitempty"` // how many they are, where it is more than one
	State       string   `json:"state"`
	Grade       string   `json:"grade,omitempty"` // of an edge that was not denied or refused
	Doubt       string   `json:"doubt,omitempty"` // why the grade is unknown
	Reason      string   `json:"reason,omitempty"`
	Names       []string `json:"names,omitempty"`
	// Records is the sum of the counts that follow it.
	Records     uint64   `json:"records"`
	Used        uint64   `json:"used,omitempty"`
	Replies     uint64   `json:"replies,omitempty"`
	Duplicates  uint64   `json:"duplicates,omitempty"`
	Denied      uint64   `json:"denied,omitempty"`
	Refused     uint64   `json:"refused,omitempty"`
	Connections *uint64  `json:"connections"` // null: the log does not show openings
	First       string   `json:"first"`
	Last        string   `json:"last"`
	Windows     int      `json:"windows"` // hours in which it was seen
	Observers   []string `json:"observers"`
	Marks       []string `json:"marks,omitempty"`
	Sample      sample   `json:"sample,omitzero"`
}

// sample is the earliest record behind an edge.
type sample struct {
	SourcePod      string `json:"sourcePod,omitempty"`
	DestinationPod string `json:"destinationPod,omitempty"`
}

// appendJSON adds the view as the library would.
func (v *EdgeView) appendJSON(b []byte) []byte {
	m := members(b)
	m.open()
	m.text("source", v.Source)
	m.text("destination", v.Destination)
	m.text("port", v.Port)
	m.someCount("edges", uint64(v.Edges))
	m.text("state", v.State)
	m.someText("grade", v.Grade)
	m.someText("doubt", v.Doubt)
	m.someText("reason", v.Reason)
	m.someTexts("names", v.Names)
	m.count("records", v.Records)
	m.someCount("used", v.Used)
	m.someCount("replies", v.Replies)
	m.someCount("duplicates", v.Duplicates)
	m.someCount("denied", v.Denied)
	m.someCount("refused", v.Refused)
	if v.Connections != nil {
		m.count("connections", *v.Connections)
	} else {
		m.null("connections")
	}
	m.text("first", v.First)
	m.text("last", v.Last)
	m.count("windows", uint64(v.Windows))
	m.texts("observers", v.Observers)
	m.someTexts("marks", v.Marks)
	if v.Sample != (sample{}) {
		m.name("sample")
		m.open()
		m.someText("sourcePod", v.Sample.SourcePod)
		m.someText("destinationPod", v.Sample.DestinationPod)
		m.close()
	}
	m.close()
	return m
}

// viewEdge is an edge as printed.
func viewEdge(g *graph.Graph, e *graph.Edge) EdgeView {
	return viewRow(e, &graph.Row{Source: g.Peers[e.Src].ID, Destination: g.Peers[e.Dst].ID, Port: e.PortString()})
}

// marksOf are the words for what is noted of an edge.
func marksOf(e *graph.Edge) []string {
	if e.Proxied {
		return append(e.Marks.Names(), "proxied")
	}
	return e.Marks.Names()
}

func viewRow(e *graph.Edge, r *graph.Row) EdgeView {
	v := EdgeView{
		Source: r.Source, Destination: r.Destination, Port: r.Port, State: e.State.String(),
		Grade: e.GradeText(), Doubt: e.Doubt.String(), Reason: e.Reason.String(),
		Names: e.Names, Records: e.Records(), Used: e.Used, Replies: e.Replies, Duplicates: e.Duplicates,
		Denied:  e.DeniedRecords,
		Refused: e.RefusedRecords, First: model.Stamp(e.First), Last: model.Stamp(e.Last), Windows: len(e.Windows),
		Observers: e.Observers.Names(), Marks: marksOf(e), Sample: sample{e.SrcPod, e.DstPod},
	}
	if len(r.Edges) > 1 {
		v.Edges = len(r.Edges)
	}
	if e.Conns > 0 {
		v.Connections = &e.Conns
	}
	return v
}

var edges = list[EdgeView]{
	kind: "EdgeList", field: "edges",
	head: []string{"SOURCE", "DESTINATION", "PORT", "STATE", "GRADE", "RECORDS", "CONNS", "FIRST", "LAST", "NOTE"},
	row: func(t *table, e EdgeView) {
		conns := "-"
		if e.Connections != nil {
			conns = text.Count(*e.Connections)
		}
		note := strings.Join(append(append([]string{}, e.Names...), e.Marks...), ",")
		if e.Reason != "" {
			note = e.Reason
		}
		if e.Edges > 1 {
			note = strings.TrimSuffix(fmt.Sprintf("%d edges,%s", e.Edges, note), ",")
		}
		t.texts(
			e.Source,
			e.Destination,
			e.Port,
			e.State,
			cmp.Or(e.Grade, "-"),
			text.Count(e.Records),
			conns,
			e.First[:min(len(e.First), 19)],
			e.Last[:min(len(e.Last), 19)],
			note,
		)
	},
}

// Edges prints who talks to whom. A sweep of ports is one row, and so is a crowd of outside addresses.
func Edges(w io.Writer, format string, l *run.Log, namespaces []string) error {
	g := l.Graph
	var shown []graph.EdgeID
	for i, e := range g.AllEdges() {
		if wanted(namespaces, g.Peers[e.Src].Namespace, g.Peers[e.Dst].Namespace) {
			shown = append(shown, i)
		}
	}
	rows := g.Rows(shown, func(i graph.EdgeID) graph.Alike {
		e := &g.Edges[i]
		same := string([]byte{byte(e.State), byte(e.Reason), byte(e.Grade), byte(e.Doubt)})
		return graph.Alike{Ports: same + strings.Join(e.Names, " "), Addresses: same}
	})
	row := func(n int) EdgeView { return viewRow(g.Sum(&rows[n]), &rows[n]) }
	all := func(yield func(EdgeView) bool) {
		for n := range rows {
			if !yield(row(n)) {
				return
			}
		}
	}
	if drawn(format) {
		d := newDrawing()
		for e := range all {
			d.add(e.Source, e.Destination, e.State, e.Port)
		}
		return d.print(w, format)
	}
	more := []field{{"fates", fateCounts(l)}}
	if len(l.Report.Logged) > 0 {
		uses := map[string]useView{}
		for text, use := range l.Report.Logged {
			uses[text] = viewUse(use)
		}
		more = append(more, field{"policyLog", uses})
	}
	switch format {
	case Table, Wide:
		return edges.aligned(w, format, len(rows), row)
	case JSON:
		return edges.stream(w, len(rows), func(b []byte, n int) []byte {
			v := row(n)
			return v.appendJSON(b)
		}, more...)
	}
	return edges.print(w, format, all, more...)
}

// endpointView is an endpoint as printed.
type endpointView struct {
	Kind           string   `json:"kind"`
	Cluster        string   `json:"cluster,omitempty"`
	Namespace      string   `json:"namespace,omitempty"`
	Name           string   `json:"name,omitempty"`
	Owner          string   `json:"owner,omitempty"`
	ServiceAccount string   `json:"serviceAccount,omitempty"`
	Labels         []string `json:"labels,omitempty"`
	Entities       string   `json:"entities,omitempty"`
	Address        string   `json:"address,omitempty"`
	Names          []string `json:"names,omitempty"`
	Marks          []string `json:"marks,omitempty"`
	Peer           string   `json:"peer,omitempty"` // the workload or peer it counts as; none where no edge has it
}

var endpoints = list[endpointView]{
	kind: "EndpointList", field: "endpoints",
	head: []string{"KIND", "NAMESPACE", "OWNER", "PEER", "ENTITIES", "ADDRESS", "LABELS"},
	row: func(t *table, v endpointView) {
		t.row(v.Kind, v.Namespace, v.Owner, v.Peer, v.Entities, v.Address, strings.Join(v.Labels, ","))
	},
}

// Endpoints prints the identities that a log names.
func Endpoints(w io.Writer, format string, l *run.Log, namespaces []string) error {
	eps := l.Graph.Tables.Endpoints.Snapshot()
	var order []model.EndpointID
	for id, e := range l.Graph.AllEnds() {
		if wanted(namespaces, e.Namespace) {
			order = append(order, id)
		}
	}
	slices.SortFunc(order, func(a, b model.EndpointID) int { return eps[a].Compare(eps[b]) })
	list := []endpointView{}
	for _, i := range order {
		e := eps[i]
		v := endpointView{
			Kind: e.Kind.String(), Cluster: e.Cluster, Namespace: e.Namespace, Name: e.Name, ServiceAccount: e.ServiceAccount,
			Labels: e.Labels, Entities: e.Entities.String(), Names: e.Names, Marks: e.Marks.Names(),
		}
		if e.Owner.Name != "" {
			v.Owner = e.Owner.Kind + "/" + e.Owner.Name
		}
		if e.Address.IsValid() {
			v.Address = e.Address.String()
		}
		if p := l.Graph.PeerOf[i]; p >= 0 {
			v.Peer = l.Graph.Peers[p].ID
		}
		list = append(list, v)
	}
	return endpoints.print(w, format, slices.Values(list))
}

// flowView is an observation as printed.
type flowView struct {
	Window         string   `json:"window"` // start of the hour
	Source         string   `json:"source"`
	Destination    string   `json:"destination"`
	SourcePort     uint16   `json:"sourcePort,omitempty"` // undecided records only
	Port           uint16   `json:"port"`
	Protocol       string   `json:"protocol"`
	Verdict        string   `json:"verdict"`
	Observer       string   `json:"observer"`
	Fate           string   `json:"fate"`
	Reason         string   `json:"reason,omitempty"`
	Records        uint32   `json:"records"`
	First          string   `json:"first"`
	Last           string   `json:"last"`
	SourcePod      string   `json:"sourcePod,omitempty"`
	DestinationPod string   `json:"destinationPod,omitempty"`
	Marks          []string `json:"marks,omitempty"`
}

func viewFlow(g *graph.Graph, r *model.Observation) flowView {
	return flowView{
		Window: model.Stamp(
			int64(r.Window) * 60e6,
		), Source: g.Peers[g.PeerOf[r.Src]].ID, Destination: g.Peers[g.PeerOf[r.Dst]].ID,
		SourcePort: r.SrcPort, Port: r.Port, Protocol: r.Proto.String(), Verdict: r.Verdict.String(),
		Observer: r.Observer.String(),
		Fate:     r.Fate.String(), Reason: r.Reason.String(), Records: r.Records, First: model.Stamp(r.First),
		Last:      model.Stamp(r.Last),
		SourcePod: g.Tables.Names.Get(r.SrcPod), DestinationPod: g.Tables.Names.Get(r.DstPod), Marks: r.Marks.Names(),
	}
}

var flows = list[flowView]{
	kind: "FlowList", field: "flows",
	head: []string{
		"WINDOW",
		"SOURCE",
		"DESTINATION",
		"PORT",
		"VERDICT",
		"OBSERVER",
		"FATE",
		"RECORDS",
		"SOURCE POD",
		"DESTINATION POD",
	},
	row: func(t *table, v flowView) {
		t.row(v.Window, v.Source, v.Destination, fmt.Sprintf("%d/%s", v.Port, v.Protocol), v.Verdict, v.Observer,
			strings.TrimSuffix(v.Fate+"/"+v.Reason, "/"), v.Records, v.SourcePod, v.DestinationPod)
	},
}

// Flows prints the observations that edges are built from.
func Flows(w io.Writer, format string, l *run.Log, namespaces []string) error {
	g := l.Graph
	list := []flowView{}
	rows := l.Builder.Observations()
	for i := range rows {
		if rows[i].Fate != model.Irrelevant &&
			wanted(namespaces, g.Peers[g.PeerOf[rows[i].Src]].Namespace, g.Peers[g.PeerOf[rows[i].Dst]].Namespace) {
			list = append(list, viewFlow(g, &rows[i]))
		}
	}
	slices.SortStableFunc(list, func(a, b flowView) int {
		return strings.Compare(a.Source+"\x00"+a.Destination, b.Source+"\x00"+b.Destination)
	})
	return flows.print(w, format, slices.Values(list))
}
