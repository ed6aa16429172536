// Package propose puts a bundle into a branch of a Git repository and keeps one pull request for it: the same branch
// and the same request, run after run. It never takes from people what is theirs: their commits on the branch stay,
// what they changed in the policies is joined or stands, and a request that they closed stays closed. Everything is
// prepared before anything is pushed; what fails afterwards is taken back or named. It learns nothing and judges
// nothing.
//
// Only this package knows Git and the forges. Gitea is tested with a real server; GitHub and GitLab with answers as
// their documentation has them.
package propose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sluice/cmd/sluice/internal/disk"
	"sluice/synth/bundle"
)

// Run proposes a bundle.
func Run(ctx context.Context, o Options) (*Result, error) { return propose(ctx, o, (*run).client) }

// propose is Run with a client of the forge.
func propose(ctx context.Context, o Options, client func(*run, context.Context) error) (*Result, error) {
	p := &run{Options: o, out: &Result{DryRun: o.DryRun}}
	err := p.prepare(ctx, client)
	if p.repo != nil {
		defer p.repo.close()
	}
	if p.dir != "" {
		defer os.RemoveAll(p.dir)
	}
	if err == nil && p.out.Action == "" {
		err = p.carryOut(ctx)
	}
	p.hide()
	return p.out, p.token.hide(err)
}

// hide keeps the token out of what the server says and is told.
func (p *run) hide() {
	p.out.Base = p.token.conceal(p.out.Base)
	for i, text := range p.out.Remarks {
		p.out.Remarks[i] = p.token.conceal(text)
	}
	if q := p.out.Request; q != nil {
		q.URL, q.Title = p.token.conceal(q.URL), p.token.conceal(q.Title)
	}
}

// branchPrefix is what the branches of proposals begin with.
const branchPrefix = "sluice/"

// prepare finds out what is there and makes the commits, and changes nothing anywhere.
func (p *run) prepare(ctx context.Context, client func(*run, context.Context) error) (err error) {
	m, err := bundle.Read(p.Bundle)
	if err != nil {
		return err
	}
	p.name = cmp.Or(m.Name, bundle.DefaultName)
	p.out.Branch = branchPrefix + p.name
	if p.t, err = locate(p.Repo, p.Options.Forge); err != nil {
		return fmt.Errorf("--repo: %w", err)
	}
	if p.token, err = token(p.t.forge, p.TokenFile); err != nil {
		return err
	}
	if err := client(p, ctx); err != nil {
		return err
	}
	if p.repo, err = connect(ctx, p.t, p.token); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.branches, p.requests, p.begin, p.content} {
		if err := step(ctx); err != nil || p.out.Action != "" {
			return err
		}
	}
	return nil
}

// client makes the client of the forge.
func (p *run) client(ctx context.Context) (err error) {
	switch {
	case p.t.forge == None:
		return nil
	case p.token.secret == "" && p.DryRun:
		p.remark("no token was given: pull requests were not looked for")
		return nil
	case p.token.secret == "":
		return fmt.Errorf("a token is needed to open a pull request: set %s, or give --token-file", variables[p.t.forge][0])
	case p.t.clear:
		p.remark(p.t.host + " is reached by http: the token crosses the network in the clear")
	}
	switch p.t.forge {
	case GitHub:
		p.forge, err = newGitHub(p.t, p.token.secret)
	case GitLab:
		p.forge, err = newGitLab(p.t, p.token)
	default:
		p.forge, err = newGitea(ctx, p.t, p.token.secret)
	}
	p.forge = sound{p.forge}
	return err
}

// branches fetches the base and the branch.
func (p *run) branches(ctx context.Context) error {
	base := cmp.Or(p.Base, p.repo.main)
	p.out.Base = base
	if _, ok := p.repo.heads[base]; !ok {
		has := ": it has no branch yet, and needs a first commit"
		if heads := slices.Sorted(maps.Keys(p.repo.heads)); len(heads) > 0 {
			const most = 10
			if len(heads) > most {
				heads = append(heads[:most], "...")
			}
			has = ": give --base (it has " + strings.Join(heads, ", ") + ")"
		}
		if base == "" {
			return errors.New("the server names no branch of its own" + has)
		}
		return fmt.Errorf("the repository has no branch %s%s", base, has)
	}
	if base == p.out.Branch {
		return fmt.Errorf("--base %s is the branch of the proposal itself", base)
	}
	list := []string{base}
	if _, ok := p.repo.heads[p.out.Branch]; ok {
		list = append(list, p.out.Branch)
	}
	err := p.repo.fetch(ctx, list...)
	if err != nil {
		return err
	}
	if p.base, err = p.repo.CommitObject(p.repo.heads[base]); err != nil || len(list) == 1 {
		return err
	}
	p.tip, err = p.repo.CommitObject(p.repo.heads[p.out.Branch])
	return err
}

// requests finds the one request of the bundle: the open one, else the newest.
func (p *run) requests(ctx context.Context) error {
	if p.forge == nil {
		return nil
	}
	list, err := p.forge.Find(ctx, p.out.Branch)
	if err != nil {
		return err
	}
	for i := range list {
		if q := &list[i]; q.State == Open {
			p.open = q
			return p.ours(q)
		}
	}
	for i := range list {
		name, path, done, ok := marked(list[i].Text)
		if !ok || name != p.name || path != p.Path {
			continue
		}
		switch q := &list[i]; {
		case q.State == Merged:
			p.merged = q
		case !done:
			p.closed = q
		}
		return nil
	}
	return nil
}

// ours says why an open request from the branch is not that of this proposal, nil if it is.
func (p *run) ours(q *Request) error {
	name, path, _, ok := marked(q.Text)
	switch {
	case !ok || name != p.name:
		return fmt.Errorf("%s is from %s and not of this bundle: its text has no line %q. Close it, put the line back, or %s",
			q.URL, q.Branch, mark(p.name, p.Path, false), otherName)
	case path != p.Path:
		return fmt.Errorf("%s proposes %s in %s: give --path %s, or %s", q.URL, name, path, path, otherName)
	case q.Base != p.out.Base:
		return fmt.Errorf("%s goes into %s, not %s: give --base %s, or close it", q.URL, q.Base, p.out.Base, q.Base)
	}
	return nil
}

const otherName = "give this bundle another name (learn --name)"

// begin decides what the new commits stand on.
func (p *run) begin(context.Context) error {
	p.start = p.base
	if p.tip == nil {
		return nil
	}
	ours, theirs, err := p.commits()
	switch {
	case err != nil:
		return err
	case theirs == 0, p.asksFresh(), p.merged != nil && p.merged.Head == p.tip.Hash.String():
		return nil
	case p.rewritten != nil:
		const text = "%s was rewritten since %s left it at %.7s, and the branch holds commits of people: " +
			"have them rebased onto it, or tick the box of the request to start afresh without them"
		return fmt.Errorf(text, p.out.Base, p.out.Branch, p.rewritten.Hash)
	case ours == 0 && p.open == nil && p.elsewhere != "":
		const text = "the branch %s proposes %s in %s: give --path %s, or %s"
		return fmt.Errorf(text, p.out.Branch, p.name, p.elsewhere, p.elsewhere, otherName)
	case ours == 0 && p.open == nil:
		return fmt.Errorf("the branch %s is there and holds no proposal: remove it, or %s", p.out.Branch, otherName)
	case p.forge != nil && p.open == nil && p.closed == nil:
		const text = "the branch %s holds commits of people and has no open pull request: open one for them, or remove it"
		return fmt.Errorf(text, p.out.Branch)
	}
	p.start, p.appends = p.tip, true
	return nil
}

// asksFresh reports whether people asked for a branch without what they committed to it.
func (p *run) asksFresh() bool { return p.open != nil && asksFresh(p.open.Text) }

// commits counts those of the branch that the base does not have: sluice's, and people's.
func (p *run) commits() (ours, theirs int, err error) {
	known := map[plumbing.Hash]bool{}
	know := func(from *object.Commit) error {
		all := object.NewCommitPreorderIter(from, known, nil)
		defer all.Close()
		return all.ForEach(func(c *object.Commit) error { known[c.Hash] = true; return nil })
	}
	if err := know(p.base); err != nil {
		return 0, 0, err
	}
	left, err := p.left()
	if err != nil {
		return 0, 0, err
	}
	if left != nil && !known[left.Hash] {
		p.rewritten = left
		if err := know(left); err != nil {
			return 0, 0, err
		}
	}
	of := object.NewCommitPreorderIter(p.tip, known, nil)
	defer of.Close()
	err = of.ForEach(func(c *object.Commit) error {
		mine, err := p.mine(c)
		if mine {
			ours++
		} else {
			theirs++
			if at, ok := strings.CutPrefix(trailer(c.Message, bundleTrailer), p.name+" in "); ok && at != p.Path {
				p.elsewhere = at
			}
		}
		return err
	})
	return ours, theirs, err
}

// left is the commit of the base that the branch began at, as sluice's first commit on it says, nil where none does.
// Once people rewrote the base it is in no history but the branch's, and is nobody's work on the branch.
func (p *run) left() (*object.Commit, error) {
	for c := p.tip; len(c.ParentHashes) > 0; {
		parent, err := c.Parent(0)
		if err != nil {
			return nil, err
		}
		if trailer(c.Message, baseTrailer) == p.out.Base {
			if mine, err := p.mine(c); err != nil || mine {
				return parent, err
			}
		}
		c = parent
	}
	return nil, nil
}

// mine reports whether a commit is sluice's, and is as sluice made it.
func (p *run) mine(c *object.Commit) (bool, error) {
	if trailer(c.Message, bundleTrailer) != p.name+" in "+p.Path || len(c.ParentHashes) != 1 {
		return false, nil
	}
	tree, err := p.repo.under(c.TreeHash, p.Path)
	if err != nil || tree.String() != trailer(c.Message, treeTrailer) {
		return false, err
	}
	parent, err := c.Parent(0)
	if err != nil {
		return false, err
	}
	whole, err := p.repo.with(parent.TreeHash, p.Path, tree)
	return whole == c.TreeHash, err
}

// content lays the bundle over what is there, and makes the commits.
func (p *run) content(ctx context.Context) error {
	was, err := p.repo.under(p.start.TreeHash, p.Path)
	if err != nil {
		return err
	}
	former, err := p.repo.read(was)
	if err != nil {
		return err
	}
	if p.dir, err = disk.Scratch("proposal"); err != nil {
		return err
	}
	if err := p.repo.lay(former, p.dir); err != nil {
		return err
	}
	var failed error
	merge := func(name, digest string, theirs, ours []byte) ([]byte, bool) {
		ancestor, err := p.repo.past(p.start, path.Join(p.Path, name), digest)
		if err != nil || ancestor == nil {
			failed = errors.Join(failed, err)
			return nil, false
		}
		text, ok := join(string(ancestor), string(theirs), string(ours))
		return []byte(text), ok
	}
	against, err := p.against(ctx)
	if err != nil {
		return err
	}
	p.out.Laid, err = bundle.Over(ctx, p.Bundle, p.dir, p.Evidence, merge, against)
	if err := errors.Join(err, failed); err != nil {
		return &placedError{err, strings.ReplaceAll(err.Error(), p.dir, p.Path)}
	}
	now, err := p.repo.take(p.dir, former)
	if err != nil {
		return err
	}
	tree, err := p.repo.write(now)
	if err != nil {
		return err
	}
	err = p.settle(tree, was)
	switch {
	case err != nil || p.out.Action != "":
		return err
	case p.closed != nil && !p.Reopen:
		p.out.Action, p.out.Request = Respected, p.closed
		return nil
	case p.head != nil:
		return nil
	}
	return p.commit(now, tree)
}

// placedError names files by their places in the repository, and not where they were laid for the moment.
type placedError struct {
	error
	text string
}

func (e *placedError) Error() string { return e.text }
func (e *placedError) Unwrap() error { return e.error }

// against returns what the reviews compare the bundle with: that of the base, whatever it was learned over.
func (p *run) against(ctx context.Context) (*bundle.Comparison, error) {
	if p.Compare == nil {
		return nil, nil
	}
	at, err := p.repo.under(p.base.TreeHash, p.Path)
	if err != nil {
		return nil, err
	}
	has, err := p.repo.read(at)
	if err != nil {
		return nil, err
	}
	if _, ok := has[bundle.ManifestFile]; !ok {
		return p.Compare(ctx, "")
	}
	dir, err := disk.Scratch("base")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := p.repo.lay(has, dir); err != nil {
		return nil, err
	}
	return p.Compare(ctx, dir)
}

// settle looks whether there is anything to change. The head is set where the branch stays as it is.
func (p *run) settle(tree, was plumbing.Hash) error {
	switch {
	case p.appends && tree == was:
		p.head = p.tip
	case tree == was && p.open != nil:
		p.head = p.base // it has everything
	case tree == was:
		p.out.Action = Nothing
	}
	if p.tip == nil || p.head != nil || p.out.Action != "" {
		return nil
	}
	roots, err := p.tip.MergeBase(p.base)
	if err != nil || len(roots) != 1 {
		return err
	}
	then, err := p.repo.under(roots[0].TreeHash, p.Path)
	if err != nil {
		return err
	}
	now, err := p.repo.under(p.base.TreeHash, p.Path)
	if err != nil {
		return err
	}
	there, err := p.repo.under(p.tip.TreeHash, p.Path)
	switch {
	case err != nil:
		return err
	case p.appends && then != now:
		const text = "%s changed %s since the branch left it; the branch holds commits of people, who have to merge it"
		p.remark(fmt.Sprintf(text, p.out.Base, p.Path))
	case !p.appends && then == now && there == tree && !p.asksFresh() && p.rewritten == nil:
		p.head = p.tip // the base may have moved, and not here
	}
	return nil
}

// commit makes the commits. What people changed is joined in one of its own where the flows changed the same files, so
// that the next run finds in the history what both began with.
func (p *run) commit(now files, tree plumbing.Hash) error {
	at := p.start
	if ours := p.out.Laid.Ours; len(ours) > 0 {
		pure := files{}
		for name, e := range now {
			pure[name] = e
		}
		for name, text := range ours {
			if err := p.repo.put(pure, name, text, now[name].mode); err != nil {
				return err
			}
		}
		first, err := p.repo.write(pure)
		if err != nil {
			return err
		}
		if first != tree {
			if at, err = p.add(at, first, &bundle.Laid{}); err != nil {
				return err
			}
		}
	}
	var err error
	p.head, err = p.add(at, tree, p.out.Laid)
	return err
}

func (p *run) add(on *object.Commit, tree plumbing.Hash, laid *bundle.Laid) (*object.Commit, error) {
	whole, err := p.repo.with(on.TreeHash, p.Path, tree)
	if err != nil {
		return nil, err
	}
	by := p.Author
	if by == nil {
		by = &Sluice
	}
	base := ""
	if on == p.base {
		base = p.out.Base
	}
	return p.repo.commit(on, whole, by, message(p.name, p.Path, laid, tree.String(), base, by, p.SignOff))
}

// Clean is the name of a directory in a repository as it is compared, "" where it is none.
func Clean(dir string) string {
	dir = path.Clean(filepath.ToSlash(dir))
	if dir != "." && !safe(dir) || strings.ContainsAny(dir, ",\n\r") || strings.Contains(dir, "--") {
		return ""
	}
	return dir
}
