package synth

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// written is what came of the needs.
type written struct {
	policies  []policy.Policy
	ruleEdges map[string][]int                  // by rule id
	ruleIDs   map[int][]string                  // ids, by subject
	proofs    map[int]policy.ByDirection[Proof] // by subject
	beside    map[string]policy.Policy          // by namespace, see Result.Beside
}

// writer turns needs into policies: those of every workload, and the shared ones for DNS.
type writer struct {
	*scope
	*solver
	*selecting
	*notes
	*ledger
	names map[string]bool // "namespace/name" of policies
	written
}

// write returns the policies for needs. It fails where a widening that was asked for could be made for nobody.
func write(
	ctx context.Context,
	v *solver,
	needs []need,
	n *notes,
	b *ledger,
	enforce map[string]Enforce,
) (*written, error) {
	w := &writer{v.scope, v, v.translator.selecting, n, b, map[string]bool{}, written{ruleEdges: map[string][]int{},
		ruleIDs: map[int][]string{}, proofs: map[int]policy.ByDirection[Proof]{}, beside: map[string]policy.Policy{}}}
	bySubject := map[int]*policy.ByDirection[[]need]{}
	var dns []need
	for _, x := range needs {
		if w.isQuery(x) {
			dns = append(dns, x)
			continue
		}
		if bySubject[x.subject] == nil {
			bySubject[x.subject] = &policy.ByDirection[[]need]{}
		}
		list := bySubject[x.subject].At(x.dir)
		*list = append(*list, x)
	}
	w.writeDNS(dns)
	w.writeResolver()
	if err := w.writeAll(ctx, bySubject); err != nil {
		return nil, err
	}
	if err := w.widenNames(dns, enforce); err != nil {
		return nil, err
	}
	b.finish(n)
	return &w.written, nil
}

// writeAll writes the policies of all subjects: one for those of a namespace that need the same, where a selector
// selects exactly them, else one each.
func (w *writer) writeAll(ctx context.Context, bySubject map[int]*policy.ByDirection[[]need]) error {
	same := map[string][]int{}
	for s, needs := range bySubject {
		k := w.g.Workloads[s].Namespace + "\x00" + w.needsKey(needs)
		same[k] = append(same[k], s)
	}
	var groups [][]int
	for _, users := range same {
		slices.Sort(users)
		groups = append(groups, users)
	}
	slices.SortFunc(groups, slices.Compare)
	for _, users := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		ns := w.g.Workloads[users[0]].Namespace
		for _, part := range w.partition(ns, users) {
			w.writeShared(ns, part, bySubject)
		}
	}
	return nil
}

// needsKey is equal for subjects that need the same of the same peers.
func (w *writer) needsKey(needs *policy.ByDirection[[]need]) string {
	var list []string
	for _, d := range policy.Directions() {
		for _, n := range *needs.At(d) {
			k := []byte{byte(d), byte(n.proto)}
			k = binary.BigEndian.AppendUint32(k, uint32(n.peer))
			k = binary.BigEndian.AppendUint16(k, n.port)
			k = binary.BigEndian.AppendUint16(k, n.last)
			for _, name := range w.named(n) {
				k = append(append(k, name...), 0)
			}
			list = append(list, string(k))
		}
	}
	slices.Sort(list)
	return keyOf(slices.Compact(list))
}

// writeShared writes the policy of subjects that need the same.
func (w *writer) writeShared(ns string, part selected, bySubject map[int]*policy.ByDirection[[]need]) {
	var all []learned
	var proofs policy.ByDirection[Proof]
	for _, d := range policy.Directions() {
		var needs []need
		for _, u := range part.users {
			needs = append(needs, *bySubject[u].At(d)...)
		}
		if len(needs) > 0 {
			rules, proof := w.solver.rules(d, needs)
			all = append(all, rules...)
			*proofs.At(d) = proof
		}
	}
	for _, u := range part.users {
		w.proofs[u] = proofs
	}
	first := w.g.Workloads[part.users[0]].Name
	name := ""
	if n := len(part.users); n == 1 {
		name = w.nameOf(ns, first, part.sel)
	} else {
		name = w.claim(ns, hashed(fmt.Sprintf("%s-and-%d-more", first, n-1), ns, part.sel), part.sel)
	}
	w.add(policy.Policy{Name: name, Namespace: ns, Subject: part.sel}, part.users, all)
}

// add completes a policy with its rules and keeps their evidence. It isolates only the directions it has rules for.
func (w *writer) add(p policy.Policy, of []int, rules []learned) {
	for _, r := range rules {
		p.Ingress = p.Ingress || r.Direction == model.Ingress
		p.Egress = p.Egress || r.Direction == model.Egress
		p.Rules = append(p.Rules, r.Rule)
	}
	p, rules = w.inForm(p, rules)
	for i, r := range rules {
		id := p.RuleID(i)
		w.ruleEdges[id] = append(w.ruleEdges[id], r.edges...)
		w.priceOutside(id, &r, len(of))
		w.priceProducts(id, &r, len(of))
		for _, s := range of {
			w.ruleIDs[s] = append(w.ruleIDs[s], id)
		}
	}
	w.policies = append(w.policies, p.Canonical())
}

// inForm returns a policy and its rules in the form that the dialect reads back. Each rule keeps the edges that are
// in it.
func (w *writer) inForm(p policy.Policy, rules []learned) (policy.Policy, []learned) {
	p, other := w.speech.inForm(p)
	if !other {
		return p, rules
	}
	var all []int
	for _, r := range rules {
		all = append(all, r.edges...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := make([]learned, len(p.Rules))
	for i, r := range p.Rules {
		out[i].Rule = r
		for _, e := range all {
			if w.holds(p.Namespace, &r, e) {
				out[i].edges = append(out[i].edges, e)
			}
		}
	}
	return p, out
}
