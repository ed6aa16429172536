package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// Beside is what proposed policies change where others are in force already.
type Beside struct {
	Today verify.Report // of those in force alone
	Then  verify.Report // of both, as applying the proposed ones would leave them
	// Lifted are the ends of edges at which those in force let some requests pass alone, and the proposed ones all.
	Lifted []string
}

// VerifyBeside replays a log through policies that are in force, and through both these and the proposed ones.
func VerifyBeside(ctx context.Context, l *Log, proposed, inForce *Policies, cfg VerifyConfig) (*Beside, error) {
	both := *proposed
	both.Set = inForce.Set.Apply(proposed.Set)
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
	if out.Today, err = verify.Verify(ctx, l.Graph, inForce.Set, alone); err != nil {
		return nil, err
	}
	out.Lifted = lifted(l.Graph, inForce, &both, alone)
	return out, nil
}

// inForce is what the command line and the manifests say is in force.
func (l *Log) inForce(with *Policies) *Policies {
	out := &Policies{}
	for _, p := range []*Policies{&l.Config.InForce, with} {
		if p != nil {
			out.Set.Join(p.Set)
			out.Problems = append(out.Problems, p.Problems...)
		}
	}
	out.Know(l.Config.Cluster)
	return out
}

// unclear are the problems of policies in force, each once. Among manifests much is no policy.
func unclear(problems []render.Problem) []render.Problem {
	var out []render.Problem
	for _, p := range problems {
		same := func(q render.Problem) bool { return q.Error() == p.Error() }
		if p.Severity != render.Skipped && !slices.ContainsFunc(out, same) {
			out = append(out, p)
		}
	}
	return out
}

// The bundle of what is missing bears other names than a whole one: applying or pruning either leaves the other alone.
const (
	missingName   = bundle.DefaultName + "-more"
	missingPrefix = "more-"
)

// missingOnly narrows learning to what policies in force lack.
func (l *Log) missingOnly(p *Policies, cfg VerifyConfig, out *synth.Config) (*bundle.InForce, error) {
	switch {
	case len(p.Set.Policies) == 0 && !render.Incomplete(p.Problems):
		return nil, Usagef("--missing-only adds to policies in force, and none are known: give them with --with FILES, " +
			"or among --manifests. Where none is in force leave --missing-only out")
	case render.Incomplete(p.Problems):
		return nil, fmt.Errorf("--missing-only: a policy in force could not be read, and may decide otherwise: %s", p.Problems[0])
	}
	judge, err := l.judging(p, cfg)
	if err != nil {
		return nil, err
	}
	out.Granted = verify.Granted(l.Graph, p.Set, judge)
	sure, unsure := enforced(&p.Set, judge.Semantics)
	if len(unsure) > 0 {
		for i, g := range verify.Granted(l.Graph, sure, judge) {
			for _, d := range policy.Directions() {
				*out.Granted[i].At(d) = *out.Granted[i].At(d) && *g.At(d)
			}
		}
	}
	if out.NamePrefix == "" {
		out.NamePrefix = missingPrefix
	}
	return &bundle.InForce{Set: p.Set, Unsure: unsure}, nil
}

// enforced leaves out of a set what a plugin may not enforce, and names it.
func enforced(set *policy.PolicySet, sem eval.Semantics) (sure policy.PolicySet, unsure []string) {
	sure = *set
	sure.Policies = nil
	for i := range set.Policies {
		if p := &set.Policies[i]; sem.Enforced(p, &set.Manifests) == model.Yes {
			sure.Policies = append(sure.Policies, *p)
		} else if !p.Staged {
			unsure = append(unsure, policyText(p))
		}
	}
	slices.Sort(unsure)
	return sure, unsure
}

// besideBundle judges a bundle together with what is in force.
func (l *Log) besideBundle(ctx context.Context, dir string, inForce *Policies, cfg VerifyConfig) (*Beside, error) {
	p, err := OpenPolicies(dir, strings.NewReader(""))
	if err != nil {
		return nil, err
	}
	p.Know(l.Config.Cluster)
	return VerifyBeside(ctx, l, p, inForce, cfg)
}

// Whole reports an error where a bundle adds to policies that are not among those in force.
func Whole(p, inForce *Policies) error {
	if p.Bundle == nil || p.Bundle.Beside == nil {
		return nil
	}
	if inForce == nil {
		inForce = &Policies{}
	}
	if lacking := p.Bundle.Beside.Lacking(inForce.Set); len(lacking) > 0 {
		return Usagef("the bundle holds only what was missing beside policies in force, and %d of them are not given (%s ...): "+
			"give them with --with", len(lacking), lacking[0])
	}
	return nil
}
