package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

const (
	apiVersion   = "sluice/v1"
	manifestKind = "Bundle"
)

// Manifest is what a bundle says of itself: every rule traced to the edges that asked for it. What changes only when a
// rule, an edge or a decision does is bundle.json, which is committed; counts, times and all that tells of one run are
// report.json beside it. Lists are sorted; the fields are additive within v1.
type Manifest struct {
	APIVersion   string       `json:"apiVersion"`
	Kind         string       `json:"kind"`
	Name         string       `json:"name"` // in the label that every object carries
	Dialect      string       `json:"dialect"`
	Cluster      string       `json:"cluster,omitempty"` // that the policies are for, where the log has several
	Options      Options      `json:"options"`
	Beside       *Beside      `json:"beside,omitempty"` // what the cluster has, and the bundle only adds to
	AsOf         string       `json:"asOf,omitempty"`   // the day that ages and decisions are counted to
	Inputs       Inputs       `json:"inputs,omitzero"`
	Stats        Stats        `json:"stats"`
	Namespaces   []Namespace  `json:"namespaces"`
	GlobalDeny   bool         `json:"globalDeny,omitempty"` // there is a default deny for all namespaces, those to come among them
	Subjects     []Subject    `json:"subjects"`
	Rules        []Rule       `json:"rules"`
	Edges        []Edge       `json:"edges"`
	Widenings    []Widening   `json:"widenings"`
	Findings     []Finding    `json:"findings"`
	Verification Verification `json:"verification"`
	// Files are those that people review, with their digests: what differs was changed by hand. Those of volatile
	// content are not among them.
	Files map[string]string `json:"files,omitempty"`

	places *Places        // nil: not read, not computed
	rank   map[string]int // by the places; nil: not computed
}

// Options are what was asked for.
type Options struct {
	LearnDenied   bool     `json:"learnDenied"`
	EnforceAnyway bool     `json:"enforceAnyway"`
	Widen         []string `json:"widen,omitempty"`
}

// Inputs are what was learned from. Digest depends on what was seen, not on its order.
type Inputs struct {
	Records     uint64 `json:"records"`
	Edges       int    `json:"edges"`
	Connections int    `json:"connections"`
	First       string `json:"first,omitempty"`
	Last        string `json:"last,omitempty"`
	Digest      string `json:"digest"`
}

// Stats are the sizes of the allow policies.
type Stats struct {
	Policies      int `json:"policies"`
	Rules         int `json:"rules"`
	Peers         int `json:"peers"`
	Ports         int `json:"ports"`
	SelectorTerms int `json:"selectorTerms"`
	Lines         int `json:"lines"` // of YAML
	// Matrices counts subjects and directions with rules, Proven those that cannot do with fewer; of them those whose
	// matrix is at least 3 by 3.
	Matrices    int `json:"matrices"`
	Proven      int `json:"proven"`
	Large       int `json:"largeMatrices"`
	LargeProven int `json:"largeProven"`
}

// Namespace says what of a namespace can be enforced.
type Namespace struct {
	Name      string     `json:"name"`
	Ingress   bool       `json:"ingress"`
	Egress    bool       `json:"egress"`
	Obstacles []Obstacle `json:"obstacles"`
	// IngressStatus and EgressStatus say why: proven, already-isolated, held, partial, forced, edited, not-watched,
	// blocked or lost.
	IngressStatus string `json:"ingressStatus"`
	EgressStatus  string `json:"egressStatus"`
	// WatchedFrom and WatchedTo are the first and last record of its pods, NewEdge when the latest of its edges was
	// seen for the first time.
	WatchedFrom string `json:"watchedFrom,omitempty"`
	WatchedTo   string `json:"watchedTo,omitempty"`
	NewEdge     string `json:"newEdge,omitempty"`
	// IsolatedToday says that policies deny in it already: nothing opens it, not even for a while.
	IsolatedToday bool `json:"isolatedToday,omitempty"`
	// Open are the ids of the rules that keep the other directions open, where something isolates pods in them.
	Open []string `json:"open,omitempty"`
}

// Isolated are the directions that the enforced form isolates whole.
func (n *Namespace) Isolated() []verify.Side {
	var out []verify.Side
	if n.Ingress && n.IngressStatus != synth.Partial.String() {
		out = append(out, verify.Side{Namespace: n.Name, Direction: model.Ingress})
	}
	if n.Egress && n.EgressStatus != synth.Partial.String() {
		out = append(out, verify.Side{Namespace: n.Name, Direction: model.Egress})
	}
	return out
}

// Obstacle keeps a direction from being enforced.
type Obstacle struct {
	Direction string `json:"direction"`
	Text      string `json:"text"`
}

// Subject is a workload that policies were learned for.
type Subject struct {
	Workload string            `json:"workload"`
	Selector map[string]string `json:"selector"`
	Merged   []string          `json:"merged,omitempty"` // owners that no stable label tells apart
	Rules    []string          `json:"rules"`
	Ingress  *Proof            `json:"ingress,omitempty"`
	Egress   *Proof            `json:"egress,omitempty"`
}

// Proof says how few the rules of a subject and direction are, those for DNS aside.
type Proof struct {
	Rules      int  `json:"rules"`
	LowerBound int  `json:"lowerBound"` // proven
	Proven     bool `json:"proven"`     // no fewer rules allow exactly what is needed
	Peers      int  `json:"peers"`      // of the matrix, peers with the same ports counted once
	Ports      int  `json:"ports"`      // of the matrix, ports of the same peers counted once
}

func proof(p synth.Proof) *Proof {
	if p.Rules == 0 {
		return nil
	}
	return &Proof{p.Rules, p.Bound, p.Proven(), p.Peers, p.Ports}
}

// Rule is a rule of the allow policies. Its id can be computed from the YAML.
type Rule struct {
	ID        string `json:"id"`
	Policy    string `json:"policy"`
	Direction string `json:"direction"`
	Text      string `json:"text"`
	Edges     []int  `json:"edges"`         // indices into Manifest.Edges: each stands for one edge or more
	New       bool   `json:"new,omitempty"` // the last change of the bundle brought it
}

// Edge is an edge with an end in one of the namespaces, and its evidence; or many that differ in their port or their
// outside address only, with the evidence of all.
type Edge struct {
	Source        string `json:"source"`
	Destination   string `json:"destination"`
	Port          string `json:"port"`
	Edges         int    `json:"edges,omitempty"` // how many they are, where it is more than one
	State         string `json:"state"`
	Grade         string `json:"grade,omitempty"` // how sure the evidence is, of one that was not denied or refused
	Doubt         string `json:"doubt,omitempty"` // why the grade is unknown
	Reason        string `json:"reason,omitempty"`
	Inexpressible bool   `json:"inexpressible,omitempty"`
	Accepted      bool   `json:"accepted,omitempty"` // denied or never answered, and allowed on purpose
	Decided       string `json:"decided,omitempty"`  // what people decided: reject or ignore
	*Seen
	Names []string `json:"names,omitempty"`
}

// Seen is how much was seen of an edge. It is empty where the report of the run is not at hand.
type Seen struct {
	Records        uint64   `json:"records"`
	DeniedRecords  uint64   `json:"deniedRecords,omitempty"`
	Connections    uint64   `json:"connections,omitempty"` // 0: the log does not show openings
	Hours          int      `json:"hours"`                 // in how many it was seen
	First          string   `json:"first"`
	Last           string   `json:"last"`
	Observers      []string `json:"observers"` // which records show it, the most telling first
	SourcePod      string   `json:"sourcePod,omitempty"`
	DestinationPod string   `json:"destinationPod,omitempty"`
}

// worked reports whether the edge was seen to work.
func (e *Edge) worked() bool {
	return e.State == graph.Allowed.String() || e.State == graph.Mixed.String()
}

// Widening is what was opened beside what was seen.
type Widening struct {
	Kind  string   `json:"kind"`
	Text  string   `json:"text"`
	Price int      `json:"price"` // connections never seen; the largest number where they are more
	Pairs []string `json:"pairs"`
	Opens []Opened `json:"opens,omitempty"` // the pairs, in the same order
	Rules []string `json:"rules,omitempty"` // that allow it, where it has no end of pairs
}

// Opened is a range of ports between two peers that is allowed without having been seen.
type Opened struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Protocol    string `json:"protocol"`
	First       uint16 `json:"first"`
	Last        uint16 `json:"last"`
}

// Finding is something a reviewer should know.
type Finding struct {
	Kind        string `json:"kind"`
	Severity    string `json:"severity"`
	Namespace   string `json:"namespace,omitempty"`
	Direction   string `json:"direction,omitempty"`
	Edge        *int   `json:"edge,omitempty"`
	Text        string `json:"text"`
	Detail      string `json:"detail,omitempty"` // how often and how long, which the next record may change
	Consequence string `json:"consequence"`
}

// Whole is the text with its detail.
func (f *Finding) Whole() string {
	if f.Detail == "" {
		return f.Text
	}
	return f.Text + " (" + f.Detail + ")"
}

// Verification is the replay of all flows through the enforced form.
type Verification struct {
	Semantics string `json:"semantics"`
	*Replayed
}

// Replayed is what the replay came to. It is empty where the report of the run is not at hand.
type Replayed struct {
	Connections    map[string]uint64 `json:"connections"`
	Records        map[string]uint64 `json:"records"`
	OverPermission int               `json:"overPermission"`
	Universe       int               `json:"universe"`
	UnusedRules    []string          `json:"unusedRules"`
}

// encode writes an object as JSON that people can compare line by line.
func encode(object any) ([]byte, error) {
	var w jsonWriter
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	return w.text, nil
}

func newManifest(in Input, report *verify.Report, files map[string][]byte, spaces []Namespace) *Manifest {
	g, r := in.Graph, in.Result
	m := &Manifest{
		APIVersion: apiVersion,
		Kind:       manifestKind,
		Name:       in.name(),
		Dialect:    r.Dialect.Name(),
		Cluster:    r.Cluster,
		Options:    Options{in.Config.LearnDenied, in.Config.EnforceAnyway, slices.Sorted(slices.Values(in.Config.Widen))},
		Beside:     in.InForce.beside(in.Config.Granted),
		AsOf:       day(g.AsOf),
		Inputs:     inputs(g),
		Stats: Stats{r.Stats.Policies, r.Stats.Rules, r.Stats.Peers, r.Stats.Ports, r.Stats.SelectorTerms, lines(files),
			r.Stats.Matrices, r.Stats.Proven, r.Stats.Large, r.Stats.LargeProven},
		Namespaces: spaces,
		Subjects:   []Subject{},
		Rules:      []Rule{},
		Edges:      []Edge{},
		Widenings:  []Widening{},
		Findings:   []Finding{},
	}
	index := m.edges(g, r)
	_, m.GlobalDeny = r.GlobalDeny()
	for _, s := range r.Subjects {
		w := &g.Workloads[s.Workload]
		m.Subjects = append(
			m.Subjects,
			Subject{w.ID, w.Selector, w.Merged, append([]string{}, s.Rules...), proof(s.Ingress), proof(s.Egress)},
		)
	}
	m.rules(r, index)
	m.widenings(g, r)
	m.findings(r, index)
	m.Verification = verification(report)
	return m
}

// namespaces says of each namespace with subjects what of it is enforced, and what no edge asks for in that form.
func namespaces(r *synth.Result, enforced policy.PolicySet) []Namespace {
	open := map[string][]string{}
	widened := r.WidenedRules()
	for i := range enforced.Policies {
		p := &enforced.Policies[i]
		for k := range p.Rules {
			if id := p.RuleID(k); len(r.RuleEdges[id]) == 0 && !widened[id] {
				open[p.Namespace] = append(open[p.Namespace], id)
			}
		}
	}
	list := []Namespace{}
	for _, name := range r.Namespaces() {
		e := r.Enforce[name]
		n := Namespace{Name: name, Ingress: e.Allows(model.Ingress), Egress: e.Allows(model.Egress),
			Obstacles: []Obstacle{}, Open: open[name],
			IngressStatus: e.Ingress.String(), EgressStatus: e.Egress.String(),
			WatchedFrom: model.StampSecond(e.Watched.First), WatchedTo: model.StampSecond(e.Watched.Last),
			NewEdge: model.StampSecond(e.Watched.NewEdge), IsolatedToday: r.IsolatedToday(name)}
		for _, o := range e.Why {
			n.Obstacles = append(n.Obstacles, Obstacle{o.Direction.String(), o.Text})
		}
		list = append(list, n)
	}
	return list
}

// edges lists the edges that have an end in one of the namespaces, alike ones in one row. The result says where each is
// in the manifest.
func (m *Manifest) edges(g *graph.Graph, r *synth.Result) map[graph.EdgeID]int {
	index := map[graph.EdgeID]int{}
	cannot, learned := r.Inexpressible(), r.Accepted()
	var listed []graph.EdgeID
	for i, e := range g.AllEdges() {
		src, dst := &g.Peers[e.Src], &g.Peers[e.Dst]
		_, from := r.Enforce[src.Namespace]
		_, to := r.Enforce[dst.Namespace]
		if from && src.Kind == model.KindPod || to && dst.Kind == model.KindPod {
			listed = append(listed, i)
		}
	}
	for _, row := range rowsOf(g, r, listed) {
		e, first := g.Sum(&row), row.Edges[0]
		for _, i := range row.Edges {
			index[i] = len(m.Edges)
		}
		many := 0
		if len(row.Edges) > 1 {
			many = len(row.Edges)
		}
		m.Edges = append(
			m.Edges,
			Edge{
				row.Source,
				row.Destination,
				row.Port,
				many,
				e.State.String(),
				e.GradeText(),
				e.Doubt.String(),
				e.Reason.String(),
				cannot[first],
				learned[first] && !e.State.Worked(),
				decided(r, first),
				&Seen{
					e.Records(),
					e.DeniedRecords,
					e.Conns,
					len(e.Windows),
					model.StampSecond(e.First),
					model.StampSecond(e.Last),
					e.Observers.Names(),
					e.SrcPod,
					e.DstPod,
				},
				e.Names,
			},
		)
	}
	return index
}

// decided is the word for what people decided of an edge, "" for nothing.
func decided(r *synth.Result, edge graph.EdgeID) string {
	if v, ok := r.Decided[edge]; ok {
		return v.String()
	}
	return ""
}

func (m *Manifest) rules(r *synth.Result, index map[graph.EdgeID]int) {
	set := r.Policies
	for _, ns := range r.Namespaces() {
		if p, ok := r.Beside(ns); ok {
			set = set.Add(p)
		}
	}
	if p, ok := r.GlobalDeny(); ok {
		set = set.Add(p)
	}
	for i := range set.Policies {
		p := &set.Policies[i]
		for j := range p.Rules {
			if p.Rules[j].Action != policy.Allow {
				continue // no edge asks for it
			}
			id := p.RuleID(j)
			told := map[int]bool{}
			rule := Rule{id, p.Namespace + "/" + p.Name, p.Rules[j].Direction.String(), p.Rules[j].String(), []int{}, false}
			for _, e := range r.RuleEdges[id] {
				if k := index[e]; !told[k] {
					told[k] = true
					rule.Edges = append(rule.Edges, k)
				}
			}
			m.Rules = append(m.Rules, rule)
		}
	}
}

func (m *Manifest) widenings(g *graph.Graph, r *synth.Result) {
	for _, w := range r.Widenings {
		out := Widening{Kind: w.Kind, Text: w.Text, Price: w.Price, Pairs: []string{}, Rules: w.Rules}
		opens := map[string]Opened{}
		for _, t := range w.Triples {
			src, dst := g.Peers[t.Src].ID, g.Peers[t.Dst].ID
			port := policy.Port{Proto: t.Proto, First: t.Port, Last: t.Last}
			opens[src+" -> "+dst+" "+port.String()] = Opened{src, dst, t.Proto.String(), t.Port, t.Last}
		}
		for _, pair := range slices.Sorted(maps.Keys(opens)) {
			out.Pairs = append(out.Pairs, pair)
			out.Opens = append(out.Opens, opens[pair])
		}
		m.Widenings = append(m.Widenings, out)
	}
}

func (m *Manifest) findings(r *synth.Result, index map[graph.EdgeID]int) {
	for _, f := range r.Findings {
		out := Finding{
			Kind:        string(f.Kind),
			Severity:    f.Severity.String(),
			Namespace:   f.Namespace,
			Text:        f.Text,
			Detail:      f.Detail,
			Consequence: f.Consequence,
		}
		if f.Direction != model.DirectionUnknown {
			out.Direction = f.Direction.String()
		}
		if i, ok := index[f.Edge]; ok {
			out.Edge = &i
		}
		m.Findings = append(m.Findings, out)
	}
}

func verification(r *verify.Report) Verification {
	v := Verification{r.Semantics.String(), &Replayed{map[string]uint64{}, map[string]uint64{}, r.Over.Count,
		r.Over.Universe, []string{}}}
	for i := range r.Connections {
		v.Connections[verify.Verdict(i).String()] = r.Connections[i]
		v.Records[verify.Verdict(i).String()] = r.Records[i]
	}
	for _, u := range r.Unused {
		v.UnusedRules = append(v.UnusedRules, u.ID)
	}
	slices.Sort(v.UnusedRules)
	return v
}
