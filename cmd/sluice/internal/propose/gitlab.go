package propose

import (
	"context"
	"errors"
	"net/http"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// gitLab is GitLab, whose pull requests are merge requests.
type gitLab struct {
	c       *gitlab.Client
	project string
}

func newGitLab(t *target, token Token) (forge, error) {
	with := gitlab.NewClient
	if token.job {
		with = gitlab.NewJobClient
	}
	c, err := with(token.secret, gitlab.WithBaseURL(t.api), gitlab.WithHTTPClient(asking()),
		gitlab.WithOnlyIdempotentRetries(), gitlab.WithCustomRetryMax(2), gitlab.WithCustomBackoff(pause))
	return &gitLab{c, t.project}, err
}

// pause is how long it waits before it asks again, whatever the server wants: that may be hours.
func pause(_, _ time.Duration, attempt int, _ *http.Response) time.Duration {
	return time.Duration(attempt+1) * 500 * time.Millisecond
}

func (f *gitLab) told(doing string, r *gitlab.Response, err error) error {
	var resp *http.Response
	if r != nil {
		resp = r.Response
	}
	var why *gitlab.ErrorResponse
	switch {
	case errors.Is(err, gitlab.ErrNotFound): // it has no response
		resp = &http.Response{StatusCode: http.StatusNotFound}
	case errors.As(err, &why):
		return answered(GitLab, doing, why.Response, why.Message, err)
	}
	return answered(GitLab, doing, resp, "", err)
}

func (f *gitLab) Find(ctx context.Context, branch string) ([]Request, error) {
	list, r, err := f.c.MergeRequests.ListProjectMergeRequests(f.project, &gitlab.ListProjectMergeRequestsOptions{
		State: gitlab.Ptr("all"), SourceBranch: &branch, OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("desc"),
		ListOptions: gitlab.ListOptions{PerPage: 100},
	}, gitlab.WithContext(ctx))
	var out []Request
	for _, m := range list {
		if m.SourceBranch == branch && m.SourceProjectID == m.TargetProjectID {
			out = append(out, f.request(m))
		}
	}
	return out, f.told("look for merge requests", r, err)
}

func (f *gitLab) request(m *gitlab.BasicMergeRequest) Request {
	out := Request{Number: int(m.IID), URL: m.WebURL, State: Open, Title: m.Title, Text: m.Description,
		Base: m.TargetBranch, Branch: m.SourceBranch, Head: m.SHA, LabelNames: m.Labels}
	switch m.State {
	case "merged":
		out.State = Merged
	case "closed":
		out.State = Closed
	}
	return out
}

func (f *gitLab) Open(ctx context.Context, q Request) (Request, error) {
	m, r, err := f.c.MergeRequests.CreateMergeRequest(f.project, &gitlab.CreateMergeRequestOptions{
		Title: &q.Title, Description: &q.Text, SourceBranch: &q.Branch, TargetBranch: &q.Base,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return q, f.told("open a merge request", r, err)
	}
	return f.request(&m.BasicMergeRequest), nil
}

func (f *gitLab) Edit(ctx context.Context, q Request) error {
	return f.update(ctx, "set the text of the merge request", q.Number,
		&gitlab.UpdateMergeRequestOptions{Title: &q.Title, Description: &q.Text})
}

func (f *gitLab) SetOpen(ctx context.Context, number int, open bool) error {
	event := map[bool]string{true: "reopen", false: "close"}[open]
	return f.update(ctx, event+" the merge request", number, &gitlab.UpdateMergeRequestOptions{StateEvent: &event})
}

func (f *gitLab) Label(ctx context.Context, number int, labels []string) error {
	list := gitlab.LabelOptions(labels)
	return f.update(ctx, "label the merge request", number, &gitlab.UpdateMergeRequestOptions{AddLabels: &list})
}

func (f *gitLab) update(ctx context.Context, doing string, number int, o *gitlab.UpdateMergeRequestOptions) error {
	_, r, err := f.c.MergeRequests.UpdateMergeRequest(f.project, int64(number), o, gitlab.WithContext(ctx))
	return f.told(doing, r, err)
}

func (f *gitLab) Statuses(ctx context.Context, commit string) (map[string]Status, error) {
	list, r, err := f.c.Commits.GetCommitStatuses(f.project, commit,
		&gitlab.GetCommitStatusesOptions{ListOptions: gitlab.ListOptions{PerPage: 100}}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, f.told("look at the commit's statuses", r, err)
	}
	out := map[string]Status{}
	for _, s := range list {
		out[s.Name] = Status{s.Name, s.Status == string(gitlab.Success), s.Description}
	}
	return out, nil
}

func (f *gitLab) SetStatus(ctx context.Context, commit, branch string, s Status) error {
	state := map[bool]gitlab.BuildStateValue{true: gitlab.Success, false: gitlab.Failed}[s.OK]
	_, r, err := f.c.Commits.SetCommitStatus(f.project, commit, &gitlab.SetCommitStatusOptions{
		State: state, Ref: &branch, Name: &s.Name, Description: &s.Text,
	}, gitlab.WithContext(ctx))
	return f.told("set a status of the commit", r, err)
}
