package bundle

import (
	"fmt"
	"strings"
	"unicode"

	"sluice/model"
)

// escape makes a text from a log or a cluster harmless in Markdown, HTML and tables: it stays on its line, inside its
// cell, and is text.
func escape(s string) string {
	var b strings.Builder
	for _, r := range model.Printable(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]#|~$@", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	// A bare address of a page would become a link.
	return strings.ReplaceAll(b.String(), "://", ":&#47;&#47;")
}

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

// page is a Markdown text that grows by lines. Its methods take trusted Markdown; texts from elsewhere go through
// escape first.
type page struct{ strings.Builder }

func (p *page) line(format string, a ...any) {
	fmt.Fprintf(p, format, a...)
	p.WriteByte('\n')
}

func (p *page) head(text string) { p.line("\n## %s\n", text) }

// table writes a table whose cells are escaped; rows over limit are left out and counted.
func (p *page) table(limit int, head []string, rows [][]string) {
	p.line("| %s |", strings.Join(head, " | "))
	p.line("|%s", strings.Repeat("---|", len(head)))
	for i, row := range rows {
		if i == limit {
			break
		}
		cells := make([]string, len(row))
		for j, c := range row {
			cells[j] = escape(c)
		}
		p.line("| %s |", strings.Join(cells, " | "))
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
