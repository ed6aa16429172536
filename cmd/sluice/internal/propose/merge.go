package propose

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// change replaces lines of the ancestor by others.
type change struct {
	from, to int // of the ancestor's lines, to exclusive
	lines    []string
}

// join makes of two texts that began as one the text with the changes of both. It reports false where both changed the
// same lines, or lines beside each other: who is right there, a person has to say.
func join(ancestor, a, b string) (string, bool) {
	was := slices.Collect(strings.Lines(ancestor))
	left, right := changes(ancestor, a), changes(ancestor, b)
	var out strings.Builder
	at := 0
	for len(left)+len(right) > 0 {
		var next change
		switch {
		case len(right) == 0:
			next, left = left[0], left[1:]
		case len(left) == 0:
			next, right = right[0], right[1:]
		case left[0].to < right[0].from:
			next, left = left[0], left[1:]
		case right[0].to < left[0].from:
			next, right = right[0], right[1:]
		case left[0].from == right[0].from && left[0].to == right[0].to && slices.Equal(left[0].lines, right[0].lines):
			next, left, right = left[0], left[1:], right[1:] // the same change
		default:
			return "", false
		}
		for _, line := range slices.Concat(was[at:next.from], next.lines) {
			out.WriteString(line)
		}
		at = next.to
	}
	for _, line := range was[at:] {
		out.WriteString(line)
	}
	return out.String(), true
}

// changes are what makes one text of another, in order and with lines between them that stay.
func changes(from, to string) []change {
	var out []change
	at := 0
	for _, d := range diff.Do(from, to) {
		lines := slices.Collect(strings.Lines(d.Text))
		if d.Type == diffmatchpatch.DiffEqual {
			at += len(lines)
			continue
		}
		if n := len(out); n == 0 || out[n-1].to != at {
			out = append(out, change{from: at, to: at})
		}
		c := &out[len(out)-1]
		if d.Type == diffmatchpatch.DiffDelete {
			at += len(lines)
			c.to = at
		} else {
			c.lines = append(c.lines, lines...)
		}
	}
	return out
}
