package show

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/policy"
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

// result is one line of a report for machines: a check that found something, whether that fails the run, and where to
// look.
type result struct {
	check, subject, text string
	fails                bool
	level                string // for SARIF, "" for error where it fails and warning where not
	at                   policy.Position
}

// reported are the results of a command, and what its checks are about.
type reported struct {
	command string
	checks  []verify.Check
	results []result
}

// ofReport are the results of a verification.
func ofReport(r *verify.Report, failOn []string) reported {
	out := reported{command: "verify", checks: verify.Checks()}
	for _, x := range r.Results() {
		out.results = append(out.results, result{check: x.Check, subject: x.Subject, text: resultText(&x),
			fails: slices.Contains(failOn, x.Check), at: x.At})
	}
	return out
}

// sarif writes results for code scanning, each at the policy to look at.
func (r *reported) sarif(w io.Writer) error {
	run := sarif.NewRunWithInformationURI("sluice", "")
	run.Tool.Driver.InformationURI = nil
	for _, c := range r.checks {
		run.AddRule(c.Name).WithDescription(c.About)
	}
	for _, x := range r.results {
		level := cmp.Or(x.level, "warning")
		if x.level == "" && x.fails {
			level = "error"
		}
		out := run.CreateResultForRule(x.check).WithLevel(level).WithMessage(sarif.NewTextMessage(x.text))
		out.WithPartialFingerprints(map[string]string{"sluice/v1": x.check + " " + x.subject})
		if x.at.File == "" || x.at.File == "-" {
			continue
		}
		at := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(x.at.File))
		if x.at.Line > 0 {
			region := sarif.NewRegion().WithStartLine(x.at.Line)
			if x.at.Column > 0 && r.command == "lint" {
				region.WithStartColumn(x.at.Column)
			}
			at.WithRegion(region)
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

// junit writes results as tests: a suite for each check, in it a case for each result, which fails where it fails the
// run and is skipped otherwise. A check that found nothing is one case that passes.
func (r *reported) junit(w io.Writer) error {
	all := junitSuites{Name: "sluice " + r.command}
	by := map[string][]result{}
	for _, x := range r.results {
		by[x.check] = append(by[x.check], x)
	}
	for _, c := range r.checks {
		s := junitSuite{Name: c.Name, Tests: max(1, len(by[c.Name]))}
		for _, x := range by[c.Name] {
			out := junitCase{Class: "sluice." + c.Name, Name: text.Printable(x.subject, longName), File: x.at.File,
				Line: x.at.Line}
			message := &junitMessage{c.About, x.text}
			if x.fails {
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
		all.add(s)
	}
	return all.write(w)
}

func (s *junitSuites) add(suite junitSuite) {
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Suites = append(s.Suites, suite)
}

func (s *junitSuites) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
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
	fmt.Fprintf(&b, "| over-permitted | %s | neither seen nor widened by name, and allowed at an isolated end; of %s possible pairs and ports |\n",
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
