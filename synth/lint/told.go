package lint

import "sluice/synth/render"

// told are the traps that reading the text finds by itself.
func (l *linter) told() {
	for i := range l.Problems {
		if p := &l.Problems[i]; idOf(p) == l.check.id {
			l.out = append(l.out, Finding{ID: l.check.id, Severity: l.check.severity, At: p.At, Text: p.Text,
				Remedy: remedyOf(p.Edits), Edits: p.Edits})
		}
	}
}

// idOf is the id of the check that a problem belongs to, "" for one that is no trap.
func idOf(p *render.Problem) string {
	switch {
	case p.Severity == render.Skipped:
		return ""
	case p.Trap != "":
		return string(p.Trap)
	case p.Severity == render.Note:
		return "assumed"
	}
	return "unread"
}
