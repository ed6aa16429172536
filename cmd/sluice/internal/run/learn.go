package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// LearnConfig says what to learn and where to write it.
type LearnConfig struct {
	synth.Config
	Given        Given
	Out          string        // the directory of the bundle
	CNI          string        // verify as this plugin decides; "": as the one that wrote the flows
	Name         string        // of the bundle, in a label of every object; "": what sluice.yaml says
	Base         string        // start from the former bundle in this directory
	Prune        time.Duration // with Base: drop what is older; 0: nothing
	Force        bool          // see bundle.Input
	AllowPartial bool          // learn although a source could not be read whole
	RequireReady bool          // a namespace below Stable is a finding
	With         *Policies     // what is in force, beside the policies among the manifests; nil: nothing
	MissingOnly  bool          // learn only what the policies in force lack
	WithEvidence bool          // the evidence is to be committed with the bundle
	Version      string        // of sluice, for the report
	Command      []string      // for the report
	// Console gives what is printed of the result, for the report; nil: nothing.
	Console func(*Log, *Learned, *bundle.Manifest) string
	Watch   Watch
}

// Learned is what came of learning.
type Learned struct {
	Config synth.Config // with what sluice.yaml and the base added
	Result synth.Result
	Report verify.Report
	Bundle *bundle.Manifest
	Hands  bundle.ByHand // what people did in the directory
	Opened []string      // directions of namespaces that the former bundle denied by default and this one does not
	Ready  *Ready        // whether enough was seen
	Beside *Beside       // with the policies in force; nil: none are known, or only what they lack was learned
	// Unclear are what is to be known of the policies in force: what may not be read, what their writer did not mean.
	Unclear []render.Problem
	Needs   []bundle.Need // of the policies, that objects of the cluster speak of
	// Sayers names the dialects that can say an edge of the bundle.
	Sayers func(*bundle.Edge) []string
	below  []string // what RequireReady finds
}

// Learn learns policies from a log, writes the bundle and verifies it.
func Learn(ctx context.Context, l *Log, cfg LearnConfig) (*Learned, error) {
	if err := l.Usable(); err != nil {
		return nil, err
	}
	partial := l.Partial()
	if len(partial) > 0 && !cfg.AllowPartial {
		return nil, fmt.Errorf(
			"nothing was written: %s. --allow-partial learns from what was read",
			strings.Join(partial, "; "),
		)
	}
	sem, err := l.Semantics(cfg.CNI)
	if err != nil {
		return nil, err
	}
	out := &Learned{Config: cfg.Config}
	out.Config.ByIdentity = sem == eval.Cilium
	if err := l.Config.synth(&out.Config, cfg.Given); err != nil {
		return nil, err
	}
	if out.Config.Dialect, err = l.Config.dialect(out.Config.Dialect); err != nil {
		return nil, err
	}
	for _, dir := range []string{cfg.Base, cfg.Out} {
		if dir == "" {
			continue
		}
		if err := l.ofCluster(dir, cfg.Cluster); err != nil {
			return nil, err
		}
	}
	var base *bundle.Former
	if cfg.Base != "" {
		if base, err = l.Base(ctx, cfg.Base, cfg.Prune, &out.Config); err != nil {
			return nil, err
		}
	}
	if err := l.chosen(&out.Config); err != nil {
		return nil, err
	}
	inForce := l.inForce(cfg.With)
	var only *bundle.InForce
	if cfg.MissingOnly {
		if only, err = l.missingOnly(inForce, VerifyConfig{CNI: cfg.CNI, Cluster: cfg.Cluster}, &out.Config); err != nil {
			return nil, err
		}
		if cfg.Name == "" && l.Config.Name == "" {
			cfg.Name = missingName
		}
	}
	defer sparing(len(l.Graph.Edges))()
	rows, err := l.learn(ctx, &cfg, out)
	if err != nil {
		return nil, err
	}
	evidence := func(dir string) error {
		kept := rows
		rows = nil // nobody asks for the observations again
		return l.evidence(dir, kept)
	}
	out.Sayers, out.Needs = l.sayers(out.Config), bundle.NeedsOf(&out.Result, &inForce.Set.Manifests)
	var console func(*bundle.Manifest, *verify.Report) string
	if cfg.Console != nil {
		console = func(m *bundle.Manifest, report *verify.Report) string {
			out.Report = *report
			return cfg.Console(l, out, m)
		}
	}
	err = cfg.Watch.during(
		"writing and verifying "+text.Plural(out.Result.Stats.Policies, "policy", "policies"),
		func() (err error) {
			written, err := bundle.Write(ctx, cfg.Out, bundle.Input{
				Graph: l.Graph, Config: out.Config, Result: &out.Result, Semantics: sem, WriteEvidence: evidence,
				Kinds: all.Kinds(), Partial: partial, Force: cfg.Force, Name: cmp.Or(cfg.Name, l.Config.Name),
				GitOps: l.Config.GitOps, Base: base, Run: l.told(cfg.Version, cfg.Command, partial, out.Ready), Console: console,
				CommitEvidence: cfg.WithEvidence, Sayers: out.Sayers, InForce: only,
				Cluster: inForce.Set, LogCluster: l.cluster(), Decided: l.Report.Policies.List(),
			})
			out.Report, out.Bundle, out.Hands = written.Report, written.Manifest, written.Hands
			out.Opened = written.Opened
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	out.Report.Edited, out.Report.Decisions = out.Hands.Changed(), out.expired()
	out.Unclear = unclear(inForce.Problems)
	if only == nil && (len(inForce.Set.Policies) > 0 || render.Incomplete(inForce.Problems)) {
		judged := VerifyConfig{CNI: cfg.CNI, Cluster: cfg.Cluster}
		if out.Beside, err = l.besideBundle(ctx, cfg.Out, inForce, judged); err != nil {
			return nil, err
		}
	}
	if cfg.RequireReady {
		out.below = out.Ready.below()
	}
	return out, nil
}

// learn makes the policies, and beside that judges whether enough was seen. It returns the observations behind the
// edges.
func (l *Log) learn(ctx context.Context, cfg *LearnConfig, out *Learned) ([]model.Observation, error) {
	found := l.examine()
	out.Config.Blind = blind(found, out.Config.Resolver != nil)
	var ready error
	var rows []model.Observation
	var beside sync.WaitGroup
	beside.Go(func() {
		out.Ready, ready = l.judge(ReadyConfig{Namespaces: cfg.Namespaces, All: cfg.All, Cluster: cfg.Cluster}, found)
		rows = l.Builder.Observations()
	})
	err := cfg.Watch.during(
		"learning policies from "+text.Plural(len(l.Graph.Edges), "edge", "edges"),
		func() (err error) {
			out.Result, err = synth.Synthesize(ctx, l.Graph, out.Config)
			return err
		},
	)
	beside.Wait()
	return rows, cmp.Or(err, ready)
}

// expired counts the decisions that a person has to look at again and that block nothing by themselves.
func (r *Learned) expired() int {
	n := 0
	for _, f := range r.Result.Findings {
		if f.Edge < 0 && (f.Kind == synth.KindExpired || f.Kind == synth.KindDangling) {
			n++
		}
	}
	return n
}

// Findings is the error that a result asks for attention: what failOn names, or a direction that cannot be enforced.
func (r *Learned) Findings(failOn []string) error {
	const most = 3
	failed := append(r.Report.Failed(failOn), r.below...)
	if r.Beside != nil {
		asked := slices.DeleteFunc([]string{"lost", "unproven-policy", "unread"}, func(on string) bool { return !slices.Contains(failOn, on) })
		for _, what := range r.Beside.Then.Failed(asked) {
			failed = append(failed, what+" beside the policies in force (sluice verify BUNDLE --with FILES says which)")
		}
	}
	if len(r.Opened) > 0 && slices.Contains(failOn, "unisolated") {
		failed = append(failed, "denied by default before, and not any more: "+text.Some(r.Opened))
	}
	blocked := 0
	for _, ns := range r.Result.Namespaces() {
		if e := r.Result.Enforce[ns]; len(e.Why) > 0 && !r.Config.EnforceAnyway && slices.Contains(failOn, "held") {
			if blocked++; blocked <= most {
				failed = append(
					failed,
					fmt.Sprintf(
						"namespace %s cannot be enforced whole: %s",
						ns,
						text.Plural(len(e.Why), "obstacle", "obstacles"),
					),
				)
			}
		}
	}
	if slices.ContainsFunc(r.Needs, func(n bundle.Need) bool { return n.Met == model.No }) && len(failOn) > 0 {
		failed = append(failed, "the cluster does not have what the policies need")
	}
	if blocked > most {
		failed = append(
			failed,
			fmt.Sprintf("and so %s", text.Plural(blocked-most, "namespace more", "namespaces more")),
		)
	}
	if len(failed) == 0 {
		return nil
	}
	return &Findings{[]string{strings.Join(failed, "; ")}}
}
