package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/lint"
	"sluice/synth/verify"
)

// trapView is a finding of lint.
type trapView struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column,omitempty"`
	Policy   string `json:"policy,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
	Fixable  bool   `json:"fixable"`
}

func (v *trapView) place() string {
	if v.Column == 0 {
		return text.Printable(place(v.File, v.Line), 200)
	}
	return fmt.Sprintf("%s:%d:%d", text.Printable(v.File, 200), v.Line, v.Column)
}

// Lint prints the traps found in policies, one a line as compilers do.
// Findings of a severity from fail on or a worse one fail the run.
func Lint(w io.Writer, format string, found []lint.Finding, fail lint.Severity) error {
	switch results := ofLint(found, fail); format {
	case SARIF:
		return results.sarif(w)
	case JUnit:
		return results.junit(w)
	}
	views := []trapView{}
	for _, f := range found {
		views = append(views, trapView{f.ID, f.Severity.String(), f.At.File, f.At.Line, f.At.Column, f.Policy, f.Text,
			f.Remedy, len(f.Edits) > 0})
	}
	if format != Table {
		return printObject(w, format, object{{"apiVersion", "sluice/v1"}, {"kind", "LintResult"}, {"findings", views}})
	}
	for _, v := range views {
		what := v.Text
		if v.Policy != "" {
			what = v.Policy + " " + what
		}
		what = withRemedy(what, v.Remedy)
		fmt.Fprintf(
			w,
			"%s: %s: %s (%s)\n",
			v.place(),
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

// Mending prints what the edits of findings change, as a patch, and how much that is.
func Mending(w, log io.Writer, list []run.Mended) {
	for _, m := range list {
		name := m.File
		if model.Printable(name) != name {
			name = strconv.Quote(name) // as Git does
		}
		_, _ = w.Write(diff.Diff(name, m.Old, name, m.New))
	}
	mended(log, "would be mended", list)
}

// Mended says what was mended.
func Mended(log io.Writer, list []run.Mended) { mended(log, "mended", list) }

func mended(log io.Writer, verb string, list []run.Mended) {
	for _, m := range list {
		fmt.Fprintf(log, "sluice: %s %s in %s\n", text.Plural(m.Findings, "finding", "findings"), verb,
			text.Printable(m.File, 200))
	}
	if len(list) == 0 {
		fmt.Fprintln(log, "sluice: no finding has a mechanical mend")
	}
}

// levels are those of SARIF for the severities of lint.
var levels = map[lint.Severity]string{lint.Info: "note", lint.Warning: "warning", lint.Error: "error"}

// ofLint are the findings as results.
func ofLint(found []lint.Finding, fail lint.Severity) *reported {
	out := &reported{command: "lint"}
	for _, id := range lint.IDs() {
		out.checks = append(out.checks, verify.Check{Name: id, About: lint.Page(id)})
	}
	for _, f := range found {
		what := withRemedy(f.Text, f.Remedy)
		out.results = append(out.results, result{check: f.ID, subject: strings.TrimSpace(f.Policy + " " + f.Text),
			text: text.Printable(what, longText), fails: f.Severity >= fail, level: levels[f.Severity], at: f.At})
	}
	return out
}

// withRemedy adds what to do to what was found: as a sentence of its own, unless it begins with a command.
func withRemedy(what, remedy string) string {
	switch {
	case remedy == "":
		return what
	case strings.HasPrefix(remedy, "sluice "):
		return what + ": " + remedy
	}
	return what + ". " + strings.ToUpper(remedy[:1]) + remedy[1:]
}
