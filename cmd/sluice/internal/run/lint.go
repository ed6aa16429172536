package run

import (
	"fmt"

	"sluice/synth/lint"
)

// Lint looks for traps. l is nil where no flows are given.
func Lint(l *Log, p *Policies, cni string) ([]lint.Finding, error) {
	in := lint.Input{Set: p.Set, Problems: p.Problems}
	if l == nil {
		l = NewLog(&Config{})
	} else {
		in.Graph = l.Graph
	}
	var err error
	if in.Semantics, err = l.Semantics(cni); err != nil {
		return nil, err
	}
	return lint.Check(in), nil
}

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
