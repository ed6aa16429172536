package bundle

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sluice/synth"
)

// meaning is the manifest as it is compared: without the day, the marks of what is new, and the texts for people.
func (m *Manifest) meaning() ([]byte, error) {
	c := m.committed()
	c.AsOf = ""
	c.Rules = slices.Clone(c.Rules)
	for i := range c.Rules {
		c.Rules[i].New = false
	}
	files := map[string]string{}
	for name, digest := range m.Files { // names of a former bundle have its texts among them
		if isYAML(name) {
			files[name] = digest
		}
	}
	c.Files = files
	return encode(c)
}

// sameMeaning reports whether a bundle says what the one before it said.
func (m *Manifest) sameMeaning(before *Former) (bool, error) {
	if before == nil {
		return false, nil
	}
	a, err := m.meaning()
	if err != nil {
		return false, err
	}
	b, err := before.Manifest.meaning()
	return bytes.Equal(a, b), err
}

// markNew marks the rules that the bundle before did not have. While nothing changes the marks stay.
func (m *Manifest) markNew(before *Former, same bool) {
	if before == nil {
		return
	}
	old := map[string]bool{}
	for _, r := range before.Manifest.Rules {
		old[r.ID] = !same || !r.New
	}
	for i := range m.Rules {
		m.Rules[i].New = !old[m.Rules[i].ID]
	}
}

// Around the section of what changed, for the next bundle to keep it while nothing changes.
const (
	changesBegin = "<!-- changes -->\n"
	changesEnd   = "<!-- end of changes -->\n"
)

// changes says what is not as in the bundle before.
func (r *reviewer) changes(before *Former, same bool) string {
	if before == nil {
		return ""
	}
	if same {
		_, text, _ := strings.Cut(before.review, changesBegin)
		if text, _, ok := strings.Cut(text, changesEnd); ok {
			return changesBegin + text + changesEnd
		}
		return ""
	}
	p := &page{}
	p.head("What changed since the former bundle")
	now := map[string]bool{}
	var fresh []*Rule
	for i := range r.m.Rules {
		now[r.m.Rules[i].ID] = true
		if r.m.Rules[i].New {
			fresh = append(fresh, &r.m.Rules[i])
		}
	}
	var gone []string
	for i := range before.Manifest.Rules {
		if old := &before.Manifest.Rules[i]; !now[old.ID] {
			gone = append(gone, fmt.Sprintf("%s of %s: %s", old.ID, old.Policy, short(old.Text)))
		}
	}
	var kept, opened []string
	for i := range r.m.Findings {
		if f := &r.m.Findings[i]; synth.Kind(f.Kind) == synth.KindKept {
			kept = append(kept, f.Text)
		}
	}
	for _, w := range r.m.Widenings {
		if !slices.ContainsFunc(before.Manifest.Widenings, func(o Widening) bool {
			return o.Text == w.Text && o.Price == w.Price
		}) {
			opened = append(opened, w.Text)
		}
	}
	p.line("%s new, %d gone, %d kept without new evidence; %s new or with another price.",
		count(len(fresh), "rule is", "rules are"), len(gone), len(kept), count(len(opened), "widening is", "widenings are"))
	if len(fresh) > 0 {
		p.line("\nNew rules, and the edges that asked for them:\n")
		var rows [][]string
		for _, f := range fresh {
			rows = append(rows, []string{f.ID, f.Policy, short(f.Text), r.m.edgesOf(f)})
		}
		p.table(maxFindings, []string{"rule", "policy", "what it says", "seen"}, rows)
	}
	p.list("Gone", gone)
	p.list("Kept, though the flows no longer show it", kept)
	p.list("Widened", opened)
	return changesBegin + p.String() + changesEnd
}

// edgesOf names the first edges that a rule stands for.
func (m *Manifest) edgesOf(r *Rule) string {
	const most = 4
	var out []string
	for k, i := range r.Edges {
		if k == most {
			out = append(out, fmt.Sprintf("and %d more", len(r.Edges)-most))
			break
		}
		e := &m.Edges[i]
		out = append(out, e.Source+" -> "+e.Destination+" "+e.Port)
	}
	return strings.Join(out, "; ")
}

// list writes texts below each other, the first of many.
func (p *page) list(head string, texts []string) {
	if len(texts) == 0 {
		return
	}
	p.line("\n%s:\n", head)
	for i, t := range texts {
		if i == maxFindings {
			p.line("- and %d more", len(texts)-i)
			break
		}
		p.line("- %s", escape(t))
	}
}
