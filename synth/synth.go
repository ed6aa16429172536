package synth

import (
	"context"
	"slices"

	"sluice/model/graph"
	"sluice/synth/policy"
)

// Synthesize learns the allow policies for the subjects that cfg chooses.
func Synthesize(ctx context.Context, g *graph.Graph, cfg Config) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	speech := newSpeech(cfg.Dialect)
	scope, err := newScope(g, &cfg, speech)
	if err != nil {
		return Result{}, err
	}
	notes := newNotes(scope.subjectNamespaces())
	addresses := newAddresses(scope, speech)
	translator := &translator{scope, addresses, newSelecting(scope)}
	needs := gather(translator, speech, notes)
	resolvers, err := findResolvers(scope, speech, needs, notes)
	if err != nil {
		return Result{}, err
	}
	needs = slices.DeleteFunc(needs, func(n need) bool {
		return cfg.granted(n.edge, n.dir)
	})
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	ledger := &ledger{addresses: addresses}
	needs = widenNeeds(scope, resolvers, needs, notes, ledger)
	remark(scope, speech, notes)
	remarkDecisions(scope, notes)
	remarkOpen(scope, speech, notes)
	priceMerged(scope, ledger, notes)
	enforce := enforcing(translator, speech, notes)
	remarkIsolated(scope, speech, notes, enforce)
	global := denyAll(scope, speech, notes, enforce, resolvers)
	priceFloor(global, ledger)
	solver := newSolver(scope, translator, speech, resolvers)
	remarkFragile(solver, needs, notes)
	written, err := writePolicies(ctx, solver, needs, notes, ledger, enforce)
	if err != nil {
		return Result{}, err
	}
	remarkIdle(scope, ledger, notes)
	sortFindings(notes.findings)
	r := Result{Dialect: cfg.Dialect, Cluster: scope.cluster, Enforce: enforce, Widenings: ledger.list,
		Findings: notes.findings, Losses: notes.losses, global: global, beside: written.beside,
		prefix: cfg.NamePrefix, Decided: scope.decided.denied()}
	r.Policies = policy.PolicySet{Policies: written.policies, Networks: addresses.sets(written.policies)}.Canonical()
	r.RuleEdges = written.edges()
	r.Subjects = written.subjects(scope)
	r.Stats = measure(r.Subjects, r.Policies)
	r.isolated = map[string]bool{}
	for _, f := range r.Findings {
		if f.Kind == KindIsolated {
			r.isolated[f.Namespace] = true
		}
	}
	r.whole = wholes(scope, &r)
	return r, nil
}

// edges returns the edges of every rule, sorted.
func (w *output) edges() map[string][]graph.EdgeID {
	for id, e := range w.ruleEdges {
		slices.Sort(e)
		w.ruleEdges[id] = slices.Compact(e)
	}
	return w.ruleEdges
}

// subjects returns the workloads that policies are for, with the rules of each.
func (w *output) subjects(s *scope) []Subject {
	var out []Subject
	for i := range s.g.AllWorkloads() {
		if s.subject(i) {
			ids := slices.Sorted(slices.Values(w.ruleIDs[i]))
			p := w.proofs[i]
			out = append(out, Subject{i, slices.Compact(ids), p.Ingress, p.Egress})
		}
	}
	return out
}
