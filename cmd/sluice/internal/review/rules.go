package review

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/model"
	"sluice/synth/bundle"
	"sluice/synth/policy"
)

// The kinds of rules.
const (
	learned = "learned"   // flows asked for it
	open    = "held open" // it keeps open what cannot be denied yet
	widened = "widened"   // it allows on purpose what was never seen
	byHand  = "by hand"   // people wrote it
	missing = "missing"   // flows asked for it, and no file has it any more
)

// rules lists the rules of the files with what bundle.json knows of them, in the order of the files; then those that
// the files no longer have.
func (k *making) rules(context.Context) error {
	known := map[string]*bundle.Rule{}
	for i := range k.m.Rules {
		known[k.m.Rules[i].ID] = &k.m.Rules[i]
	}
	kinds := map[string]string{}
	for i := range k.m.Namespaces {
		for _, id := range k.m.Namespaces[i].Open {
			kinds[id] = open
		}
	}
	for _, w := range k.m.Widenings {
		for _, id := range w.Rules {
			kinds[id] = widened
		}
	}
	found := map[string]bool{}
	set := &k.in.Policies.Set
	for i := range set.Policies {
		p := &set.Policies[i]
		text, err := k.file(p.Source.File)
		if err != nil {
			return err
		}
		k.page.Policies = append(k.page.Policies, Policy{strings.TrimPrefix(p.Namespace+"/"+p.Name, "/"), p.Source.File})
		for j := range p.Rules {
			r := &p.Rules[j]
			out := Rule{ID: p.RuleID(j), Policy: len(k.page.Policies) - 1, Direction: k.text(directionOf(r)),
				Text: r.String(), Edges: []int{}}
			out.From, out.To = linesOf(text, r.Source)
			kind := kinds[out.ID]
			if rule := known[out.ID]; rule != nil {
				found[out.ID] = true
				out.Edges, out.New, out.Risk = rule.Edges, rule.New, k.text(k.m.Risk(rule))
				if kind == "" {
					kind = learned
				}
			} else {
				out.Risk = -1
				if kind == "" {
					kind = byHand
				}
			}
			out.Kind = k.text(kind)
			k.page.Rules = append(k.page.Rules, out)
		}
	}
	for i := range k.m.Rules {
		if r := &k.m.Rules[i]; !found[r.ID] {
			k.page.Rules = append(k.page.Rules, Rule{ID: r.ID, Policy: -1, Direction: k.text(r.Direction),
				Risk: k.text(k.m.Risk(r)), Kind: k.text(missing), Text: r.Text, Edges: r.Edges})
		}
	}
	return nil
}

// directionOf is the word for a direction.
func directionOf(r *policy.Rule) string {
	if r.Direction == model.DirectionUnknown {
		return ""
	}
	return r.Direction.String()
}

// file reads a file of the bundle once.
func (k *making) file(name string) (string, error) {
	if text, ok := k.page.files[name]; ok || name == "" {
		return text, nil
	}
	b, err := os.ReadFile(filepath.Join(k.in.Dir, filepath.FromSlash(name)))
	if err != nil {
		return "", fmt.Errorf("read bundle: %w", err)
	}
	k.page.files[name] = string(b)
	return k.page.files[name], nil
}

// linesOf finds the lines of a rule in the text of its file: from where it begins, or the comment above it, up to where
// the indentation says that something else begins. 0: the place is not known.
func linesOf(text string, at policy.Position) (from, to int) {
	lines := strings.Split(text, "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return 0, 0
	}
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
	begin := indent(lines[at.Line-1])
	from, to = at.Line, at.Line
	for n := at.Line; n < len(lines); n++ { // lines[n] is the line after to
		if strings.TrimSpace(lines[n]) == "" || indent(lines[n]) <= begin {
			break
		}
		to = n + 1
	}
	if from > 1 && strings.HasPrefix(strings.TrimSpace(lines[from-2]), "# rule ") {
		from--
	}
	return from, to
}
