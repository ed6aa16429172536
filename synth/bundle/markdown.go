package bundle

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"sluice/model"
)

// How much of each list a person is shown; bundle.json has all.
const (
	maxRules    = 200
	maxFindings = 40
	maxCases    = 20
	maxText     = 500 // bytes of a rule
	maxWorst    = 10  // of a group
	maxOpenRows = 12  // of a table that is not folded away
)

// Escape makes a text from a log or a cluster harmless in Markdown, HTML and tables: it stays on its line, inside its
// cell, is text, and crowds nothing else out of the page.
func Escape(s string) string {
	const most = 2 * maxText
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	s = model.Printable(s)
	var b strings.Builder
	rest := s
	for at := 0; at < len(rest); {
		if with := escapes[rest[at]]; with != "" {
			b.WriteString(rest[:at])
			b.WriteString(with)
			rest, at = rest[at+1:], 0
		} else {
			at++
		}
	}
	if len(rest) < len(s) {
		b.WriteString(rest)
		s = b.String()
	}
	if strings.Contains(s, "-") && (strings.Contains(s, "h") || strings.Contains(s, "H")) {
		s = issue.ReplaceAllString(s, "$1<!-- -->-$2") // GitHub's other word for an issue, which "fixes" before it closes
	}
	if strings.IndexByte(s, ':') < 0 {
		return s
	}
	// A bare address of a page would become a link, a word between colons a picture.
	return emoji.ReplaceAllString(strings.ReplaceAll(s, "://", ":&#47;&#47;"), ":<!-- -->$1:")
}

// escapes are what stands for characters that mean something. No person and no issue is called: a comment stands
// between.
var escapes = [256]string{'<': "&lt;", '&': "&amp;", '@': "\\@<!-- -->", '#': "\\#<!-- -->", '\\': "\\\\", '`': "\\`",
	'*': "\\*", '_': "\\_", '[': "\\[", ']': "\\]", '|': "\\|", '~': "\\~", '$': "\\$"}

var issue = regexp.MustCompile(`(?i)\b(gh)-([0-9])`)

var emoji = regexp.MustCompile(`:([a-zA-Z+-][a-zA-Z0-9_+\\-]*):`)

// label makes a text harmless in the quoted label of a diagram.
func label(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_./:,=", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// code makes a text look as code, whatever it holds.
func code(s string) string { return "<code>" + Escape(s) + "</code>" }

// printed shows lines as they were printed.
func printed(s string) string {
	return "<pre>\n" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(model.PrintableText(s)) + "</pre>"
}

// maxPage is how much of a page a forge takes as the text of a pull request, with room for what stands around it.
const maxPage = 60_000

// page is a Markdown text that grows by lines. Its methods take trusted Markdown; texts from elsewhere go through
// escape first.
type page struct{ bytes.Buffer }

// fit is the page, cut before the section that is too much: then it says where the rest is.
func (p *page) fit(rest string) []byte {
	if p.Len() > maxPage {
		text := p.Bytes()[:maxPage]
		at := bytes.LastIndex(text, []byte("\n## "))
		if at <= 0 {
			at = bytes.LastIndexByte(text, '\n')
		}
		p.Truncate(at)
		p.WriteString("\n\n**This page would be too long for a forge. The rest is in " + rest + ".**\n")
	}
	return p.Bytes()
}

func (p *page) line(format string, a ...any) {
	fmt.Fprintf(p, format, a...)
	p.WriteByte('\n')
}

func (p *page) head(text string) { p.line("\n## %s\n", text) }

// details folds what do writes away below a summary, where that is asked for.
func (p *page) details(fold bool, summary string, do func()) {
	if !fold {
		do()
		return
	}
	p.line("\n<details><summary>%s</summary>\n", Escape(summary))
	do()
	p.line("\n</details>")
}

// table writes a table whose cells are escaped; rows over limit are left out and counted.
func (p *page) table(limit int, head []string, rows [][]string) {
	p.line("| %s |", strings.Join(head, " | "))
	p.line("|%s", strings.Repeat("---|", len(head)))
	for i, row := range rows {
		if i == limit {
			break
		}
		for _, c := range row {
			p.WriteString("| ")
			p.WriteString(Escape(c))
			p.WriteByte(' ')
		}
		p.WriteString("|\n")
	}
	if n := len(rows) - limit; n > 0 {
		p.line("\n%d more are in `%s`.", n, ManifestFile)
	}
}

// count is "1 rule" or "2 rules".
func count[T int | uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// short cuts a text that nobody would read to its end.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "... (whole in " + ManifestFile + ")"
}
