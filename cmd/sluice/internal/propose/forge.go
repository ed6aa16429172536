package propose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// forge is where pull requests are: a client of one server, for one repository.
type forge interface {
	// Find returns the requests from a branch of the repository itself, the newest first.
	Find(ctx context.Context, branch string) ([]Request, error)
	Open(ctx context.Context, r Request) (Request, error)
	// Edit sets the title and the text.
	Edit(ctx context.Context, r Request) error
	// SetOpen opens a closed request again, or closes one.
	SetOpen(ctx context.Context, number int, open bool) error
	// Label adds labels, and makes those that the repository does not have.
	Label(ctx context.Context, number int, labels []string) error
	// Statuses returns those of a commit by their names, SetStatus adds one.
	Statuses(ctx context.Context, commit string) (map[string]Status, error)
	SetStatus(ctx context.Context, commit, branch string, s Status) error
}

// Request is a pull request; GitLab calls it a merge request.
type Request struct {
	Number     int
	URL        string
	State      State
	Title      string
	Text       string
	Base       string // the branch that it goes into
	Branch     string
	Head       string // the commit
	LabelNames []string
}

// State is that of a pull request.
type State string

// The states.
const (
	Open   State = "open"
	Closed State = "closed" // not merged
	Merged State = "merged"
)

// Status is what a check says of a commit.
type Status struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// maxStatus is how much text GitHub takes with a status; the others take more.
const maxStatus = 140

// patience is how long a server may take to begin its answer.
const patience = 30 * time.Second

// client is how servers are talked to: not without end, and a token goes to no other server than the one it is for.
func client() *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: patience, TLSHandshakeTimeout: patience}
	return &http.Client{Transport: t, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		from := via[0].URL
		if to.URL.Host != from.Host || to.URL.Scheme != from.Scheme {
			return fmt.Errorf("%s sends on to %s: give the repository by the URL that it has", from.Host, to.URL.Host)
		}
		const most = 5
		if len(via) > most {
			return errors.New("the server redirects without end")
		}
		return nil
	}}
}

// The bounds of one answer of a forge. The clients read each whole before they look at it: without bounds a server
// could fill the memory of whoever asks it, or keep them for ever.
const (
	maxAnswer  = 64 << 20
	answerTime = 5 * time.Minute
)

// asking is the client for the API of a forge.
func asking() *http.Client {
	c := client()
	c.Transport, c.Timeout = bounded{c.Transport}, answerTime
	return c
}

// bounded gives answers of no more than maxAnswer bytes, as they are unpacked.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil && resp.Body != nil {
		resp.Body = &answer{resp.Body, maxAnswer, r.URL.Host}
	}
	return resp, err
}

// answer is a body that ends with an error where it is too long.
type answer struct {
	io.ReadCloser
	left int
	host string
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("%s answers with more than %d MiB: that is no forge", a.host, maxAnswer>>20)
	}
	n, err := a.ReadCloser.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// refused is an answer of a forge that it does not do what it was asked.
type refused struct {
	code int
	doing, why,
	forge string
}

func (e *refused) Error() string {
	why := map[int]string{
		http.StatusUnauthorized: "the token was not accepted: is it right, and still valid?",
		http.StatusForbidden:    "the token may not do this",
		http.StatusNotFound:     "not found: is the repository right, and may the token see it?",
	}[e.code]
	if e.code == http.StatusForbidden || e.code == http.StatusUnauthorized {
		why += rights[e.forge]
	}
	return fmt.Sprintf("%s: %s (HTTP %d: %s)", e.doing, cmp.Or(why, "the server did not do it"), e.code, e.why)
}

// rights are what a token needs on each forge.
var rights = map[string]string{
	GitHub: "; it needs contents and pull requests: write, commit statuses: write",
	Gitea:  "; it needs the scopes write:repository and write:issue",
	GitLab: "; it needs the scope api and the role Developer; a CI_JOB_TOKEN cannot open merge requests: set GITLAB_TOKEN",
}

// answered makes an error of what a forge answered. The clients' own errors repeat what was asked.
func answered(forge, doing string, resp *http.Response, why string, err error) error {
	switch {
	case err == nil:
		return nil
	case resp == nil || resp.StatusCode < http.StatusMultipleChoices:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &refused{resp.StatusCode, doing, cmp.Or(why, http.StatusText(resp.StatusCode)), forge}
}
