package run

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"sluice/cmd/sluice/internal/disk"
	"sluice/synth/eval"
	"sluice/synth/lint"
	"sluice/synth/policy"
	"sluice/synth/render/all"
)

// Lint looks for traps, with what the configuration has of manifests. l is nil where no flows are given: the policies
// are then judged as the plugin does whose kinds they are.
func Lint(l *Log, p *Policies, cfg *Config, cni string) ([]lint.Finding, error) {
	p.Know(cfg.Cluster)
	in := lint.Input{Set: p.Set, Problems: p.Problems, Texts: p.Texts(), Declared: cfg.declarations() > 0}
	own := l == nil && cni == ""
	if l == nil {
		l = NewLog(&Config{})
	} else {
		in.Graph = l.Graph
	}
	var err error
	if in.Semantics, err = l.Semantics(cni); err != nil {
		return nil, err
	}
	if in.Plugin = !own; own {
		in.Semantics = semanticsOf(p.Set)
	}
	return lint.Check(in), nil
}

// semanticsOf is the plugin that takes every policy of a set, as far as their kinds say.
func semanticsOf(set policy.PolicySet) eval.Semantics {
	sem := eval.Spec
	for i := range set.Policies {
		switch {
		case set.Policies[i].Tier != "" && !set.Policies[i].Around():
			return eval.Calico
		case lint.OfCilium(&set.Policies[i]):
			sem = eval.Cilium
		}
	}
	return sem
}

// Texts are the files that the policies were read from, by the names in positions. One that is gone since is left out.
func (p *Policies) Texts() map[string][]byte {
	texts := map[string][]byte{}
	take := func(at policy.Position) {
		if _, ok := texts[at.File]; ok {
			return
		}
		if text, ok := p.Read[at.File]; ok {
			texts[at.File] = text
		} else if b, err := os.ReadFile(at.File); err == nil {
			texts[at.File] = b
		}
	}
	for i := range p.Set.Policies {
		take(p.Set.Policies[i].Source)
	}
	for i := range p.Problems {
		take(p.Problems[i].At)
	}
	return texts
}

// Mended is a file and its text with the edits of findings made.
type Mended struct {
	File     string
	Old, New []byte
	Findings int // that the edits mend
}

// Mend makes the edits of findings in the files they stand in, and gives those that change.
func Mend(p *Policies, found []lint.Finding) []Mended {
	var out []Mended
	texts := p.Texts()
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		m := Mended{File: file, Old: texts[file]}
		if m.New, m.Findings = lint.Fix(m.Old, file, found, all.Kinds()...); m.Findings > 0 {
			out = append(out, m)
		}
	}
	return out
}

// Write puts the new text in the place of the old one.
func (m *Mended) Write() error { return disk.Replace(m.File, m.New) }

// Traps is the findings error for traps of a severity or a worse one, nil for none.
func Traps(list []lint.Finding, from lint.Severity) error {
	n := map[lint.Severity]int{}
	for _, f := range list {
		n[f.Severity]++
	}
	var what []string
	for s := lint.Error; s >= from && s <= lint.Error; s-- {
		if n[s] > 0 {
			what = append(what, fmt.Sprintf("%d of severity %s", n[s], s))
		}
	}
	return found(what)
}
