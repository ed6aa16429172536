package propose

import (
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/object"

	"sluice/synth/bundle"
)

// Options say what is proposed, and where.
type Options struct {
	Bundle    string // its directory
	Repo      string // the URL
	Path      string // the directory in it
	Base      string // the branch that the request goes into; "" is the server's own
	Title     string // of the request; "" leaves the one that it has
	Labels    []string
	Author    *Person // of commits; nil: Sluice
	SignOff   bool
	Evidence  bool // commit the evidence as well
	DryRun    bool
	Reopen    bool   // propose although the request was closed
	Forge     string // one of Forges; "" by the name of the host
	TokenFile string // "" is the environment
	// Check judges the policies as they are proposed, in a directory. nil: nobody does.
	Check func(ctx context.Context, dir string) ([]Status, error)
	// Compare gives what the reviews compare the bundle with: what the base has, in a directory, "" where it has none.
	// nil: they stay as they are.
	Compare func(ctx context.Context, dir string) (*bundle.Comparison, error)
}

// Sluice is who commits are from where nobody was named.
var Sluice = Person{"sluice", "sluice@localhost"}

// Action is what became of a proposal.
type Action string

// The actions. In a dry run they are what would be done.
const (
	Opened    Action = "opened"
	Updated   Action = "updated" // something was pushed to its branch
	Edited    Action = "edited"  // its text, labels or statuses alone
	Reopened  Action = "reopened"
	Unchanged Action = "unchanged"
	Nothing   Action = "nothing"   // the base has the bundle already
	Obsolete  Action = "obsolete"  // it has, and so the request was closed
	Respected Action = "respected" // people closed the request
	Pushed    Action = "pushed"    // the branch, and there is no forge
)

// Result is what was done.
type Result struct {
	Action   Action
	DryRun   bool
	Branch   string
	Base     string
	Commit   string // the branch's newest
	Pushed   bool   // the branch was moved
	Request  *Request
	Laid     *bundle.Laid
	Statuses []Status
	Diff     string // what the branch changes; of a dry run
	Remarks  []string
}

// run is one proposal on its way.
type run struct {
	Options
	t     *target
	token Token
	forge forge // nil: there is none, or in a dry run no token
	repo  *repository
	name  string // of the bundle
	base  *object.Commit
	tip   *object.Commit // of the branch as it was; nil: there was none
	start *object.Commit // what the new commits stand on
	// rewritten is the commit of the base that the branch began at, where the base does not have it any more.
	rewritten *object.Commit
	// elsewhere is the path that the branch proposes this bundle in, where that is another one.
	elsewhere string
	appends   bool           // start is the tip, with commits of people
	open      *Request       // the request as it is
	closed    *Request       // the newest, which people closed
	merged    *Request       // the newest, which was merged
	head      *object.Commit // of the branch as it will be
	dir       string         // of what is proposed, on disk
	out       *Result
}

func (p *run) remark(text string) { p.out.Remarks = append(p.out.Remarks, text) }

// hasAll reports whether a request has all labels.
func hasAll(q *Request, labels []string) bool {
	return !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(q.LabelNames, l) })
}
