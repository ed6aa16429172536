package synth

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// watchedOf returns how long every chosen namespace was watched. A direction without edges is no obstacle: that its
// pods were watched is what counts.
func watchedOf(s *scope) map[string]Watched {
	seen := map[string]Watched{}
	for _, p := range s.g.AllPeers() {
		if p.Kind != model.KindPod || !s.chosen[p.Namespace] || !s.ownCluster(p) || p.First == 0 {
			continue
		}
		w := seen[p.Namespace]
		if w.First == 0 || p.First < w.First {
			w.First = p.First
		}
		w.Last = max(w.Last, p.Last)
		seen[p.Namespace] = w
	}
	for ns, w := range seen {
		w.Time = s.g.Watched(w.First, w.Last)
		seen[ns] = w
	}
	for _, e := range s.g.AllEdges() {
		if !e.State.Worked() {
			continue
		}
		for en := range s.ends(e) {
			w := seen[en.namespace]
			w.NewEdge = max(w.NewEdge, min(e.First, s.g.End))
			seen[en.namespace] = w
		}
	}
	return seen
}

// enforcing decides what becomes of every direction, once all is known that stands against it.
func enforcing(t *translator, sp *speech, n *notes) map[string]Enforce {
	s := t.scope
	out := map[string]Enforce{}
	watched := watchedOf(s)
	today := isolationOf(s)
	for ns, why := range n.why {
		e := Enforce{Why: why, Watched: watched[ns]}
		sortObstacles(e.Why)
		e.Watched.End, e.Watched.Want = max(s.g.AsOf, e.Watched.NewEdge), max(s.cfg.MinWatch, 0)
		blind := blindFor(s.cfg.Blind, ns)
		for i := range blind {
			e.see(&blind[i])
		}
		enough := e.Watched.Enough()
		for _, d := range policy.Directions() {
			blocked := slices.ContainsFunc(e.Why, func(o Obstacle) bool { return o.Direction == d })
			// A workload that policies isolate today must not be opened, and one that no selector names cannot be.
			left := func(w graph.WorkloadID) bool {
				return today.holds(s.g.Workloads[w].ID, d, sp.dialect.Rollout().Additive)
			}
			stuck := slices.ContainsFunc(e.Why, func(o Obstacle) bool {
				return o.Direction == d && (o.Workload < 0 || left(o.Workload))
			})
			short := !enough || *e.Lacks.At(d) != ""
			switch {
			case (short || blocked) && s.cfg.EnforceAnyway:
				*e.At(d) = Forced
			case short:
				*e.At(d) = Short
			case blocked && stuck && e.deny(straysOf(t, sp, ns, d, e.Why), left):
				*e.At(d) = Partial
				e.remarkLeft(n, ns, d)
			case blocked && stuck:
				*e.At(d) = Blocked
			case blocked:
				*e.At(d) = Held
				e.hold(straysOf(t, sp, ns, d, e.Why))
			case today.any[side{d, ns}]:
				*e.At(d) = Isolated
			}
			if !e.Allows(d) {
				e.spare(t, sp, n, side{d, ns}, left)
			}
		}
		if !enough && e.Watched.With == "" {
			n.find(KindNotWatched.of(ns, model.DirectionUnknown, "the pods of "+ns+" were not watched for long enough",
				notDenied(s, "both directions are", "neither direction is", "go on recording, or ask for less with --min-watch"),
			).detailed("%s", e.Watched))
		}
		for i := range blind {
			blind[i].remark(s, n, ns)
		}
		out[ns] = e
	}
	return out
}

// see notes what the log cannot show of a namespace.
func (e *Enforce) see(b *Blind) {
	if len(b.Shown) > 0 {
		e.Watched.With = strings.Join(b.Shown, ", ")
		return
	}
	for _, d := range policy.Directions() {
		if at := e.Lacks.At(d); *at == "" && *b.At(d) {
			*at = b.Brief
		}
	}
}

// remark notes what the log cannot show of a namespace, and the way out.
func (b *Blind) remark(s *scope, n *notes, ns string) {
	if len(b.Shown) > 0 {
		only := strings.Join(b.Shown, " and ")
		n.find(KindOneNamespace.of(ns, model.DirectionUnknown, "the pods of "+ns+" were watched only where they talk to "+only,
			notDenied(s, "both directions are", "neither direction is",
				"learn for "+only+" only (-n "+strings.Join(b.Shown, ",")+"), or record without a filter by namespace")))
		return
	}
	d, is, isNot := model.DirectionUnknown, "both directions are", "neither direction is"
	switch {
	case !b.Egress:
		d, is, isNot = model.Ingress, "ingress is", "ingress is not"
	case !b.Ingress:
		d, is, isNot = model.Egress, "egress is", "egress is not"
	}
	n.find(KindFiltered.of(ns, d, "the log shows a part alone: "+b.Text,
		b.Means+"; "+notDenied(s, is, isNot, b.Remedy)))
}

// notDenied says what becomes of directions of which too little is known.
func notDenied(s *scope, are, areNot, remedy string) string {
	if s.cfg.EnforceAnyway {
		return are + " denied all the same, because that was asked for"
	}
	return areNot + " denied yet: " + remedy
}

// deny denies a direction for each workload of a namespace by itself, and reports whether there is one: what no
// selector names, and what comes, stays open. A workload that something stands in the way of is held open; what may be
// its own of what a pod without a name did stays open; one that policies isolate today is left as it is, neither opened
// nor denied.
func (e *Enforce) deny(x *strays, left func(graph.WorkloadID) bool) bool {
	some := false
	for _, i := range x.in[x.ns] {
		w := &x.g.Workloads[i]
		h := Holding{i, w.Name, policy.MatchLabels(w.Selector), x.d, nil}
		keeps := x.keeps(i)
		switch {
		case len(w.Selector) == 0 || x.reach.speech.labels(h.Selector) != "":
		case left(i) && len(keeps) > 0:
			e.Left = append(e.Left, h)
		case everything(keeps):
			e.Held = append(e.Held, h)
		default:
			e.Denied = append(e.Denied, h)
			some = true
			if h.Only = keeps; len(keeps) > 0 {
				e.Held = append(e.Held, h)
			}
		}
	}
	sortHoldings(e.Denied)
	sortHoldings(e.Held)
	sortHoldings(e.Left)
	return some
}

// spare leaves the workloads as they are that policies surely isolate today in a direction that is not denied: the
// others of its namespace are held open one by one, where the allow policies would isolate them.
func (e *Enforce) spare(t *translator, sp *speech, n *notes, at side, left func(graph.WorkloadID) bool) {
	if sp.dialect.Rollout().Additive {
		return
	}
	other := func(h Holding) bool { return h.Direction == at.d }
	e.Held, e.Left = slices.DeleteFunc(e.Held, other), slices.DeleteFunc(e.Left, other)
	var others []Holding
	for _, i := range t.in[at.what] {
		w := &t.g.Workloads[i]
		h := Holding{i, w.Name, policy.MatchLabels(w.Selector), at.d, nil}
		switch {
		case len(w.Selector) == 0 || sp.labels(h.Selector) != "":
		case left(i):
			e.Left = append(e.Left, h)
		default:
			others = append(others, h)
		}
	}
	if e.leaves(at.d) {
		e.Held = append(e.Held, others...)
		sortHoldings(e.Held)
		sortHoldings(e.Left)
		e.remarkLeft(n, at.what, at.d)
	}
}

// leaves reports whether a workload is left as it is in a direction.
func (e *Enforce) leaves(d model.Direction) bool {
	return slices.ContainsFunc(e.Left, func(h Holding) bool { return h.Direction == d })
}

// remarkLeft notes which workloads stay as they are.
func (e *Enforce) remarkLeft(n *notes, ns string, d model.Direction) {
	for _, h := range e.Left {
		if h.Direction == d {
			text := fmt.Sprintf("policies deny %s of %s/%s already, and ours may not yet", d, ns, h.Name)
			n.find(KindIsolated.of(ns, d, text,
				"it is left as it is: nothing here opens it or denies it"))
		}
	}
}

// hold holds every workload open that something stands in the way of, for that alone where a rule can say it.
func (e *Enforce) hold(x *strays) {
	for _, i := range x.in[x.ns] {
		w := &x.g.Workloads[i]
		h := Holding{i, w.Name, policy.MatchLabels(w.Selector), x.d, x.keeps(i)}
		if len(h.Only) == 0 {
			continue
		}
		if everything(h.Only) {
			h.Only = nil
		}
		e.Held = append(e.Held, h)
	}
	sortHoldings(e.Held)
}

// everything reports whether the rules of Holding.Only allow all.
func everything(rules []policy.Rule) bool {
	return len(rules) == 1 && rules[0].AnyPeer && rules[0].AnyPort
}

func sortHoldings(list []Holding) {
	slices.SortFunc(list, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Direction, b.Direction))
	})
}

// priceFloor prices what the policy for all namespaces allows: a pod of a namespace to come may ask each resolver.
func priceFloor(p policy.Policy, b *ledger) {
	for i := range p.Rules {
		if r := &p.Rules[i]; r.Action == policy.Allow {
			b.rule(WidenFloor, "the resolvers for pods of namespaces to come, which are denied everything else", p.RuleID(i),
				len(r.Peers)*len(r.Ports))
		}
	}
}

// denyAll returns the default deny for all namespaces, in the directions that none of them speaks against.
// A dialect with a tier below the policies of namespaces has one unless it learns for some of them only.
func denyAll(s *scope, sp *speech, n *notes, enforce map[string]Enforce, r *resolvers) policy.Policy {
	below := sp.floors()
	if !s.cfg.GlobalDeny && !(below && s.cfg.All) {
		return policy.Policy{}
	}
	open := policy.ByDirection[bool]{Ingress: true, Egress: true}
	resolvers, unsaid := r.known(s, sp)
	if asked := s.cfg.Resolver != nil && s.cfg.Resolver.None; below && !asked && (len(resolvers) == 0 || unsaid != "") {
		open.Egress = false
		why := "no resolver is known that their pods could ask"
		if unsaid != "" {
			why = fmt.Sprintf("the dialect %s has no rule for the resolver %s, which their pods could ask", sp.name(), unsaid)
		}
		n.find(KindNotGlobal.of("", model.Egress, "no default deny of all namespaces for egress: "+why,
			"egress of namespaces to come stays open: name the resolver in the configuration"))
	}
	for _, ns := range slices.Sorted(maps.Keys(enforce)) {
		for _, d := range policy.Directions() {
			if e := enforce[ns]; *open.At(d) && !e.Whole(d) {
				*open.At(d) = false
				n.find(KindNotGlobal.of("", d,
					fmt.Sprintf("no default deny of all namespaces for %s: namespace %s cannot be denied yet", d, ns),
					"namespaces to come stay open"))
			}
		}
	}
	p := sp.globalDeny(s.cfg.system(), resolvers, open)
	p.Name = s.cfg.NamePrefix + p.Name
	return p
}
