package propose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
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

// short cuts a text between characters.
func short(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

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

// The bounds of what a server answers. The clients read each answer whole before they look at it: without bounds a
// server could fill the memory of whoever asks it, or keep them for ever.
const (
	maxAnswer  = 64 << 20
	maxAnswers = 1 << 30 // all pages together
	answerTime = 5 * time.Minute
)

// asking is the client for the API of a forge.
func asking() *http.Client {
	c, left := client(), maxAnswers
	c.Transport, c.Timeout = bounded{c.Transport, &left}, answerTime
	return c
}

// bounded gives answers of no more than maxAnswer bytes, as they are unpacked, and all together no more than are left.
type bounded struct {
	http.RoundTripper
	left *int
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil && resp.Body != nil {
		most := min(maxAnswer, *b.left)
		resp.Body = &answer{resp.Body, most, most, b.left, r.URL.Host}
	}
	return resp, err
}

// answer is a body that ends with an error where it is too long.
type answer struct {
	io.ReadCloser
	most, left int
	all        *int
	host       string
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("%s answers with more than %d MiB: that is no forge", a.host, a.most>>20)
	}
	n, err := a.ReadCloser.Read(p[:min(len(p), a.left)])
	a.left -= n
	*a.all -= n
	return n, err
}

// next is the page after one, 0 where it was the last: an empty one is, and none comes again.
func next(page, then, got int) int {
	if got == 0 || then <= page {
		return 0
	}
	return then
}

// errNoForge is an answer that no forge gives.
var errNoForge = errors.New("the answer is not what such a forge gives: is --forge right, and the URL?")

// sound is a forge whose server may answer anything: the clients follow a null where an object has to be.
type sound struct{ forge }

// Find is that of the forge.
func (s sound) Find(ctx context.Context, branch string) (_ []Request, err error) {
	defer unsound("look for pull requests", &err)
	return s.forge.Find(ctx, branch)
}

// Open is that of the forge, and the request has a number.
func (s sound) Open(ctx context.Context, r Request) (q Request, err error) {
	const doing = "open a pull request"
	defer unsound(doing, &err)
	if q, err = s.forge.Open(ctx, r); err == nil && q.Number <= 0 {
		err = fmt.Errorf("%s: %w", doing, errNoForge)
	}
	return q, err
}

// Label is that of the forge.
func (s sound) Label(ctx context.Context, number int, labels []string) (err error) {
	defer unsound("label the pull request", &err)
	return s.forge.Label(ctx, number, labels)
}

// Statuses is that of the forge.
func (s sound) Statuses(ctx context.Context, commit string) (_ map[string]Status, err error) {
	defer unsound("look at the commit's statuses", &err)
	return s.forge.Statuses(ctx, commit)
}

func unsound(doing string, err *error) {
	if recover() != nil {
		*err = fmt.Errorf("%s: %w (a part of it is missing)", doing, errNoForge)
	}
}

// refused is an answer of a forge that it does not do what it was asked.
type refused struct {
	code int
	doing, why,
	forge string
	again string // when it may be asked again, where it was asked too often
}

func (e *refused) Error() string {
	why := map[int]string{
		http.StatusUnauthorized: "the token was not accepted: is it right, and still valid?",
		http.StatusForbidden:    "the token may not do this",
		http.StatusNotFound:     "not found: is the repository right, and may the token see it?",
	}[e.code]
	switch {
	case e.again != "":
		why = "the server was asked too often: try again " + e.again
	case e.code == http.StatusForbidden, e.code == http.StatusUnauthorized:
		why += rights[e.forge]
	}
	return fmt.Sprintf("%s: %s (HTTP %d: %s)", e.doing, cmp.Or(why, "the server did not do it"), e.code, e.why)
}

// again says when a server that was asked too often may be asked again, "" where it was not that.
func again(r *http.Response) string {
	after, reset := r.Header.Get("Retry-After"), cmp.Or(r.Header.Get("X-Ratelimit-Reset"), r.Header.Get("Ratelimit-Reset"))
	often := r.StatusCode == http.StatusTooManyRequests ||
		r.StatusCode == http.StatusForbidden && (after != "" || r.Header.Get("X-Ratelimit-Remaining") == "0")
	if !often {
		return ""
	}
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		return fmt.Sprintf("in %v", time.Duration(seconds)*time.Second)
	}
	if at, err := strconv.ParseUint(reset, 10, 32); err == nil {
		return "after " + time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
	}
	return "later"
}

// rights are what a token needs on each forge.
var rights = map[string]string{
	GitHub: "; it needs contents and pull requests: write, commit statuses: write",
	Gitea:  "; it needs the scopes write:repository and write:issue",
	GitLab: "; it needs the scope api and the role Developer; a CI_JOB_TOKEN cannot open merge requests: set GITLAB_TOKEN",
}

// maxWhy is how much of what a server says of a refusal is told: it may be a page.
const maxWhy = 300

// answered makes an error of what a forge answered. The clients' own errors repeat what was asked.
func answered(forge, doing string, resp *http.Response, why string, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case resp != nil && resp.StatusCode >= http.StatusMultipleChoices:
		why = short(strings.Join(strings.Fields(why), " "), maxWhy)
		return &refused{resp.StatusCode, doing, cmp.Or(why, http.StatusText(resp.StatusCode)), forge, again(resp)}
	case errors.As(err, &syntax), errors.As(err, &kind):
		return fmt.Errorf("%s: %w (%w)", doing, errNoForge, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
