package cli

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/store"
)

// showOptions are the flags of the show commands.
type showOptions struct {
	input
	format     string
	namespaces []string
}

func newShow(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "show",
		Short: "Look into any stage: flows, endpoints, workloads, edges, segments, streams",
		Example: `  sluice show edges flows.jsonl.gz -n shop
  sluice show workloads --store flows -o yaml`,
	}
	stage := func(name, short, example string, run func(io.Writer, *showOptions, *loaded) error) {
		o := &showOptions{}
		sub := &cobra.Command{
			Use: name + " [SOURCE...]", Short: short, Example: example,
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := checkFormat(o.format); err != nil {
					return err
				}
				l, err := o.load(cmd.Context(), s, args)
				if err != nil {
					return err
				}
				if l.report.Total() == 0 {
					return l.usable(s.Err)
				}
				if err := l.seen(o.namespaces, anyEnd); err != nil {
					return err
				}
				if err := run(s.Out, o, l); err != nil {
					return err
				}
				return l.warnFailed(s.Err)
			},
		}
		o.flags(sub)
		sub.Flags().StringVarP(&o.format, "output", "o", "table", "print as table, json or yaml")
		sub.Flags().VarP(nameList{&o.namespaces}, "namespace", "n", "only what touches the namespace `NS` (repeats)")
		c.AddCommand(sub)
	}
	stage("edges", "Who talks to whom on which port, with the evidence", "  sluice show edges flows.jsonl -o json", showEdges)
	stage("workloads", "How endpoints were grouped and which selector was chosen, and why", "  sluice show workloads flows.jsonl -n shop", showWorkloads)
	stage("endpoints", "The identities that the log names", "  sluice show endpoints flows.jsonl", showEndpoints)
	stage("flows", "The observations that edges are built from, folded by the hour", "  sluice show flows flows.jsonl -n shop", showFlows)
	c.AddCommand(newShowSegments(s), newShowStreams(s))
	return c
}

func wanted(namespaces []string, have ...string) bool {
	return len(namespaces) == 0 || slices.ContainsFunc(have, func(n string) bool { return slices.Contains(namespaces, n) })
}

// edgeView is an edge as printed. Times are RFC 3339 UTC.
type edgeView struct {
	Source      string   `json:"source"`
	Destination string   `json:"destination"`
	Port        string   `json:"port"`
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
	Sample      *sample  `json:"sample,omitempty"`
}

// sample is the earliest record behind an edge.
type sample struct {
	SourcePod      string `json:"sourcePod,omitempty"`
	DestinationPod string `json:"destinationPod,omitempty"`
}

func viewEdge(g *graph.Graph, e *graph.Edge) edgeView {
	v := edgeView{
		Source: g.Peers[e.Src].ID, Destination: g.Peers[e.Dst].ID, Port: e.PortString(), State: e.State.String(), Grade: e.GradeText(), Doubt: e.Doubt.String(), Reason: e.Reason.String(),
		Names: e.Names, Records: e.Records(), Used: e.Used, Replies: e.Replies, Duplicates: e.Duplicates, Denied: e.DeniedRecords,
		Refused: e.RefusedRecords, First: timestamp(e.First), Last: timestamp(e.Last), Windows: len(e.Windows),
		Observers: e.Observers.Names(), Marks: e.Marks.Names(),
	}
	if e.Conns > 0 {
		v.Connections = &e.Conns
	}
	if e.SrcPod != "" || e.DstPod != "" {
		v.Sample = &sample{e.SrcPod, e.DstPod}
	}
	return v
}

func showEdges(w io.Writer, o *showOptions, l *loaded) error {
	g := l.graph
	edges := func(yield func(edgeView) bool) {
		for i := range g.Edges {
			e := &g.Edges[i]
			if wanted(o.namespaces, g.Peers[e.Src].Namespace, g.Peers[e.Dst].Namespace) && !yield(viewEdge(g, e)) {
				return
			}
		}
	}
	switch o.format {
	case "json":
		return streamEdges(w, l.fateCounts(), edges)
	case "yaml":
		return printObject(w, o.format, struct {
			header
			Fates []fateCount `json:"fates"`
			Edges []edgeView  `json:"edges"`
		}{newHeader("EdgeList"), l.fateCounts(), slices.Collect(edges)})
	}
	t := newTable(w, "SOURCE", "DESTINATION", "PORT", "STATE", "GRADE", "RECORDS", "CONNS", "FIRST", "LAST", "NOTE")
	for e := range edges {
		conns := "-"
		if e.Connections != nil {
			conns = count(*e.Connections)
		}
		note := strings.Join(append(append([]string{}, e.Names...), e.Marks...), ",")
		if e.Reason != "" {
			note = e.Reason
		}
		t.row(e.Source, e.Destination, e.Port, e.State, cmp.Or(e.Grade, "-"), count(e.Records), conns, e.First[:min(len(e.First), 19)], e.Last[:min(len(e.Last), 19)], note)
	}
	return t.flush()
}

// streamEdges writes the list without holding it, an edge a line: there may be hundreds of thousands.
func streamEdges(w io.Writer, fates []fateCount, edges iter.Seq[edgeView]) error {
	out := bufio.NewWriterSize(w, 1<<16)
	head, err := json.Marshal(fates)
	if err != nil {
		return err
	}
	h := newHeader("EdgeList")
	fmt.Fprintf(out, "{\n  \"apiVersion\": %q,\n  \"kind\": %q,\n  \"fates\": %s,\n  \"edges\": [", h.APIVersion, h.Kind, head)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	sep := "\n    "
	for e := range edges {
		out.WriteString(sep)
		sep = "    ,"
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	if sep != "    ," {
		out.WriteString("\n")
	}
	out.WriteString("  ]\n}\n")
	return out.Flush()
}

func showWorkloads(w io.Writer, o *showOptions, l *loaded) error {
	list := []workloadView{}
	for i := range l.graph.Workloads {
		if wl := &l.graph.Workloads[i]; wanted(o.namespaces, wl.Namespace) {
			list = append(list, viewWorkload(wl))
		}
	}
	if o.format != "table" {
		return printObject(w, o.format, struct {
			header
			Workloads []workloadView `json:"workloads"`
		}{newHeader("WorkloadList"), list})
	}
	t := newTable(w, "NAMESPACE", "WORKLOAD", "KIND", "SELECTOR", "SEPARATES FROM", "LABELS DROPPED")
	for _, v := range list {
		t.row(v.Namespace, v.Name, v.Kind, v.selector(), v.separates(), v.dropped())
	}
	return t.flush()
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

func showEndpoints(w io.Writer, o *showOptions, l *loaded) error {
	eps := l.graph.Tables.Endpoints.Snapshot()
	order := make([]int, 0, len(eps))
	for i := range eps {
		if wanted(o.namespaces, eps[i].Namespace) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(eps[a].Key(), eps[b].Key()) })
	list := []endpointView{}
	for _, i := range order {
		e := &eps[i]
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
		if p := l.graph.PeerOf[i]; p >= 0 {
			v.Peer = l.graph.Peers[p].ID
		}
		list = append(list, v)
	}
	if o.format != "table" {
		return printObject(w, o.format, struct {
			header
			Endpoints []endpointView `json:"endpoints"`
		}{newHeader("EndpointList"), list})
	}
	t := newTable(w, "KIND", "NAMESPACE", "OWNER", "PEER", "ENTITIES", "ADDRESS", "LABELS")
	for _, v := range list {
		t.row(v.Kind, v.Namespace, v.Owner, v.Peer, v.Entities, v.Address, strings.Join(v.Labels, ","))
	}
	return t.flush()
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

func (l *loaded) viewFlow(r *model.Observation) flowView {
	g := l.graph
	return flowView{
		Window: timestamp(int64(r.Window) * 60e6), Source: g.Peers[g.PeerOf[r.Src]].ID, Destination: g.Peers[g.PeerOf[r.Dst]].ID,
		SourcePort: r.SrcPort, Port: r.Port, Protocol: r.Proto.String(), Verdict: r.Verdict.String(), Observer: r.Observer.String(),
		Fate: r.Fate.String(), Reason: r.Reason.String(), Records: r.Records, First: timestamp(r.First), Last: timestamp(r.Last),
		SourcePod: g.Tables.Names.Get(r.SrcPod), DestinationPod: g.Tables.Names.Get(r.DstPod), Marks: r.Marks.Names(),
	}
}

func showFlows(w io.Writer, o *showOptions, l *loaded) error {
	g := l.graph
	list := []flowView{}
	rows := l.builder.Observations()
	for i := range rows {
		if rows[i].Fate != model.Irrelevant && wanted(o.namespaces, g.Peers[g.PeerOf[rows[i].Src]].Namespace, g.Peers[g.PeerOf[rows[i].Dst]].Namespace) {
			list = append(list, l.viewFlow(&rows[i]))
		}
	}
	slices.SortStableFunc(list, func(a, b flowView) int {
		return strings.Compare(a.Source+"\x00"+a.Destination, b.Source+"\x00"+b.Destination)
	})
	if o.format != "table" {
		return printObject(w, o.format, struct {
			header
			Flows []flowView `json:"flows"`
		}{newHeader("FlowList"), list})
	}
	return printFlows(w, list)
}

func printFlows(w io.Writer, list []flowView) error {
	t := newTable(w, "WINDOW", "SOURCE", "DESTINATION", "PORT", "VERDICT", "OBSERVER", "FATE", "RECORDS", "SOURCE POD", "DESTINATION POD")
	for _, v := range list {
		t.row(v.Window, v.Source, v.Destination, fmt.Sprintf("%d/%s", v.Port, v.Protocol), v.Verdict, v.Observer, strings.TrimSuffix(v.Fate+"/"+v.Reason, "/"), v.Records, v.SourcePod, v.DestinationPod)
	}
	return t.flush()
}

// openShown opens the store of a command that shows what is in it.
func openShown(dir, format string) (*store.Store, error) {
	if err := checkFormat(format); err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, usageError("--store DIR is needed")
	}
	return store.Open(dir)
}

// segmentView is a segment as printed: its times are text like all times.
type segmentView struct {
	store.Segment
	First string `json:"first"`
	Last  string `json:"last"`
}

func newShowSegments(s Streams) *cobra.Command {
	var dir, format string
	c := &cobra.Command{
		Use: "segments --store DIR", Short: "The segments of a store", Args: cobra.NoArgs,
		Example: "  sluice show segments --store flows",
		RunE: func(*cobra.Command, []string) error {
			st, err := openShown(dir, format)
			if err != nil {
				return err
			}
			segs := st.Segments()
			if format != "table" {
				list := []segmentView{}
				for _, g := range segs {
					list = append(list, segmentView{g, timestamp(g.First), timestamp(g.Last)})
				}
				return printObject(s.Out, format, struct {
					header
					Segments []segmentView `json:"segments"`
				}{newHeader("SegmentList"), list})
			}
			t := newTable(s.Out, "SEGMENT", "ROWS", "BYTES", "FIRST", "LAST")
			for _, g := range segs {
				t.row(g.Path, count(g.Rows), count(g.Bytes), timestamp(g.First), timestamp(g.Last))
			}
			return t.flush()
		},
	}
	c.Flags().StringVar(&dir, "store", "", "the store's `DIR`")
	c.Flags().StringVarP(&format, "output", "o", "table", "print as table, json or yaml")
	return c
}
