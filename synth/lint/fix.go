package lint

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"sluice/synth/render"
)

// passes bound how often a text is read again for what one edit shows of another.
const passes = 5

// Fix makes the edits of findings in the text of one file, and says how many findings they mend. What the new text
// shows to who reads it, as a value behind a field that is known now, is mended with it.
func Fix(text []byte, file string, found []Finding, kinds ...render.Kinds) ([]byte, int) {
	mended := 0
	for range passes {
		out, n := edited(text, file, found)
		if n == 0 {
			break
		}
		text, mended = out, mended+n
		set, problems := render.Parse(bytes.NewReader(text), file, kinds...)
		found = Check(Input{Set: set, Problems: problems})
	}
	return text, mended
}

// edited makes edits once. A finding whose edits do not find what they replace, or meet those of another, waits.
func edited(text []byte, file string, found []Finding) ([]byte, int) {
	lines := strings.SplitAfter(string(text), "\n")
	starts := make([]int, len(lines))
	for i := 1; i < len(lines); i++ {
		starts[i] = starts[i-1] + len(lines[i-1])
	}
	type cut struct {
		from, to int
		text     string
	}
	var cuts []cut
	mended := 0
	for _, f := range found {
		var own []cut
		for _, e := range f.Edits {
			if f.At.File != file || e.Line < 1 || e.Line > len(lines) {
				continue
			}
			from := starts[e.Line-1] + render.Offset(lines[e.Line-1], e.Column)
			c := cut{from, from + len(e.Old), e.New}
			free := !slices.ContainsFunc(cuts, func(o cut) bool { return c.from < o.to && o.from < c.to })
			if free && strings.HasPrefix(string(text[from:]), e.Old) {
				own = append(own, c)
			}
		}
		if len(own) > 0 && len(own) == len(f.Edits) {
			cuts = append(cuts, own...)
			mended++
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Compare(b.from, a.from) })
	for _, c := range cuts {
		text = slices.Concat(text[:c.from], []byte(c.text), text[c.to:])
	}
	return text, mended
}
