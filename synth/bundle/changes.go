package bundle

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// sameMeaning reports whether a bundle says what the one before it said: mostly it says so in the same words, or has
// not the same policies.
func (m *Manifest) sameMeaning(before *Former) (bool, error) {
	if before == nil {
		return false, nil
	}
	if same, err := m.sameWords(before); same || err != nil {
		return same, err
	}
	now := meaning{}
	if err := now.add(m, func(t reflect.Type) bool { return !isList(t) }); err != nil || !maps.Equal(now, before.meaning) {
		return false, err
	}
	lists := meaning{}
	if err := lists.add(m, isList); err != nil {
		return false, err
	}
	had, err := before.lists()
	return maps.Equal(lists, had), err
}

// sameWords reports whether bundle.json would be the same but for what no meaning depends on.
func (m *Manifest) sameWords(before *Former) (bool, error) {
	c := m.committed()
	c.AsOf, c.Files = before.asOf, map[string]string{}
	for name, digest := range m.Files {
		if isYAML(name) {
			c.Files[name] = digest
		}
	}
	for name, digest := range before.files {
		if !isYAML(name) {
			c.Files[name] = digest
		}
	}
	fresh := map[string]bool{}
	for _, r := range before.rules {
		fresh[r.id] = r.fresh
	}
	return before.has(&c.Manifest, func(item any) any {
		if r, ok := item.(*Rule); ok {
			same := *r
			same.New = fresh[r.ID]
			return &same
		}
		return committedItem(item)
	})
}

// stable is what bundle.json has. While nothing else differs from the bundle before, the day stays, too: the bytes do.
func (m *Manifest) stable(before *Former) (*committed, error) {
	c := m.committed()
	if before == nil || before.asOf == c.AsOf {
		return c, nil
	}
	today := c.AsOf
	c.AsOf = before.asOf
	same, err := before.has(&c.Manifest, committedItem)
	if !same {
		c.AsOf = today
	}
	m.AsOf = c.AsOf
	return c, err
}

// has reports whether its bundle.json is a manifest to the byte, the items of whose lists are written as item says.
func (f *Former) has(m *Manifest, item func(any) any) (bool, error) {
	text, err := f.text()
	if err != nil {
		return false, fmt.Errorf("read bundle: %w", err)
	}
	defer func() { _ = text.Close() }()
	c := &comparer{with: bufio.NewReaderSize(text, 1<<16)}
	err = (&jsonWriter{out: c, item: item}).all(m)
	switch {
	case errors.Is(err, errDiffers):
		return false, nil
	case err != nil:
		return false, err
	}
	_, err = c.with.ReadByte()
	return errors.Is(err, io.EOF), nil
}

// comparer takes what it is to be the same as, and fails at the first byte that is not.
type comparer struct {
	with *bufio.Reader
	have []byte
}

var errDiffers = errors.New("it differs")

func (c *comparer) Write(text []byte) (int, error) {
	c.have = slices.Grow(c.have[:0], len(text))[:len(text)]
	n, err := io.ReadFull(c.with, c.have)
	switch {
	case !bytes.Equal(c.have[:n], text), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, errDiffers
	case err != nil:
		return 0, fmt.Errorf("read bundle: %w", err)
	}
	return n, nil
}

// markNew marks the rules that the bundle before did not have. While nothing changes the marks stay.
func (m *Manifest) markNew(before *Former, same bool) {
	if before == nil {
		return
	}
	old := map[string]bool{}
	for _, r := range before.rules {
		old[r.id] = !same || !r.fresh
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

// Comparison is what a bundle is compared with, and by what.
type Comparison struct {
	Base   *Former         // nil: nothing was there
	Graph  *graph.Graph    // what was seen; nil: that is not at hand, and only the files are compared
	Config verify.Config   // how policies are judged
	Kinds  []render.Kinds  // of the policies
	same   map[string]bool // files that the former bundle has as they are now
}

// mostCompared is how many connections the sets are asked for: some seconds.
const mostCompared = 4_000_000

// changes says what is not as in the bundle before: first what the policies decide differently, then what the files
// have. set is what the new bundle enforces.
func (c *Comparison) changes(ctx context.Context, m *Manifest, set *policy.PolicySet, same bool) (string, error) {
	before := c.Base
	if before == nil {
		return "", nil
	}
	if same {
		_, text, _ := strings.Cut(before.review, changesBegin)
		if text, _, ok := strings.Cut(text, changesEnd); ok {
			return changesBegin + text + changesEnd, nil
		}
		return "", nil
	}
	p := &page{}
	p.head("What changed since the former bundle")
	if list := before.opened(m); len(list) > 0 {
		p.line("**Denied by default before, and not any more: %s.** They open where what a bundle has no more is deleted.\n",
			Escape(some(list)))
	}
	if was := before.name; was != "" && was != m.Name {
		p.line("**It was called %s before, and is %s now.** The next steps go by the label `%s=%s`: what was applied under the\n"+
			"former name and has no namesake in this bundle is not found by them.\n", was, m.Name, render.BundleLabel, m.Name)
	}
	if err := c.decided(ctx, p, set); err != nil {
		return "", err
	}
	now := map[string]bool{}
	var fresh []*Rule
	for i := range m.Rules {
		now[m.Rules[i].ID] = true
		if m.Rules[i].New {
			fresh = append(fresh, &m.Rules[i])
		}
	}
	var gone []string
	for _, old := range before.rules {
		if !now[old.id] {
			gone = append(gone, fmt.Sprintf("%s of %s: %s", old.id, old.policy, old.text))
		}
	}
	var kept, opened, denied []string
	for i := range m.Findings {
		f := &m.Findings[i]
		if kind := synth.Kind(f.Kind); kind == synth.KindKept {
			kept = append(kept, f.Text)
		} else if kind == synth.KindDenied && !before.denied[f.Text] {
			denied = append(denied, f.Text)
		}
	}
	denied = m.ownFirst(denied)
	for _, w := range m.Widenings {
		if !before.widenings[priced{w.Text, w.Price}] {
			opened = append(opened, w.Text)
		}
	}
	if len(fresh) > 0 {
		p.line("\nRules that the files have now, and the edges that asked for them:\n")
		var rows [][]string
		for _, f := range fresh {
			rows = append(rows, []string{f.ID, f.Policy, short(f.Text), m.edgesOf(f)})
		}
		p.table(maxFindings, []string{"rule", "policy", "what it says", "seen"}, rows)
	}
	p.list("Rules that the files have no more", gone)
	p.list("Kept, though the flows no longer show it", kept)
	p.list("Widened, or at another price", opened)
	p.list("Denied now, and not known to the former bundle: a need that is new or rare, or nobody's. Decide on each", denied)
	return changesBegin + p.String() + changesEnd, nil
}

// ownFirst sorts texts of edges, each once: those of clients in the namespaces of the bundle come before those that
// others can make as many of as they like.
func (m *Manifest) ownFirst(edges []string) []string {
	other := func(text string) int {
		ns, _, _ := strings.Cut(text, "/")
		if slices.ContainsFunc(m.Namespaces, func(n Namespace) bool { return n.Name == ns }) {
			return 0
		}
		return 1
	}
	slices.SortFunc(edges, func(a, b string) int { return cmp.Or(cmp.Compare(other(a), other(b)), cmp.Compare(a, b)) })
	return slices.Compact(edges)
}

// decided says what the policies allow and deny otherwise than those before.
func (c *Comparison) decided(ctx context.Context, p *page, set *policy.PolicySet) error {
	const otherwise = "What they allow and deny was not compared here: %s. `sluice diff OLD NEW` does it."
	var before *policy.PolicySet
	if set != nil {
		before = c.Base.policies(set, c.same, c.Kinds)
	}
	switch {
	case before == nil:
		p.line(otherwise, "the policies of one of the two cannot be read")
		return nil
	case c.Graph == nil:
		p.line(otherwise, "the evidence is not at hand")
		return nil
	}
	cfg := c.Config
	cfg.Most = mostCompared
	d, err := verify.Diff(ctx, c.Graph, *before, *set, cfg)
	if err != nil {
		return fmt.Errorf("compare with the former bundle: %w", err)
	}
	if d.TooMany {
		p.line(otherwise, "most of it is another, too much for a page")
		return nil
	}
	var rows [3][][]string // by outcome
	var seen [3]int
	for _, unseen := range []bool{false, true} {
		for _, x := range d.Changes {
			if unseen != (x.Edge < 0) {
				continue
			}
			how, why := "never", strings.TrimPrefix(x.After, "allowed: ")
			if !unseen {
				how = c.Graph.Edges[x.Edge].State.String()
				seen[x.To]++
			}
			rows[x.To] = append(rows[x.To], []string{x.Src, x.Dst, x.Port, how, why})
		}
	}
	told := func(o eval.Outcome) string {
		return fmt.Sprintf("**%d** (%d of them seen)", len(rows[o]), seen[o])
	}
	p.line("| connections, by workload and port | |\n|---|---|")
	p.line("| newly allowed | %s |", told(eval.Allowed))
	p.line("| no longer allowed | %s |", told(eval.Denied))
	if len(rows[eval.Unknown]) > 0 {
		p.line("| allowed or not by what is not known | %s |", told(eval.Unknown))
	}
	if d.Same() && len(d.Alike) > 0 {
		p.line("\nNothing is decided differently: %s the same in other words.", Escape(some(d.Alike)))
	}
	for _, part := range []struct {
		head string
		of   eval.Outcome
	}{
		{"Newly allowed", eval.Allowed}, {"No longer allowed", eval.Denied}, {"Not known for sure any more", eval.Unknown},
	} {
		list := foldedRows(rows[part.of])
		if len(list) > 0 {
			p.line("\n%s:\n", part.head)
			p.table(maxFindings, []string{"from", "to", "port", "seen", "decided by"}, list[:min(len(list), maxFindings)])
			if n := len(list) - maxFindings; n > 0 {
				p.line("\n%d more: `sluice diff OLD NEW` lists all.", n)
			}
		}
	}
	c.isolated(p, d.Isolation)
	return nil
}

// foldedRows makes one row of those that differ in nothing but their port, the third cell.
func foldedRows(rows [][]string) [][]string {
	var out [][]string
	for _, s := range verify.Sweeps(rows, func(r *[]string) (src, dst, port, rest string) {
		return (*r)[0], (*r)[1], (*r)[2], strings.Join((*r)[3:], "|")
	}) {
		row := slices.Clone(s.Items[0])
		row[2] = s.Port
		out = append(out, row)
	}
	return out
}

// isolated lists the ends that only one of the bundles denies by default.
func (c *Comparison) isolated(p *page, list []verify.Isolation) {
	var is, was []string
	for _, i := range list {
		text := i.End + " for " + i.Direction.String()
		if i.Isolated {
			is = append(is, text)
		} else {
			was = append(was, text)
		}
	}
	p.list("Denied by default now", is)
	p.list("Denied by default no more", was)
}

// retell writes what a bundle says of its changes anew, as compared with another bundle than the one that it was
// learned over. dir is the bundle's, files are its texts by name. What people changed in a text stays theirs.
func (c *Comparison) retell(ctx context.Context, dir string, m *Manifest, files map[string][]byte) error {
	same, err := m.sameMeaning(c.Base)
	if err != nil {
		return err
	}
	if c.Base == nil {
		for i := range m.Rules {
			m.Rules[i].New = false
		}
	}
	m.markNew(c.Base, same)
	var set *policy.PolicySet
	if c.Base != nil {
		if s, problems, err := Policies(dir, Enforced, c.Kinds...); err == nil && render.Unread(problems) == 0 {
			set = &s
		}
	}
	text, err := c.changes(ctx, m, set, same)
	if err != nil {
		return err
	}
	fresh := map[string]bool{}
	for _, r := range m.Rules {
		fresh[r.ID] = r.New
	}
	for name, was := range files {
		if path.Base(name) != ReviewFile || digestOf(was) != m.Files[name] {
			continue
		}
		now := string(was)
		if name == ReviewFile {
			now = withChanges(now, text)
		}
		for i := range m.Namespaces {
			if n := m.Namespaces[i].Name; len(m.Namespaces) == 1 || path.Dir(name) == path.Join(allowDir, n) {
				now = withPicture(now, m, n)
			}
		}
		files[name] = []byte(marked(now, fresh))
		m.Files[name] = digestOf(files[name])
	}
	_, err = m.stable(c.Base)
	return err
}

// Retold is the text of a review or report with another section of what changed, which review has.
func Retold(text, review string) string {
	_, changes, ok := strings.Cut(review, changesBegin)
	if !ok {
		return withChanges(text, "")
	}
	changes, _, _ = strings.Cut(changes, changesEnd)
	return withChanges(text, changesBegin+changes+changesEnd)
}

// withChanges puts the section of what changed into a page, in place of the one that it has, else before its first
// section.
func withChanges(text, changes string) string {
	if before, rest, ok := strings.Cut(text, changesBegin); ok {
		if _, after, ok := strings.Cut(rest, changesEnd); ok {
			return before + changes + after
		}
	}
	if at := strings.Index(text, "\n## "); at >= 0 {
		return text[:at] + "\n" + strings.TrimSuffix(changes, "\n") + text[at:]
	}
	return text + changes
}

// withPicture draws the picture of a page anew, where it has one.
func withPicture(text string, m *Manifest, namespace string) string {
	before, rest, ok := strings.Cut(text, pictureHead)
	if !ok {
		return text
	}
	p := &page{}
	p.diagram(m, namespace)
	after := ""
	if at := strings.Index(rest, "\n## "); at >= 0 {
		after = rest[at:]
	}
	return before + p.String() + after
}

var ruleRow = regexp.MustCompile(`(?m)^\| ([0-9a-f]{10}) \| (new)? ?\|`)

// marked marks the new rules in the table of a review.
func marked(text string, fresh map[string]bool) string {
	return ruleRow.ReplaceAllStringFunc(text, func(row string) string {
		id := ruleRow.FindStringSubmatch(row)[1]
		if is, known := fresh[id]; !known {
			return row
		} else if is {
			return "| " + id + " | new |"
		}
		return "| " + id + " |  |"
	})
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
		out = append(out, e.Source+" -> "+e.Destination+" "+e.brief())
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
		p.line("- %s", Escape(t))
	}
}
