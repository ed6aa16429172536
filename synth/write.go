package synth

import (
	"context"
	"encoding/binary"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// writePolicies returns the policies for needs. It fails where a widening that was asked for could be made for nobody.
func writePolicies(
	ctx context.Context,
	v *solver,
	needs []need,
	n *notes,
	b *ledger,
	enforce map[string]Enforce,
) (*output, error) {
	w := &writer{v.scope, v, v.translator.selecting, n, b, map[string]bool{}, output{
		ruleEdges: map[string][]graph.EdgeID{},
		ruleIDs:   map[graph.WorkloadID][]string{},
		proofs:    map[graph.WorkloadID]policy.ByDirection[Proof]{},
		beside:    map[string]policy.Policy{},
	}}
	bySubject := needy{}
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
	return &w.output, nil
}

// needy are the needs of each subject, by direction.
type needy map[graph.WorkloadID]*policy.ByDirection[[]need]

// shared is the policy of subjects of a namespace that need the same.
type shared struct {
	selection
	namespace string
	rules     []learnedRule
	proofs    policy.ByDirection[Proof]
	policy    complete
}

// writeAll writes the policies of all subjects: one for those of a namespace that need the same, where a selector
// selects exactly them, else one each. Rules and what comes of them are made on all processors, names taken and
// policies kept in order.
func (w *writer) writeAll(ctx context.Context, bySubject needy) error {
	const atOnce = 1 << 10 // what is made is written before the next is
	for list := range slices.Chunk(w.sharing(bySubject), atOnce) {
		if err := ctx.Err(); err != nil {
			return err
		}
		model.Each(len(list), func(i int) { w.solver.share(&list[i], bySubject) })
		for i := range list {
			list[i].policy.Name = w.nameShared(&list[i])
		}
		model.Each(len(list), func(i int) {
			x := &list[i]
			x.policy = w.solver.complete(policy.Policy{Name: x.policy.Name, Namespace: x.namespace, Subject: x.sel}, x.rules)
		})
		for i := range list {
			w.writeShared(&list[i])
			list[i] = shared{}
		}
	}
	return nil
}

// sharing are the subjects that get one policy, in order.
func (w *writer) sharing(bySubject needy) []shared {
	same := map[string][]graph.WorkloadID{}
	for s, needs := range bySubject {
		k := w.g.Workloads[s].Namespace + "\x00" + w.needsKey(needs)
		same[k] = append(same[k], s)
	}
	var groups [][]graph.WorkloadID
	for _, users := range same {
		slices.Sort(users)
		groups = append(groups, users)
	}
	slices.SortFunc(groups, slices.Compare)
	var out []shared
	for _, users := range groups {
		ns := w.g.Workloads[users[0]].Namespace
		for _, part := range w.partition(ns, users) {
			out = append(out, shared{selection: part, namespace: ns})
		}
	}
	return out
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

// share makes the rules of subjects that need the same.
func (v *solver) share(x *shared, bySubject needy) {
	for _, d := range policy.Directions() {
		var needs []need
		for _, u := range x.users {
			needs = append(needs, *bySubject[u].At(d)...)
		}
		if len(needs) > 0 {
			rules, proof := v.rules(d, needs)
			x.rules = append(x.rules, rules...)
			*x.proofs.At(d) = proof
		}
	}
}

// nameShared takes the name of the policy of subjects that need the same.
func (w *writer) nameShared(x *shared) string {
	if len(x.users) == 1 {
		return w.nameOf(x.namespace, w.g.Workloads[x.users[0]].Name, x.sel)
	}
	return w.claim(x.namespace, w.together(x.namespace, "", x.selection), x.sel)
}

// writeShared writes the policy of subjects that need the same.
func (w *writer) writeShared(x *shared) {
	for _, u := range x.users {
		w.proofs[u] = x.proofs
	}
	w.keep(&x.policy, x.users)
}

// wholes returns for each subject of a namespace that is isolated already one policy with all that the allow policies
// say of it. Networks stand in it by their addresses: it goes again, and takes nothing with it that others name.
func wholes(s *scope, r *Result) map[string][]policy.Policy {
	out := map[string][]policy.Policy{}
	if r.Dialect.Rollout().Additive {
		return out
	}
	taken := map[string]bool{}
	of := map[string]policy.Rule{}
	for _, p := range r.Policies.Policies {
		if !r.IsolatedToday(p.Namespace) {
			continue
		}
		for i := range p.Rules {
			of[p.RuleID(i)] = r.byAddress(p.Rules[i])
		}
	}
	for _, x := range r.Subjects {
		w := &s.g.Workloads[x.Workload]
		if len(x.Rules) == 0 || !r.IsolatedToday(w.Namespace) {
			continue
		}
		sel := policy.MatchLabels(w.Selector)
		name := policy.WholeName + "-" + w.Name
		if taken[w.Namespace+"/"+name] || len(name) > maxName {
			name = hashed(name, w.Namespace, sel)
		}
		taken[w.Namespace+"/"+name] = true
		p := policy.Policy{Namespace: w.Namespace, Subject: sel, Name: name}
		for _, id := range x.Rules {
			p.Rules = append(p.Rules, of[id])
			p.Ingress = p.Ingress || of[id].Direction == model.Ingress
			p.Egress = p.Egress || of[id].Direction == model.Egress
		}
		out[w.Namespace] = append(out[w.Namespace], p.Canonical())
	}
	return out
}

// byAddress returns a rule with the addresses of the networks that it names.
func (r *Result) byAddress(x policy.Rule) policy.Rule {
	var peers []policy.Peer
	for _, q := range x.Peers {
		if q.Kind != policy.PeerNetwork {
			peers = append(peers, q)
			continue
		}
		for _, n := range r.Policies.Networks {
			if n.Name == q.Name {
				for _, c := range n.CIDRs {
					peers = append(peers, policy.Peer{Kind: policy.PeerCIDR, CIDR: c})
				}
			}
		}
	}
	x.Peers = peers
	return x
}
