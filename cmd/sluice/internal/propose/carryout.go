package propose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"sluice/synth/bundle"
)

// carryOut does what was prepared: the branch first, then the request.
func (p *run) carryOut(ctx context.Context) error {
	p.out.Commit = p.head.Hash.String()
	if p.open != nil && p.head == p.base {
		return p.obsolete(ctx)
	}
	if err := p.check(ctx); err != nil {
		return err
	}
	if p.DryRun {
		return p.tell()
	}
	if p.closed != nil {
		if err := p.reopen(ctx); err != nil {
			return err
		}
	}
	if err := p.push(ctx); err != nil {
		return err
	}
	if p.forge == nil {
		p.out.Action = Unchanged
		if p.out.Pushed {
			p.out.Action = Pushed
		}
		return nil
	}
	return p.request(ctx)
}

// check has the policies judged as they are proposed.
func (p *run) check(ctx context.Context) (err error) {
	if p.Check != nil {
		p.out.Statuses, err = p.Check(ctx, p.dir)
	}
	if err != nil {
		return fmt.Errorf("judge what is proposed: %w", err)
	}
	return nil
}

// tell says what would be done.
func (p *run) tell() error {
	from := p.base
	if p.open != nil && p.tip != nil {
		from = p.tip
	}
	patch, err := from.Patch(p.head)
	if err != nil {
		return err
	}
	p.out.Diff, p.out.Request = patch.String(), p.open
	p.out.Pushed = p.tip == nil || p.tip.Hash != p.head.Hash
	switch {
	case p.forge == nil && p.t.forge == None:
		p.out.Action = map[bool]Action{true: Pushed, false: Unchanged}[p.out.Pushed]
	case p.open == nil && p.closed != nil:
		p.out.Action = Reopened
	case p.open == nil:
		p.out.Action = Opened
	default:
		p.out.Action = map[bool]Action{true: Updated, false: Unchanged}[p.out.Pushed]
	}
	return nil
}

// reopen opens the closed request again, while its branch is there and before it moves: a forge refuses once it has
// moved by force. One that cannot be opened is left closed, and a new one takes its place.
func (p *run) reopen(ctx context.Context) error {
	if p.closed.Base != p.out.Base {
		p.remark(fmt.Sprintf("%s went into %s, a new one into %s takes its place", p.closed.URL, p.closed.Base, p.out.Base))
		return nil
	}
	if p.tip == nil {
		return nil
	}
	err := p.forge.SetOpen(ctx, p.closed.Number, true)
	var why *refused
	switch {
	case err == nil:
		p.open = p.closed
		p.open.State = Open
	case errors.As(err, &why):
		p.remark(fmt.Sprintf("%s could not be opened again, a new one takes its place: %s", p.closed.URL, why.why))
	default:
		return err
	}
	return nil
}

// push moves the branch.
func (p *run) push(ctx context.Context) error {
	if p.tip != nil && p.tip.Hash == p.head.Hash {
		return nil
	}
	if err := p.repo.push(ctx, p.out.Branch, p.was(), p.head.Hash); err != nil {
		if p.closed != nil && p.open != nil {
			ctx, stop := late(ctx)
			defer stop()
			err = errors.Join(err, p.forge.SetOpen(ctx, p.closed.Number, false))
		}
		return err
	}
	p.out.Pushed = true
	return nil
}

// late is the context of what is taken back: an interruption does not keep it from that, and it has an end.
func late(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 2*patience)
}

func (p *run) was() plumbing.Hash {
	if p.tip == nil {
		return plumbing.ZeroHash
	}
	return p.tip.Hash
}

// request opens or edits the request, and sets labels and statuses.
func (p *run) request(ctx context.Context) error {
	said, err := report(p.Bundle)
	if err != nil {
		return err
	}
	first := ""
	if review, err := os.ReadFile(filepath.Join(p.dir, bundle.ReviewFile)); err == nil {
		first = p.t.page(p.out.Branch, path.Join(p.Path, bundle.ReviewFile))
		if p.Compare != nil {
			said = bundle.Retold(said, string(review))
		}
	}
	text := part(p.name, p.Path, said, first, p.out)
	switch {
	case p.open == nil:
		err = p.openNew(ctx, text)
	default:
		err = p.edit(ctx, text)
	}
	if err != nil {
		return err
	}
	p.out.Request = p.open
	if err := p.decorate(ctx); err != nil {
		return fmt.Errorf("%s is open: %w", p.open.URL, err)
	}
	return nil
}

// openNew opens a request. Where that fails the branch goes back to where it was.
func (p *run) openNew(ctx context.Context, text string) error {
	title := cmp.Or(p.Title, "Network policies of "+p.name)
	q, err := p.forge.Open(ctx, Request{Title: title, Text: text, Base: p.out.Base, Branch: p.out.Branch})
	if err == nil {
		p.open, p.out.Action = &q, Opened
		return nil
	}
	if !p.out.Pushed {
		return err
	}
	ctx, stop := late(ctx)
	defer stop()
	if back := p.repo.push(ctx, p.out.Branch, p.head.Hash, p.was()); back != nil {
		const left = "the branch %s was pushed and could not be taken back: run propose again once the server answers (%v)"
		p.remark(fmt.Sprintf(left, p.out.Branch, plain(back))) // also where the error is no more than an interruption
		return err
	}
	p.out.Pushed = false
	return fmt.Errorf("%w\nthe branch %s was taken back", err, p.out.Branch)
}

// edit sets the title and the text, where they are others.
func (p *run) edit(ctx context.Context, text string) error {
	q := *p.open
	q.Text, q.Title = within(p.open.Text, text), cmp.Or(p.Title, p.open.Title)
	p.out.Action = Unchanged
	switch {
	case p.closed != nil:
		p.out.Action = Reopened
	case p.out.Pushed:
		p.out.Action = Updated
	}
	if q.Text == p.open.Text && q.Title == p.open.Title {
		return nil
	}
	if err := p.forge.Edit(ctx, q); err != nil {
		return fmt.Errorf("%s is open, and its branch is as it should be: %w", p.open.URL, err)
	}
	*p.open = q
	p.edited()
	return nil
}

// edited notes that something was set on a request whose branch stayed.
func (p *run) edited() {
	if p.out.Action == Unchanged {
		p.out.Action = Edited
	}
}

// decorate sets the labels and statuses that are not there.
func (p *run) decorate(ctx context.Context) error {
	if len(p.Labels) > 0 && !hasAll(p.open, p.Labels) {
		if err := p.forge.Label(ctx, p.open.Number, p.Labels); err != nil {
			return err
		}
		p.edited()
	}
	if len(p.out.Statuses) == 0 {
		return nil
	}
	there, err := p.forge.Statuses(ctx, p.out.Commit)
	if err != nil {
		return err
	}
	for _, s := range p.out.Statuses {
		s.Text = short(s.Text, maxStatus)
		if there[s.Name] == s {
			continue
		}
		if err := p.forge.SetStatus(ctx, p.out.Commit, p.out.Branch, s); err != nil {
			return err
		}
		p.edited()
	}
	return nil
}

// obsolete closes a request that has nothing to change any more: its base has the bundle.
func (p *run) obsolete(ctx context.Context) error {
	p.out.Action, p.out.Request, p.out.Commit = Obsolete, p.open, ""
	if p.DryRun {
		return nil
	}
	q := *p.open
	q.Text = within(q.Text, fmt.Sprintf("%s\nNothing is left to change: `%s` has these policies.\n%s",
		mark(p.name, p.Path, true), p.out.Base, endMark))
	if err := p.forge.Edit(ctx, q); err != nil {
		return err
	}
	return p.forge.SetOpen(ctx, q.Number, false)
}
