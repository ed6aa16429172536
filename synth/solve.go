package synth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/cover"
	"sluice/synth/policy"
)

// learnedRule is a rule with the edges that ask for it.
type learnedRule struct {
	policy.Rule
	edges []graph.EdgeID
}

// solver makes rules of needs.
type solver struct {
	*scope
	*translator
	*speech
	*resolvers
	domains domains                     // with WidenSuffixes
	base    map[string][]*policy.Policy // of the former bundle, by namespace
}

func newSolver(s *scope, t *translator, sp *speech, r *resolvers) *solver {
	v := &solver{scope: s, translator: t, speech: sp, resolvers: r, domains: domainsAsked(s)}
	v.base = map[string][]*policy.Policy{}
	for i := range s.cfg.Base.Policies {
		p := &s.cfg.Base.Policies[i]
		v.base[p.Namespace] = append(v.base[p.Namespace], p)
	}
	return v
}

// rules makes the fewest rules of one subject and direction that allow exactly its needs. Where the dialect divides
// them, each class has rules of its own.
func (v *solver) rules(dir model.Direction, needs []need) ([]learnedRule, Proof) {
	var out []learnedRule
	var sum Proof
	for _, part := range v.classes(needs) {
		rules, p := v.rectangles(dir, part)
		out = append(out, rules...)
		sum.Rules, sum.Bound = sum.Rules+p.Rules, sum.Bound+p.Bound
		if p.Peers*p.Ports > sum.Peers*sum.Ports {
			sum.Peers, sum.Ports = p.Peers, p.Ports
		}
	}
	return out, sum
}

// rectangles makes the fewest rules for needs that can stand in one: they are the ones of a matrix of peers and ports,
// and a rule is a rectangle of it.
func (v *solver) rectangles(dir model.Direction, needs []need) ([]learnedRule, Proof) {
	m := newMatrix(needs)
	m.names = v.namesOf(needs)
	c := cover.Cover(m.rows, cover.Options{Base: v.former(dir, needs, m)})
	proof := Proof{Rules: len(c.Rects), Bound: c.Bound, Peers: c.Rows, Ports: c.Cols}
	var out []learnedRule
	for _, rect := range c.Rects {
		r := learnedRule{Rule: policy.Rule{Direction: dir, Ports: m.portsOf(rect.Cols)}}
		var peers []graph.PeerID
		for _, i := range rect.Rows {
			peers = append(peers, m.peers[i])
			for _, k := range rect.Cols {
				r.edges = append(r.edges, m.edges[[2]int{i, k}]...)
			}
		}
		r.Peers = v.peersOf(needs[0].namespace, peers, m.names)
		out = append(out, r)
	}
	return out, proof
}

// classes divides needs into those that the dialect can say in one rule, in a fixed order.
func (v *solver) classes(needs []need) [][]need {
	if !v.divides() {
		return [][]need{needs}
	}
	names := v.namesOf(needs)
	byClass := map[int][]need{}
	for _, n := range needs {
		c := v.class(v.peersOf(n.namespace, []graph.PeerID{n.peer}, names)[0], policy.OnePort(n.proto, n.port))
		byClass[c] = append(byClass[c], n)
	}
	var out [][]need
	for _, c := range slices.Sorted(maps.Keys(byClass)) {
		out = append(out, byClass[c])
	}
	return out
}

// named returns the names by which a need's destination is allowed: those that its source asked for and whose answers
// the dialect can let a resolver's client use. Without a query in the log no rule would let the names be learned.
func (v *solver) named(n need) []string {
	if n.dir != model.Egress || v.g.Peers[n.peer].Kind != model.KindAddress || !v.asking[n.subject] || n.edge < 0 {
		return nil
	}
	var out []string
	for _, name := range v.g.Edges[n.edge].Names {
		name = v.domains.widened(n.subject, strings.TrimSuffix(strings.ToLower(name), "."))
		if v.says(policy.Rule{Direction: n.dir, Peers: namePeers([]string{name}), AnyPort: true}) {
			out = append(out, name)
		}
	}
	return out
}

// namesOf returns the names of the peers that are allowed by name, sorted, for needs of equal subjects: where one
// port of a peer has names, all have.
func (v *solver) namesOf(needs []need) map[graph.PeerID][]string {
	out := map[graph.PeerID][]string{}
	for _, n := range needs {
		if names := v.named(n); len(names) > 0 {
			out[n.peer] = append(out[n.peer], names...)
		}
	}
	for i, names := range out {
		slices.Sort(names)
		out[i] = slices.Compact(names)
	}
	return out
}

// former returns the rules of the former bundle as rectangles of the matrix, as far as they still are some, and those
// that they may be parts of.
func (v *solver) former(dir model.Direction, needs []need, m *matrix) []cover.Rect {
	if len(needs) == 0 {
		return nil
	}
	w := &v.g.Workloads[needs[0].subject]
	var out []cover.Rect
	for _, p := range v.base[w.Namespace] {
		if !p.Subject.Matches(w.Common) {
			continue
		}
		for i := range p.Rules {
			r := &p.Rules[i]
			if r.Direction != dir || r.AnyPeer || r.AnyPort {
				continue
			}
			if rect := v.rectangle(w.Namespace, r, m); len(rect.Rows) > 0 && len(rect.Cols) > 0 {
				out = append(out, rect)
			}
		}
	}
	return append(out, rejoined(out)...)
}

// rejoined returns the rectangles that the form of the dialect may have divided into some: all rows that have the
// columns of one.
func rejoined(rects []cover.Rect) (out []cover.Rect) {
	rows, tried := map[int]map[int]bool{}, map[string]bool{} // those of each column; columns
	for _, r := range rects {
		for _, c := range r.Cols {
			if rows[c] == nil {
				rows[c] = map[int]bool{}
			}
			for _, row := range r.Rows {
				rows[c][row] = true
			}
		}
	}
	for _, r := range rects {
		key := fmt.Sprint(r.Cols)
		if tried[key] {
			continue
		}
		tried[key] = true
		all := slices.Sorted(maps.Keys(rows[r.Cols[0]]))
		for _, c := range r.Cols[1:] {
			all = slices.DeleteFunc(all, func(row int) bool { return !rows[c][row] })
		}
		out = append(out, cover.Rect{Rows: all, Cols: r.Cols})
	}
	return out
}

// rectangle returns the peers and ports of a matrix that a rule names.
func (v *solver) rectangle(ns string, r *policy.Rule, m *matrix) cover.Rect {
	var rect cover.Rect
	for i, peer := range m.peers {
		if slices.ContainsFunc(r.Peers, func(p policy.Peer) bool {
			return p.Kind == policy.PeerFQDN && slices.Contains(m.names[peer], p.Name) || v.means(ns, &p, peer)
		}) {
			rect.Rows = append(rect.Rows, i)
		}
	}
	for k, s := range m.services {
		if slices.ContainsFunc(r.Ports, func(p policy.Port) bool {
			return p.Proto == s.proto && p.Name == "" && p.First <= s.port && s.last <= p.Last
		}) {
			rect.Cols = append(rect.Cols, k)
		}
	}
	return rect
}
