package bundle

import (
	"context"
	"maps"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// describe writes what says of a bundle what it is: the manifest, the reviews, and the report of this run.
func describe(ctx context.Context, dir string, in Input, w *written, before *Former) (*Manifest, error) {
	m := newManifest(in, &w.report, w.lines, w.spaces)
	m.Files = w.files
	t := &texts{on: in.on(), dir: dir, place: w.place, digests: map[string]string{}}
	if err := reviews(ctx, in, m, w, before, t); err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{ignoreFile: ignored(in.CommitEvidence), attributesFile: []byte(attributes)} {
		if err := t.write(name, text); err != nil {
			return nil, err
		}
	}
	maps.Copy(m.Files, t.digests)
	in.on().Ahead(dir, w.place.made(m.Files))
	c, err := m.stable(before)
	if err != nil {
		return nil, err
	}
	digest, err := writeJSON(in.on(), dir, ManifestFile, c)
	if err != nil {
		return nil, err
	}
	_, err = writeJSON(in.on(), dir, ReportData, m.reportOf(digest, in.Run))
	return m, err
}

const attributes = ManifestFile + " linguist-generated\n" + PlacesFile + " linguist-generated\n" +
	PictureFile + " linguist-generated\n*.yaml linguist-generated=false\n"

// ignored keeps out of Git what every run changes.
func ignored(withEvidence bool) []byte {
	text := "# What every run changes: the text of the pull request and an artifact of CI.\n/" +
		ReportFile + "\n/" + ReportData + "\n"
	if !withEvidence {
		text += "/" + EvidenceDir + "/\n"
	}
	return []byte(text)
}

func proof(p synth.Proof) *Proof {
	if p.Rules == 0 {
		return nil
	}
	return &Proof{p.Rules, p.Bound, p.Proven(), p.Peers, p.Ports}
}

func newManifest(in Input, report *verify.Report, lines int, spaces []Namespace) *Manifest {
	g, r := in.Graph, in.Result
	m := &Manifest{
		APIVersion: apiVersion,
		Kind:       manifestKind,
		Name:       in.name(),
		Dialect:    r.Dialect.Name(),
		Cluster:    r.Cluster,
		LogCluster: in.LogCluster,
		Options: Options{in.Config.All, in.Config.LearnDenied, in.Config.EnforceAnyway,
			slices.Sorted(slices.Values(in.Config.Widen))},
		Beside: in.InForce.beside(in.Config.Granted),
		AsOf:   day(g.AsOf),
		Stats: Stats{r.Stats.Policies, r.Stats.Rules, r.Stats.Peers, r.Stats.Ports, r.Stats.SelectorTerms, lines,
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
	m.Inputs = in.inputs()
	return m
}

// namespaces says of each namespace with subjects what of it is enforced, and what no edge asks for in that form.
func namespaces(r *synth.Result, enforced policy.PolicySet) []Namespace {
	open := map[string][]string{}
	widened := r.WidenedRules()
	learned := map[[2]string]bool{} // each rule of them has an edge
	for i := range r.Policies.Policies {
		learned[[2]string{r.Policies.Policies[i].Namespace, r.Policies.Policies[i].Name}] = true
	}
	for i := range enforced.Policies {
		p := &enforced.Policies[i]
		if learned[[2]string{p.Namespace, p.Name}] {
			continue
		}
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

// rowOf says where in a manifest each edge of a graph is, none where it is not.
type rowOf []int

const none = -1

// edges lists the edges that have an end in one of the namespaces, alike ones in one row. The result says where each is
// in the manifest.
func (m *Manifest) edges(g *graph.Graph, r *synth.Result) rowOf {
	index := slices.Repeat(rowOf{none}, len(g.Edges))
	cannot, learned := r.Inexpressible(), r.Accepted()
	listed := make([]graph.EdgeID, 0, len(g.Edges))
	for i, e := range g.AllEdges() {
		src, dst := &g.Peers[e.Src], &g.Peers[e.Dst]
		_, from := r.Enforce[src.Namespace]
		_, to := r.Enforce[dst.Namespace]
		if from && src.Kind == model.KindPod || to && dst.Kind == model.KindPod {
			listed = append(listed, i)
		}
	}
	rows := rowsOf(g, r, listed)
	m.Edges = make([]Edge, len(rows))
	seen := make([]Seen, len(rows))
	for n := range rows {
		for _, i := range rows[n].Edges {
			index[i] = n
		}
	}
	model.Each(len(rows), func(n int) {
		row := &rows[n]
		e, first := g.Sum(row), row.Edges[0]
		many := 0
		if len(row.Edges) > 1 {
			many = len(row.Edges)
		}
		seen[n] = Seen{e.Records(), e.DeniedRecords, e.Conns, len(e.Windows), model.StampSecond(e.First),
			model.StampSecond(e.Last), e.Observers.Names(), e.SrcPod, e.DstPod}
		m.Edges[n] = Edge{
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
			&seen[n],
			e.Names,
		}
	})
	return index
}

func (m *Manifest) rules(r *synth.Result, index rowOf) {
	set := r.Policies
	for _, ns := range r.Namespaces() {
		if p, ok := r.Beside(ns); ok {
			set = set.Add(p)
		}
	}
	if p, ok := r.GlobalDeny(); ok {
		set = set.Add(p)
	}
	of := make([][]Rule, len(set.Policies))
	model.Each(len(of), func(i int) { of[i] = rulesOf(r, &set.Policies[i], index) })
	m.Rules = append(m.Rules, slices.Concat(of...)...)
}

// rulesOf are the rules of a policy, with the rows of their edges.
func rulesOf(r *synth.Result, p *policy.Policy, index rowOf) []Rule {
	out := make([]Rule, 0, len(p.Rules))
	for j := range p.Rules {
		if p.Rules[j].Action != policy.Allow {
			continue // no edge asks for it
		}
		id := p.RuleID(j)
		out = append(out, Rule{id, p.Namespace + "/" + p.Name, p.Rules[j].Direction.String(), p.Rules[j].String(),
			index.rows(r.RuleEdges[id]), false})
	}
	return out
}

// rows are those of some edges, in their order and each once.
func (x rowOf) rows(edges []graph.EdgeID) []int {
	out := make([]int, 0, len(edges))
	told := map[int]bool{}
	for _, e := range edges {
		k := x[e]
		if n := len(out); k == none || n > 0 && (out[n-1] == k || n > 1 && told[k]) {
			continue
		}
		if out = append(out, k); len(edges) > 2 {
			told[k] = true
		}
	}
	return out
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

func (m *Manifest) findings(r *synth.Result, index rowOf) {
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
		if f.Edge >= 0 && index[f.Edge] != none {
			out.Edge = &index[f.Edge]
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
