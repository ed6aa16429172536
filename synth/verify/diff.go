package verify

import (
	"cmp"
	"context"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Difference is what two sets of policies decide differently over the universe: everything seen, what was not seen
// but could come, and what the policies that differ name.
type Difference struct {
	Changes []Change // by source, destination and port
	// Isolation are the ends that one of the sets isolates and the other does not.
	Isolation []Isolation
	// Alike names policies whose text differs though nothing that was asked decides differently.
	Alike []string
	Moved []Move // rules that stand in another policy
	// Lifted are ends of edges at which all requests pass and some alone did, Requests policies that let other requests
	// pass: both are found by who reads the files, as no rule here knows of requests.
	Lifted, Requests []string
	// Unenforced are policies of the new set of kinds that the plugin does not read, found by who knows of it.
	Unenforced []string
	Semantics  eval.Semantics
	Universe   int  // connections compared
	TooMany    bool // there are more than Config.Most, and none was compared
}

// Same reports whether nothing is decided differently.
func (d *Difference) Same() bool {
	return len(d.Changes)+len(d.Isolation)+len(d.Lifted)+len(d.Requests) == 0 && !d.TooMany
}

// Change is a connection that one set allows and the other does not.
type Change struct {
	Src, Dst string // ids of the peers, or what stands for ends never seen
	Port     string // "5432/tcp"
	From, To eval.Outcome
	// Edge is what was seen of it, -1 where nothing was.
	Edge   graph.EdgeID
	Before string // what decides it in the old set, in words
	After  string
}

// Isolation is a change of what is denied where no rule speaks.
type Isolation struct {
	End       string
	Direction model.Direction
	Isolated  bool // in the new set
}

// Move is a rule that keeps its id and stands in another policy.
type Move struct{ ID, From, To string }

// Diff compares two sets. What is not known for sure is an outcome of its own: a change to or from it is one.
func Diff(ctx context.Context, g *graph.Graph, before, after policy.PolicySet, cfg Config) (Difference, error) {
	d := differ{g: g, most: cfg.Most, after: eval.New(after, cfg.Semantics),
		names: map[nameTriple]graph.EdgeID{}, named: map[graph.PeerID]map[triple]graph.EdgeID{},
		isolation: map[Isolation]bool{}}
	only, all := changed(before, after), !sameAround(before, after)
	if cfg.Most > 0 && d.exceeds(g, only[1], all, cfg) {
		return Difference{TooMany: true}, nil
	}
	d.before = eval.New(before, cfg.Semantics)
	both := eval.New(joined(before, after), cfg.Semantics)
	d.u = newUniverse(g, both, cfg)
	d.u.name(both, asked([2]policy.PolicySet{before, after}, only, all))
	for _, m := range d.u.members {
		d.ends = append(d.ends, [2]*eval.End{d.before.End(m.end.Facts), d.after.End(m.end.Facts)})
	}
	for i, e := range g.AllEdges() {
		p := port{e.Proto, e.Port}
		d.names[nameTriple{g.Peers[e.Src].ID, g.Peers[e.Dst].ID, p}] = i
		if len(e.Names) > 0 && g.Peers[e.Dst].Kind == model.KindAddress {
			if d.named[e.Dst] == nil {
				d.named[e.Dst] = map[triple]graph.EdgeID{}
			}
			d.named[e.Dst][triple{e.Src, e.Dst, p}] = i
		}
	}
	if err := d.compare(ctx, only, all); err != nil {
		return Difference{}, err
	}
	return d.result(before, after), nil
}

// exceeds reports whether it is too much already by what policies of the new set touch of what was seen: nothing that
// the old one knows makes that less.
func (d *differ) exceeds(g *graph.Graph, changed map[int]bool, all bool, cfg Config) bool {
	if !all && len(changed)*len(g.Peers) < d.most/2 { // it costs a part of comparing
		return false
	}
	u := newUniverse(g, d.after, cfg)
	var touched [2][]bool // ingress, egress
	for side, dir := range policy.Directions() {
		touched[side] = make([]bool, len(u.members))
		for i := range u.members {
			touched[side][i] = all ||
				slices.ContainsFunc(u.members[i].end.Policies(dir), func(p int) bool { return changed[p] })
		}
	}
	return pairsOf(touched)*len(u.ports) > d.most
}

// asked are the policies whose words may decide something differently.
func asked(sets [2]policy.PolicySet, only [2]map[int]bool, all bool) []policy.Policy {
	var out []policy.Policy
	for n, set := range sets {
		for i := range set.Policies {
			if all || only[n][i] {
				out = append(out, set.Policies[i])
			}
		}
	}
	return out
}

// joined is the set of both, for what they ask of ends.
func joined(a, b policy.PolicySet) policy.PolicySet {
	var out policy.PolicySet
	out.Join(a)
	out.Join(b)
	return out
}

type differ struct {
	g             *graph.Graph
	u             *universe
	before, after *eval.Evaluator
	ends          [][2]*eval.End // by member: before, after
	names         map[nameTriple]graph.EdgeID
	named         map[graph.PeerID]map[triple]graph.EdgeID // by address, the edges whose clients asked for names of it
	changes       []Change
	isolation     map[Isolation]bool
	count         int
	most          int // of count, 0 for all
	tooMany       bool
}

// changed lists for each set the policies that the other does not have, by their indices.
func changed(before, after policy.PolicySet) [2]map[int]bool {
	type name struct{ namespace, name string }
	left := map[name][]int{} // of before, not met in after yet
	for i := range before.Policies {
		n := name{before.Policies[i].Namespace, before.Policies[i].Name}
		left[n] = append(left[n], i)
	}
	out := [2]map[int]bool{{}, {}}
	for i := range after.Policies {
		n := name{after.Policies[i].Namespace, after.Policies[i].Name}
		same := slices.IndexFunc(left[n], func(j int) bool { return equal(before.Policies[j], after.Policies[i]) })
		if same < 0 {
			out[1][i] = true
			continue
		}
		left[n] = slices.Delete(left[n], same, same+1)
	}
	for _, list := range left {
		for _, i := range list {
			out[0][i] = true
		}
	}
	return out
}

func equal(a, b policy.Policy) bool {
	return policy.PolicySet{Policies: []policy.Policy{a}}.Equal(policy.PolicySet{Policies: []policy.Policy{b}})
}

// sameAround reports whether what policies lean on is the same in both sets: tiers, networks, and manifests that none
// or both have.
func sameAround(a, b policy.PolicySet) bool {
	around := func(s policy.PolicySet) policy.PolicySet {
		return policy.PolicySet{Tiers: s.Tiers, Networks: s.Networks}
	}
	return around(a).Equal(around(b)) && a.Manifests.Empty() && b.Manifests.Empty()
}

// compare asks both sets for every connection that has an end which a changed policy may select, or for all.
func (d *differ) compare(ctx context.Context, only [2]map[int]bool, all bool) error {
	var touched [2][]bool // ingress, egress
	for i := range touched {
		touched[i] = make([]bool, len(d.u.members))
	}
	for m := range d.u.members {
		for side, dir := range []model.Direction{model.Ingress, model.Egress} {
			touched[side][m] = all
			for set := range 2 {
				for _, p := range d.ends[m][set].Policies(dir) {
					touched[side][m] = touched[side][m] || only[set][p]
				}
			}
			d.isolated(m, dir)
		}
	}
	if d.tooMany = d.most > 0 && pairsOf(touched)*len(d.u.ports) > d.most; d.tooMany {
		return nil
	}
	every := make([]int, len(d.u.members)) // a list of thousands of addresses has as many ends that nothing touches
	var entered []int
	for m := range every {
		if every[m] = m; touched[0][m] {
			entered = append(entered, m)
		}
	}
	for src := range d.u.members {
		if err := ctx.Err(); err != nil {
			return err
		}
		reached := entered
		if touched[1][src] {
			reached = every
		}
		for _, dst := range reached {
			d.pair(src, dst)
		}
	}
	return nil
}

// pairsOf counts the pairs of ends whose source is touched for egress, or whose destination is for ingress.
func pairsOf(touched [2][]bool) int {
	n, in, out := len(touched[0]), 0, 0
	for i := range n {
		in += b2i(touched[0][i])
		out += b2i(touched[1][i])
	}
	return n*(in+out) - in*out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *differ) isolated(m int, dir model.Direction) {
	was, is := d.ends[m][0].Isolated(dir), d.ends[m][1].Isolated(dir)
	if was != is {
		d.isolation[Isolation{d.u.members[m].name, dir, is == model.Yes}] = true
	}
}

// outcome is one answer for a connection.
func outcome(x eval.Decision) eval.Outcome {
	switch {
	case x.Allowed:
		return eval.Allowed
	case x.Unknown:
		return eval.Unknown
	}
	return eval.Denied
}

func (d *differ) pair(src, dst int) {
	a, b := d.ends[src], d.ends[dst]
	named := d.named[d.u.members[dst].peer]
	for _, p := range d.u.ports {
		d.count++
		b := b
		if i, ok := named[triple{d.u.members[src].peer, d.u.members[dst].peer, p}]; ok {
			b = d.asked(dst, i)
		}
		was := d.before.Decide(a[0], b[0], p.proto, p.port)
		is := d.after.Decide(a[1], b[1], p.proto, p.port)
		from, to := outcome(was), outcome(is)
		if from == to {
			continue
		}
		e := graph.Edge{Proto: p.proto, Port: p.port}
		c := Change{
			Src:    d.u.members[src].name,
			Dst:    d.u.members[dst].name,
			Port:   e.PortString(),
			From:   from,
			To:     to,
			Edge:   -1,
			Before: d.before.Why(was),
			After:  d.after.Why(is),
		}
		if i, ok := d.names[nameTriple{c.Src, c.Dst, p}]; ok {
			c.Edge = i
		}
		d.changes = append(d.changes, c)
	}
}

// asked are the ends, before and after, of an address with the names that the client of an edge asked for and got it.
func (d *differ) asked(dst int, edge graph.EdgeID) [2]*eval.End {
	f := d.u.members[dst].end.Facts
	f.Names = d.g.Edges[edge].Names
	return [2]*eval.End{d.before.End(f), d.after.End(f)}
}

func compareChanges(a, b Change) int {
	return cmp.Or(
		cmp.Compare(a.Src, b.Src),
		cmp.Compare(a.Dst, b.Dst),
		cmp.Compare(a.Port, b.Port),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.Before, b.Before),
		cmp.Compare(a.After, b.After),
	)
}

func (d *differ) result(before, after policy.PolicySet) Difference {
	out := Difference{Changes: d.changes, Universe: d.count, TooMany: d.tooMany}
	slices.SortFunc(out.Changes, compareChanges)
	out.Changes = slices.CompactFunc(out.Changes, func(a, b Change) bool {
		return a.Src == b.Src && a.Dst == b.Dst && a.Port == b.Port && a.From == b.From && a.To == b.To
	})
	for i := range d.isolation {
		out.Isolation = append(out.Isolation, i)
	}
	slices.SortFunc(out.Isolation, func(a, b Isolation) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Direction, b.Direction))
	})
	out.Moved = moved(before, after)
	if out.Same() {
		out.Alike = differing(before, after)
	}
	return out
}

// placed lists the rules of a set by id, with the policies that they stand in.
func placed(set policy.PolicySet) map[string][]string {
	out := map[string][]string{}
	for i := range set.Policies {
		p := &set.Policies[i]
		for j := range p.Rules {
			id := p.RuleID(j)
			out[id] = append(out[id], p.Namespace+"/"+p.Name)
		}
	}
	return out
}

// moved lists the rules that both sets have, each in one policy, and not in the same.
func moved(before, after policy.PolicySet) []Move {
	was := placed(before)
	var out []Move
	for id, in := range placed(after) {
		if from := was[id]; len(from) == 1 && len(in) == 1 && from[0] != in[0] {
			out = append(out, Move{id, from[0], in[0]})
		}
	}
	slices.SortFunc(out, func(a, b Move) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// differing names the policies that are not the same in both sets.
func differing(before, after policy.PolicySet) []string {
	only := changed(before, after)
	var out []string
	for set, list := range [2][]policy.Policy{before.Policies, after.Policies} {
		for i := range list {
			if only[set][i] {
				out = append(out, list[i].Namespace+"/"+list[i].Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
