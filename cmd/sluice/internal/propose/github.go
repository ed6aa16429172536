package propose

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-github/v89/github"
)

// gitHub is GitHub, in the cloud or of an enterprise.
type gitHub struct {
	c           *github.Client
	owner, name string
}

func newGitHub(t *target, token string) (forge, error) {
	options := []github.ClientOptionsFunc{github.WithHTTPClient(asking()), github.WithAuthToken(token)}
	if t.host != "github.com" {
		options = append(options, github.WithEnterpriseURLs(t.api, t.api))
	}
	c, err := github.NewClient(options...)
	owner, name, _ := strings.Cut(t.project, "/")
	return &gitHub{c, owner, name}, err
}

func (f *gitHub) told(doing string, r *github.Response, err error) error {
	var resp *http.Response
	if r != nil {
		resp = r.Response
	}
	var why *github.ErrorResponse
	var limit *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	switch {
	case errors.As(err, &limit):
		return answered(GitHub, doing, limit.Response, limit.Message, err)
	case errors.As(err, &abuse):
		return answered(GitHub, doing, abuse.Response, abuse.Message, err)
	case errors.As(err, &why):
		text := why.Message
		for _, e := range why.Errors {
			text += "; " + e.Message
		}
		return answered(GitHub, doing, why.Response, text, err)
	}
	return answered(GitHub, doing, resp, "", err)
}

func (f *gitHub) Find(ctx context.Context, branch string) ([]Request, error) {
	list, r, err := f.c.PullRequests.List(ctx, f.owner, f.name, &github.PullRequestListOptions{
		State: "all", Head: f.owner + ":" + branch, Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: 100},
	})
	var out []Request
	for _, p := range list {
		if p.GetHead().GetRef() == branch {
			out = append(out, f.request(p))
		}
	}
	return out, f.told("look for pull requests", r, err)
}

func (f *gitHub) request(p *github.PullRequest) Request {
	out := Request{Number: p.GetNumber(), URL: p.GetHTMLURL(), State: Open, Title: p.GetTitle(), Text: p.GetBody(),
		Base: p.GetBase().GetRef(), Branch: p.GetHead().GetRef(), Head: p.GetHead().GetSHA()}
	for _, l := range p.Labels {
		out.LabelNames = append(out.LabelNames, l.GetName())
	}
	switch {
	case p.MergedAt != nil || p.GetMerged():
		out.State = Merged
	case p.GetState() == "closed":
		out.State = Closed
	}
	return out
}

func (f *gitHub) Open(ctx context.Context, q Request) (Request, error) {
	p, r, err := f.c.PullRequests.Create(ctx, f.owner, f.name, &github.NewPullRequest{
		Title: &q.Title, Body: &q.Text, Head: &q.Branch, Base: &q.Base, MaintainerCanModify: github.Ptr(true),
	})
	if err != nil {
		return q, f.told("open a pull request", r, err)
	}
	return f.request(p), nil
}

func (f *gitHub) Edit(ctx context.Context, q Request) error {
	_, r, err := f.c.PullRequests.Edit(ctx, f.owner, f.name, q.Number, &github.PullRequest{Title: &q.Title, Body: &q.Text})
	return f.told("set the text of the pull request", r, err)
}

func (f *gitHub) SetOpen(ctx context.Context, number int, open bool) error {
	state := map[bool]string{true: "open", false: "closed"}[open]
	_, r, err := f.c.PullRequests.Edit(ctx, f.owner, f.name, number, &github.PullRequest{State: &state})
	return f.told("set the pull request to "+state, r, err)
}

func (f *gitHub) Label(ctx context.Context, number int, labels []string) error {
	_, r, err := f.c.Issues.AddLabelsToIssue(ctx, f.owner, f.name, number, labels)
	return f.told("label the pull request", r, err)
}

func (f *gitHub) Statuses(ctx context.Context, commit string) (map[string]Status, error) {
	all, r, err := f.c.Repositories.GetCombinedStatus(ctx, f.owner, f.name, commit, &github.ListOptions{PerPage: 100})
	if err != nil {
		return nil, f.told("look at the commit's statuses", r, err)
	}
	out := map[string]Status{}
	for _, s := range all.Statuses {
		out[s.GetContext()] = Status{s.GetContext(), s.GetState() == "success", s.GetDescription()}
	}
	return out, nil
}

func (f *gitHub) SetStatus(ctx context.Context, commit, _ string, s Status) error {
	state := map[bool]string{true: "success", false: "failure"}[s.OK]
	_, r, err := f.c.Repositories.CreateStatus(ctx, f.owner, f.name, commit,
		github.RepoStatus{State: &state, Context: &s.Name, Description: &s.Text})
	return f.told("set a status of the commit", r, err)
}
