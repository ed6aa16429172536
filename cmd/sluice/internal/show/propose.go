package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/propose"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
)

// proposalView is what became of a proposal.
type proposalView struct {
	header
	Action   propose.Action   `json:"action"`
	DryRun   bool             `json:"dryRun"`
	Branch   string           `json:"branch"`
	Base     string           `json:"base"`
	Commit   string           `json:"commit,omitempty"`
	Pushed   bool             `json:"pushed"`
	Request  *requestView     `json:"request,omitempty"`
	Kept     []string         `json:"kept"`
	Merged   []string         `json:"merged"`
	Refused  []string         `json:"refused"`
	Statuses []propose.Status `json:"statuses"`
	Diff     string           `json:"diff,omitempty"`
}

type requestView struct {
	Number int           `json:"number"`
	URL    string        `json:"url"`
	State  propose.State `json:"state"`
	Title  string        `json:"title"`
}

// Proposal prints what became of a proposal.
func Proposal(w io.Writer, format string, r *propose.Result) error {
	laid := r.Laid
	if laid == nil {
		laid = &bundle.Laid{}
	}
	if format == Table {
		printProposal(w, r, laid)
		return nil
	}
	v := proposalView{newHeader("Proposal"), r.Action, r.DryRun, r.Branch, r.Base, r.Commit, r.Pushed, nil,
		append([]string{}, laid.Kept...), append([]string{}, laid.Merged...), append([]string{}, laid.Refused...),
		append([]propose.Status{}, r.Statuses...), r.Diff}
	if q := r.Request; q != nil {
		v.Request = &requestView{q.Number, q.URL, q.State, q.Title}
	}
	return printObject(w, format, v)
}

// happened are the actions in words; of a dry run and of one that was done.
var happened = map[propose.Action][2]string{
	propose.Opened:    {"A pull request would be opened", "Opened"},
	propose.Updated:   {"Would be updated", "Updated"},
	propose.Edited:    {"", "Up to date, its text, labels or statuses were set"},
	propose.Reopened:  {"Would be opened again", "Opened again"},
	propose.Unchanged: {"Up to date: nothing would be pushed", "Up to date, nothing was pushed"},
	propose.Nothing:   {"Nothing to propose", "Nothing to propose"},
	propose.Obsolete:  {"Would be closed", "Closed"},
	propose.Respected: {respected, respected},
	propose.Pushed:    {"The branch would be pushed, and that is all", "The branch was pushed: open a pull request by hand"},
}

const respected = "People closed it, and it stays closed (--reopen)"

func printProposal(w io.Writer, r *propose.Result, laid *bundle.Laid) {
	words := happened[r.Action][1]
	if r.DryRun {
		fmt.Fprint(w, r.Diff)
		words = happened[r.Action][0]
	}
	if r.Action == propose.Nothing || r.Action == propose.Obsolete {
		words += ": " + r.Base + " has these policies"
	}
	if q := r.Request; q != nil {
		words += ": " + q.URL
	}
	branch, base := text.Printable(r.Branch, 80), text.Printable(r.Base, 80)
	fmt.Fprintf(w, "%s (%s into %s).\n", text.Printable(words, 300), branch, base)
	for _, l := range []struct {
		what  string
		files []string
	}{
		{"kept as people changed it", laid.Kept}, {"joined with what people changed", laid.Merged},
		{"left as people changed it, the flows ask for something else", laid.Refused},
	} {
		for _, f := range l.files {
			fmt.Fprintf(w, "%s: %s\n", l.what, text.Printable(f, 200))
		}
	}
	for _, s := range r.Statuses {
		fmt.Fprintf(w, "%s: %s\n", s.Name, text.Printable(s.Text, 300))
	}
}

// Remark tells of something beside the result.
func Remark(w io.Writer, words string) { fmt.Fprintln(w, "sluice: "+text.Printable(words, 500)) }
