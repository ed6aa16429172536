package show

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// The values of -o that verify has beside those of every command.
const (
	Markdown = "md"
	SARIF    = "sarif"
	JUnit    = "junit"
)

// ReportFormats are those values.
func ReportFormats() []string { return []string{Markdown, SARIF, JUnit} }

const (
	longText = 2000
	longName = 300
)

// resultText is what a result says, with the rules that would settle it.
func resultText(r *verify.Result) string {
	out := r.Subject + ": " + r.Text
	if len(r.Missing) > 0 {
		out += "; would need: " + strings.Join(r.Missing, "; ")
	}
	return text.Printable(out, longText)
}

// writeSARIF writes a report for code scanning: a result for each edge, at the policy to look at.
func writeSARIF(w io.Writer, r *verify.Report, failOn []string) error {
	run := sarif.NewRunWithInformationURI("sluice", "")
	run.Tool.Driver.InformationURI = nil
	for _, c := range verify.Checks() {
		run.AddRule(c.Name).WithDescription(c.About)
	}
	for _, x := range r.Results() {
		level := "warning"
		if slices.Contains(failOn, x.Check) {
			level = "error"
		}
		out := run.CreateResultForRule(x.Check).WithLevel(level).WithMessage(sarif.NewTextMessage(resultText(&x)))
		out.WithPartialFingerprints(map[string]string{"sluice/v1": x.Check + " " + x.Subject})
		if x.At.File == "" || x.At.File == "-" {
			continue
		}
		at := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(x.At.File))
		if x.At.Line > 0 {
			at.WithRegion(sarif.NewRegion().WithStartLine(x.At.Line))
		}
		out.AddLocation(sarif.NewLocationWithPhysicalLocation(at))
	}
	report := sarif.NewReport()
	report.AddRun(run)
	return report.PrettyWrite(w)
}

// The elements of JUnit's report that readers of it agree on.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a report as tests: a suite for each check, in it a case for each edge, which fails where failOn has
// the check and is skipped otherwise. A check that found nothing is one case that passes.
func writeJUnit(w io.Writer, r *verify.Report, failOn []string) error {
	all := junitSuites{Name: "sluice verify"}
	by := map[string][]verify.Result{}
	for _, x := range r.Results() {
		by[x.Check] = append(by[x.Check], x)
	}
	for _, c := range verify.Checks() {
		s := junitSuite{Name: c.Name, Tests: max(1, len(by[c.Name]))}
		for _, x := range by[c.Name] {
			out := junitCase{Class: "sluice." + c.Name, Name: text.Printable(x.Subject, longName), File: x.At.File,
				Line: x.At.Line}
			message := &junitMessage{c.About, resultText(&x)}
			if slices.Contains(failOn, c.Name) {
				out.Failure = message
				s.Failures++
			} else {
				out.Skipped = message
				s.Skipped++
			}
			s.Cases = append(s.Cases, out)
		}
		if len(s.Cases) == 0 {
			s.Cases = []junitCase{{Class: "sluice." + c.Name, Name: "none"}}
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// markdown writes a report for a pull request or a job's summary.
func markdown(w io.Writer, r *verify.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Replay of %s, as %s decides\n\n| verdict | connections | |\n|---|---:|---|\n",
		text.Plural(r.Connections.Total(), "connection", "connections"), r.Semantics)
	for i, n := range r.Connections {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", verify.Verdict(i), text.Count(n), meaning[i])
	}
	fmt.Fprintf(&b, "| over-permitted | %s | allowed at an isolated end, never seen, of %s possible |\n",
		text.Count(r.Over.Count), text.Count(r.Over.Universe))
	if list := r.Results(); len(list) > 0 {
		const most = 200
		fmt.Fprint(&b, "\n| finding | what | why | would need | policy |\n|---|---|---|---|---|\n")
		for i, x := range list {
			if i == most {
				fmt.Fprintf(&b, "\n... and %s (-o json lists all)\n", text.Plural(len(list)-most, "more", "more"))
				break
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", x.Check, cell(x.Subject), cell(x.Text),
				cell(strings.Join(x.Missing, "; ")), cell(strings.TrimSpace(x.Policy+" "+x.At.String())))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell makes what strangers chose one cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "`", "'", "@", "&#64;", "[", "\\[", "*", "\\*").
		Replace(text.Printable(s, longName))
}

// meaning says what a verdict is.
var meaning = [...]string{
	verify.Permitted: "worked, and is allowed", verify.Lost: "worked, and would be denied",
	verify.Rejected: "was denied, and stays denied", verify.Escaped: "was denied, and would be allowed",
	verify.Inexpressible: "worked, but the dialect has no rule for it",
	verify.Unproven:      "refused or undecided in the log, or a fact is missing",
}
