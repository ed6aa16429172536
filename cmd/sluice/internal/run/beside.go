package run

import (
	"context"
	"slices"

	"sluice/synth/policy"
	"sluice/synth/verify"
)

// Beside is what proposed policies change where others are in force already.
type Beside struct {
	Today verify.Report // of those in force alone
	Then  verify.Report // of both, as applying the proposed ones would leave them
}

// VerifyBeside replays a log through policies that are in force, and through both these and the proposed ones.
func VerifyBeside(ctx context.Context, l *Log, proposed, inForce *Policies, cfg VerifyConfig) (*Beside, error) {
	both := *proposed
	both.Set = applied(inForce.Set, proposed.Set)
	both.Problems = append(slices.Clip(proposed.Problems), inForce.Problems...)
	judge, err := l.judging(&both, cfg)
	if err != nil {
		return nil, err
	}
	for i := range inForce.Set.Policies { // the bundle has no evidence of theirs
		p := &inForce.Set.Policies[i]
		for k := range p.Rules {
			if judge.Recorded != nil {
				judge.Recorded = append(judge.Recorded, p.RuleID(k))
			}
		}
	}
	out := &Beside{}
	if out.Then, err = verify.Verify(ctx, l.Graph, both.Set, judge); err != nil {
		return nil, err
	}
	both.note(&out.Then)
	alone, err := l.judging(inForce, cfg)
	if err != nil {
		return nil, err
	}
	alone.Namespaces = judge.Namespaces
	if alone.Namespaces == nil { // the same connections count today and then
		for i := range both.Set.Policies {
			alone.Namespaces = append(alone.Namespaces, both.Set.Policies[i].Namespace)
		}
	}
	out.Today, err = verify.Verify(ctx, l.Graph, inForce.Set, alone)
	return out, err
}

// applied is what is in force once more was applied: of two policies with one kind, namespace and name that which was
// applied stays.
func applied(inForce, more policy.PolicySet) policy.PolicySet {
	type name struct{ kind, namespace, name string }
	replaced := map[name]bool{}
	for i := range more.Policies {
		p := &more.Policies[i]
		replaced[name{p.Kind, p.Namespace, p.Name}] = true
	}
	var out policy.PolicySet
	out.Join(inForce)
	out.Policies = slices.DeleteFunc(slices.Clone(out.Policies), func(p policy.Policy) bool {
		return replaced[name{p.Kind, p.Namespace, p.Name}]
	})
	out.Join(more)
	return out
}
