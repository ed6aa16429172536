package review

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/run"
	"sluice/synth/bundle"
	"sluice/synth/decision"
	"sluice/synth/layout"
	"sluice/synth/readiness"
	"sluice/synth/verify"
)

// gather makes the page.
func gather(ctx context.Context, in *Input) (*Page, error) {
	b := in.Policies.Bundle
	p := &Page{APIVersion: "sluice/v1", Kind: "ReviewPage", Name: b.Name, Dialect: b.Dialect, Cluster: b.Cluster,
		AsOf: b.AsOf, ReadOnly: in.ReadOnly, Evidence: in.Log != nil, Seen: b.Inputs.Records > 0, By: in.By,
		Strings: []string{}, Namespaces: b.Namespaces, Findings: b.Findings, Lost: []Case{}, Decisions: []Decision{},
		Saved: []Decision{}, Removed: []int{}, Backtest: []Cut{}, Causes: []string{}, Peers: []Peer{}, Groups: []Group{},
		Rules:    []Rule{},
		Policies: []Policy{}, Edges: noEdges(), files: map[string]string{}}
	if !in.ReadOnly {
		p.Config = in.Config.Path
	}
	k := &making{in: in, m: b, page: p, texts: map[string]int{}, peers: map[string]int{}}
	for _, step := range []func(context.Context) error{k.answer, k.edges, k.rules, k.places, k.decisions, k.backtest} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	k.ready()
	k.widenings()
	return p, nil
}

// answer replays the evidence through the files as they are now; without it, the page shows what learn found.
func (k *making) answer(ctx context.Context) error {
	v, a := &k.m.Verification, &k.page.Answer
	*a = Answer{Connections: v.Connections, OverPermission: v.OverPermission, Universe: v.Universe,
		UnusedRules: len(v.UnusedRules), Edited: append([]string{}, k.in.Policies.Hands.Changed()...), Problems: []string{}}
	for _, p := range k.in.Policies.Problems {
		a.Problems = append(a.Problems, p.Error())
	}
	if k.in.Log == nil {
		return nil
	}
	r, err := run.Verify(ctx, k.in.Log, k.in.Policies, run.VerifyConfig{CNI: v.Semantics})
	if err != nil {
		return err
	}
	a.Connections, a.OverPermission, a.Universe = map[string]uint64{}, r.Over.Count, r.Over.Universe
	a.UnusedRules = len(r.Unused)
	for i, n := range r.Connections {
		a.Connections[verify.Verdict(i).String()] = n
	}
	for _, c := range r.Cases {
		k.page.Lost = append(k.page.Lost, Case{c.Verdict.String(), c.Src, c.Dst, c.Port, c.Connections, c.Why})
	}
	return nil
}

// edges turns the edges of the bundle into lists, and collects their ends.
func (k *making) edges(context.Context) error {
	for _, id := range k.m.Ends() {
		_, pod := layout.GroupOf(id)
		k.peers[id] = len(k.page.Peers)
		k.page.Peers = append(k.page.Peers, Peer{ID: id, Pod: pod})
	}
	for i := range k.m.Subjects {
		s := &k.m.Subjects[i]
		k.page.Peers[k.peers[s.Workload]].Selector = s.Selector
	}
	for i := range k.m.Edges {
		k.edge(&k.m.Edges[i])
	}
	return nil
}

// noEdges has empty lists: the page takes none for one that is not there.
func noEdges() Edges {
	n := func() []int { return []int{} }
	return Edges{n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), []uint64{}, []uint64{}, n(), []int64{},
		[]int64{}, n(), n()}
}

func (k *making) edge(e *bundle.Edge) {
	out := &k.page.Edges
	out.Source = append(out.Source, k.peers[e.Source])
	out.Destination = append(out.Destination, k.peers[e.Destination])
	for _, f := range []struct {
		list *[]int
		text string
	}{{&out.Port, e.Port}, {&out.State, e.State}, {&out.Grade, e.Grade}, {&out.Doubt, e.Doubt}, {&out.Reason, e.Reason},
		{&out.Decided, e.Decided}, {&out.Observers, strings.Join(e.Observers, ", ")},
		{&out.Names, strings.Join(e.Names, ", ")}, {&out.SourcePod, e.SourcePod}, {&out.DestPod, e.DestinationPod}} {
		*f.list = append(*f.list, k.text(f.text))
	}
	out.Records = append(out.Records, e.Records)
	out.Connections = append(out.Connections, e.Connections)
	out.Hours = append(out.Hours, e.Hours)
	out.First, out.Last = append(out.First, seconds(e.First)), append(out.Last, seconds(e.Last))
	flags := 0
	if e.Inexpressible {
		flags |= 1
	}
	if e.Accepted {
		flags |= 2
	}
	out.Flags = append(out.Flags, flags)
}

// seconds is the time of a stamp, 0 for none.
func seconds(stamp string) int64 {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return 0
	}
	return t.Unix()
}

// places takes over where the bundle has its peers.
func (k *making) places(context.Context) error {
	places := k.m.Places()
	for n := range places.Groups {
		g := &places.Groups[n]
		subject := slices.ContainsFunc(k.m.Namespaces, func(n bundle.Namespace) bool { return n.Name == g.Name })
		box := g.Box(layout.OpenBox, g.Name)
		out := Group{g.Name, subject, box.X, box.Y, box.Width, box.Height, []int{}}
		for _, p := range g.Peers {
			i, at := k.peers[p.ID], g.Shape(&p)
			k.page.Peers[i].Group, k.page.Peers[i].X, k.page.Peers[i].Y = n, at.X, at.Y
			out.Peers = append(out.Peers, i)
		}
		k.page.Groups = append(k.page.Groups, out)
	}
	return nil
}

// decisions lists those of the configuration, and the edges that each is the first to name.
func (k *making) decisions(context.Context) error {
	edges := &k.page.Edges
	edges.Decision = slices.Repeat([]int{-1}, len(k.m.Edges))
	if k.in.Config == nil {
		return nil
	}
	list, err := k.in.Config.Decisions()
	if err != nil || len(list) == 0 {
		return err
	}
	for i := range list {
		k.page.Decisions = append(k.page.Decisions, shown(&list[i]))
	}
	book, err := decision.New(list)
	if err != nil {
		return err
	}
	for i := range k.m.Edges {
		if n, ok := book.Of(edgeOf(&k.m.Edges[i])); ok {
			edges.Decision[i] = n
		}
	}
	return nil
}

// edgeOf is an edge of a bundle as decisions are matched with it.
func edgeOf(e *bundle.Edge) *decision.Edge {
	out := &decision.Edge{Source: e.Source, Destination: e.Destination, Names: e.Names,
		SourceAddress: addressOf(e.Source), DestinationAddress: addressOf(e.Destination)}
	if proto, first, _, err := decision.Ports(e.Port); err == nil {
		out.Proto, out.Port = proto, first
	}
	return out
}

// addressOf is the address in the name of an outside peer; the zero value where it has none.
func addressOf(id string) netip.Addr {
	text, ok := strings.CutPrefix(id, "world:")
	if !ok {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(text)
	return a
}

// shown is a decision as the page has it.
func shown(d *decision.Decision) Decision {
	out := Decision{d.Source, d.Destination, d.Port, d.Verdict.String(), d.Reason, d.By, ""}
	if !d.Until.IsZero() {
		out.Until = d.Until.Format(time.DateOnly)
	}
	return out
}

// backtest asks what would have been lost, had the rest been denied earlier.
func (k *making) backtest(context.Context) error {
	l := k.in.Log
	if l == nil || l.Usable() != nil {
		return nil
	}
	cfg := run.ReadyConfig{Cluster: k.m.Cluster}
	for i := range k.m.Namespaces {
		cfg.Namespaces = append(cfg.Namespaces, k.m.Namespaces[i].Name)
	}
	span := time.Duration(l.Graph.Last-l.Graph.First) * time.Microsecond
	b, err := l.Backtest(cfg, max(time.Hour, (span/cuts).Round(time.Hour)))
	if err != nil {
		return err
	}
	for c := range readiness.NumCauses {
		k.page.Causes = append(k.page.Causes, c.String())
	}
	for i := range b.Cuts {
		c := &b.Cuts[i]
		k.page.Backtest = append(k.page.Backtest,
			Cut{c.At / int64(time.Second/time.Microsecond), c.Known, append([]int{}, c.Edges[:]...)})
	}
	return nil
}

// cuts is how many times of a backtest are drawn, at most.
const cuts = 60

// ready takes over what the run of learn said of each workload.
func (k *making) ready() {
	report, err := bundle.ReadReport(k.in.Dir)
	if err != nil || report == nil {
		return // it is not committed
	}
	for _, r := range report.Run.Ready {
		if i, ok := k.peers[r.Workload]; ok {
			k.page.Peers[i].Ready = append(k.page.Peers[i].Ready, Ready{r.Direction, r.State, r.Chance, r.Why})
		}
	}
}

func (k *making) widenings() {
	const pairs = 200
	k.page.Widenings = []Widening{}
	for _, w := range k.m.Widenings {
		k.page.Widenings = append(k.page.Widenings,
			Widening{w.Kind, w.Text, w.Price, append([]string{}, w.Pairs[:min(pairs, len(w.Pairs))]...), w.Rules})
	}
	slices.SortStableFunc(k.page.Widenings, func(a, b Widening) int { return cmp.Compare(b.Price, a.Price) })
}
