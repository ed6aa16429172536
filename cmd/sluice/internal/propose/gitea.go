package propose

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"code.gitea.io/sdk/gitea"
)

// giteaForge is Gitea or Forgejo.
type giteaForge struct {
	c           *gitea.Client
	owner, name string
}

func newGitea(ctx context.Context, t *target, token string) (forge, error) {
	c, err := gitea.NewClient(t.api, gitea.SetHTTPClient(asking()), gitea.SetToken(token), gitea.SetContext(ctx),
		gitea.SetGiteaVersion("")) // it is not asked for: forks number their versions otherwise
	owner, name, _ := strings.Cut(t.project, "/")
	return &giteaForge{c, owner, name}, err
}

func (f *giteaForge) told(doing string, r *gitea.Response, err error) error {
	var resp *http.Response
	if r != nil {
		resp = r.Response
	}
	why := ""
	if err != nil {
		why = err.Error()
	}
	return answered(Gitea, doing, resp, why, err)
}

// perPage is the size of a page; a server may give less.
const perPage = 50

func (f *giteaForge) Find(_ context.Context, branch string) ([]Request, error) {
	var out []Request
	for page := 1; page > 0; {
		list, r, err := f.c.ListRepoPullRequests(f.owner, f.name, gitea.ListPullRequestsOptions{
			State: gitea.StateAll, ListOptions: gitea.ListOptions{Page: page, PageSize: perPage},
		})
		if err != nil {
			return nil, f.told("look for pull requests", r, err)
		}
		for _, p := range list {
			if of(p, branch) {
				out = append(out, f.request(p))
			}
		}
		page = next(page, r.NextPage, len(list))
	}
	slices.SortFunc(out, func(a, b Request) int { return b.Number - a.Number })
	return out, nil
}

// of reports whether a request comes from a branch of the repository that it goes into. The branch may be gone.
func of(p *gitea.PullRequest, branch string) bool {
	if p.Head == nil || p.Base == nil || p.Head.RepoID != 0 && p.Head.RepoID != p.Base.RepoID {
		return false
	}
	return p.Head.Ref == branch || p.Head.Name == branch
}

func (f *giteaForge) request(p *gitea.PullRequest) Request {
	out := Request{Number: int(p.Index), URL: p.HTMLURL, State: Open, Title: p.Title, Text: p.Body,
		Base: p.Base.Ref, Branch: p.Head.Ref, Head: p.Head.Sha}
	for _, l := range p.Labels {
		out.LabelNames = append(out.LabelNames, l.Name)
	}
	switch {
	case p.HasMerged:
		out.State = Merged
	case p.State == gitea.StateClosed:
		out.State = Closed
	}
	return out
}

func (f *giteaForge) Open(_ context.Context, q Request) (Request, error) {
	p, r, err := f.c.CreatePullRequest(f.owner, f.name,
		gitea.CreatePullRequestOption{Head: q.Branch, Base: q.Base, Title: q.Title, Body: q.Text})
	if err != nil {
		return q, f.told("open a pull request", r, err)
	}
	return f.request(p), nil
}

func (f *giteaForge) Edit(_ context.Context, q Request) error {
	_, r, err := f.c.EditPullRequest(f.owner, f.name, int64(q.Number),
		gitea.EditPullRequestOption{Title: q.Title, Body: &q.Text})
	return f.told("set the text of the pull request", r, err)
}

func (f *giteaForge) SetOpen(ctx context.Context, number int, open bool) error {
	f.c.SetContext(ctx) // it may be taken back after an interruption
	state := map[bool]gitea.StateType{true: gitea.StateOpen, false: gitea.StateClosed}[open]
	_, r, err := f.c.EditPullRequest(f.owner, f.name, int64(number), gitea.EditPullRequestOption{State: &state})
	return f.told("set the pull request to "+string(state), r, err)
}

// labelColor is that of labels that the repository did not have.
const labelColor = "#2a7de1"

func (f *giteaForge) Label(_ context.Context, number int, labels []string) error {
	ids := map[string]int64{}
	for page := 1; page > 0; {
		list, r, err := f.c.ListRepoLabels(f.owner, f.name,
			gitea.ListLabelsOptions{ListOptions: gitea.ListOptions{Page: page, PageSize: perPage}})
		if err != nil {
			return f.told("look for labels", r, err)
		}
		for _, l := range list {
			ids[l.Name] = l.ID
		}
		page = next(page, r.NextPage, len(list))
	}
	var add []int64
	for _, name := range labels {
		id, ok := ids[name]
		if !ok {
			l, r, err := f.c.CreateLabel(f.owner, f.name, gitea.CreateLabelOption{Name: name, Color: labelColor})
			if err != nil {
				return f.told("make the label "+name, r, err)
			}
			id = l.ID
		}
		add = append(add, id)
	}
	_, r, err := f.c.AddIssueLabels(f.owner, f.name, int64(number), gitea.IssueLabelsOption{Labels: add})
	return f.told("label the pull request", r, err)
}

func (f *giteaForge) Statuses(_ context.Context, commit string) (map[string]Status, error) {
	all, r, err := f.c.GetCombinedStatus(f.owner, f.name, commit)
	if err != nil {
		return nil, f.told("look at the commit's statuses", r, err)
	}
	out := map[string]Status{}
	for _, s := range all.Statuses {
		out[s.Context] = Status{s.Context, s.State == gitea.StatusSuccess, s.Description}
	}
	return out, nil
}

func (f *giteaForge) SetStatus(_ context.Context, commit, _ string, s Status) error {
	state := map[bool]gitea.StatusState{true: gitea.StatusSuccess, false: gitea.StatusFailure}[s.OK]
	_, r, err := f.c.CreateStatus(f.owner, f.name, commit,
		gitea.CreateStatusOption{State: state, Context: s.Name, Description: s.Text})
	return f.told("set a status of the commit", r, err)
}
