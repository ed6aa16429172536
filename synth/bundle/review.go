package bundle

import (
	"cmp"
	"context"
	"path"
	"sync"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/policy"
)

// reviews writes REVIEW.md, what a person should read before merging, one more beside the policies of each namespace
// for those who own it, REPORT.md, and the pictures. The reviews say what the policies mean, and nothing that changes
// without a rule, an edge or a decision changing: that is in the report of the run.
func reviews(ctx context.Context, in Input, m *Manifest, w *written, before *Former, t *texts) error {
	same, err := m.sameMeaning(before)
	if err != nil {
		return err
	}
	m.markNew(before, same)
	parts := m.byNamespace() // with the places, which all have in common
	r := &reviewer{in: in, m: m, w: w}
	c := Comparison{Base: before, Graph: in.Graph, Config: verifying(&in), Kinds: in.kinds()}
	if in.Base == nil {
		c.same = w.place.kept(w.files)
	}
	if r.changed, err = c.changes(ctx, m, &w.set, same); err != nil {
		return err
	}
	in.Result.Forget()
	w.set = policy.PolicySet{}
	whole := []func() error{
		func() error { return t.write(ReviewFile, r.whole()) },
		func() error { return writeFile(t.on, t.dir, ReportFile, r.report()) }, // it is not of what is listed
		t.places(m),
		t.picture(m),
	}
	of := m.Namespaces
	if len(of) < 2 {
		of = nil // REVIEW.md has it
	}
	errs := make([]error, len(whole)+len(of))
	model.Each(len(errs), func(i int) {
		if i < len(whole) {
			errs[i] = whole[i]()
			return
		}
		n := &of[i-len(whole)]
		if dir := path.Join(allowDir, n.Name); w.files[path.Join(dir, KustomizationFile)] != "" { // it has policies
			p := pages.Get().(*page)
			defer pages.Put(p)
			p.Reset()
			errs[i] = t.write(path.Join(dir, ReviewFile), r.of(parts.part(n.Name)).namespace(p, n))
		}
	})
	return cmp.Or(errs...)
}

// pages are used again: there may be one for each of thousands of namespaces.
var pages = sync.Pool{New: func() any { return &page{} }}

// whole is REVIEW.md: the answer, what changed, what to look at first, and the way into a cluster.
func (r *reviewer) whole() []byte {
	p := &page{}
	p.line("# Network policies for %s\n", title(r.in.Result.Namespaces()))
	r.answer(p)
	p.line("| Was it watched for long enough? | %s says so, with counts. It is of one run and not committed: learn writes it "+
		"beside this file, a pull request of `sluice propose` has it as its text |", ReportFile)
	p.line("| What does this rest on? | %s; `--manifests` tells which workloads the log lacks |", synth.Traceless)
	if b := r.m.Beside; b != nil {
		p.line("| On its own? | no: it holds only what is missing beside %s in force; ends of edges that pass by them already: %d |",
			count(len(b.Policies), "policy", "policies"), b.Granted)
		if len(b.Unsure) > 0 {
			p.line("| Not counted of them? | the network plugin may not read %s: what they alone allow is learned all the same |",
				count(len(b.Unsure), "policy", "policies"))
		}
	}
	p.partial(r.in.Partial)
	p.byHand(r.w.hands)
	p.WriteString(r.changed)
	blocking, others := r.m.committedGroups("")
	r.blockers(p, blocking, "")
	r.risks(p, "")
	p.findings(others)
	p.widenings(r.m)
	r.spaces(p)
	if len(r.m.Namespaces) == 1 {
		p.diagram(r.m, r.m.Namespaces[0].Name)
	}
	p.next(r.m, r.in.Result.Dialect.Rollout())
	return p.fit("the reviews beside the policies of each namespace and " + ManifestFile)
}

// namespace writes the review of one namespace.
func (r *reviewer) namespace(p *page, n *Namespace) []byte {
	e := r.in.Result.Enforce[n.Name]
	p.line("# Network policies for %s\n", Escape(n.Name))
	p.line("| direction | default deny |\n|---|---|")
	for _, d := range policy.Directions() {
		p.line("| %s | %s |", d, Escape(e.LastingWords(d)))
	}
	p.line("\nWhat all namespaces have in common, and how this comes into a cluster: [%s](../../%s).", ReviewFile, ReviewFile)
	blocking, others := r.m.committedGroups(n.Name)
	r.blockers(p, blocking, n.Name)
	p.diagram(r.m, n.Name)
	r.rules(p, n.Name)
	p.findings(others)
	return p.fit(ManifestFile)
}
