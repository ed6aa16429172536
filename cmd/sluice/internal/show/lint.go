package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/lint"
)

// trapView is a finding of lint.
type trapView struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Policy   string `json:"policy,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
}

// Lint prints the traps found in policies, one a line as compilers do.
func Lint(w io.Writer, format string, found []lint.Finding) error {
	views := []trapView{}
	for _, f := range found {
		views = append(views, trapView{f.ID, f.Severity.String(), f.At.File, f.At.Line, f.Policy, f.Text, f.Remedy})
	}
	if format != Table {
		return printObject(w, format, object{{"apiVersion", "sluice/v1"}, {"kind", "LintResult"}, {"findings", views}})
	}
	for _, v := range views {
		what := v.Text
		if v.Policy != "" {
			what = v.Policy + " " + what
		}
		if v.Remedy != "" {
			what += ". " + strings.ToUpper(v.Remedy[:1]) + v.Remedy[1:]
		}
		fmt.Fprintf(
			w,
			"%s:%d: %s: %s (%s)\n",
			text.Printable(v.File, 200),
			v.Line,
			v.Severity,
			text.Printable(what, 500),
			v.ID,
		)
	}
	if len(views) == 0 {
		fmt.Fprintln(w, "No finding.")
	}
	return nil
}

// Page prints what a finding of lint means.
func Page(w io.Writer, id string) error {
	page := lint.Page(id)
	if page == "" {
		return run.Usagef("there is no finding %q: %s", id, strings.Join(lint.IDs(), ", "))
	}
	fmt.Fprintf(w, "%s\n\n%s\n", id, page)
	return nil
}
