package hubble

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/ingest/scan"
	"sluice/model"
)

// keepAll keeps all that a decoder hands on.
type keepAll struct {
	keep
	all []kept
}

func (t *keepAll) Flow(f *model.Flow) {
	t.keep.Flow(f)
	t.all = append(t.all, t.got)
}

func (t *keepAll) Reject(r ingest.Rejection) {
	t.keep.Reject(r)
	t.all = append(t.all, t.got)
}

// readLines reads a text by lines, as ingest/source does, and counts those whose end the decoder found itself.
func readLines(text string, ask bool) (all []kept, found int) {
	t := &keepAll{keep: keep{tables: model.NewTables()}}
	d := New(t.tables, t)
	rest := append([]byte(text), make([]byte, scan.Slack)...)[:len(text)]
	for len(rest) > 0 {
		if ask {
			if n := d.Line(rest); n > 0 {
				rest = rest[n:]
				found++
				continue
			}
		}
		line, behind, _ := bytes.Cut(rest, []byte("\n"))
		if line = bytes.TrimSpace(line); len(line) > 0 {
			d.Record("-", 1, line)
		}
		rest = behind
	}
	return t.all, found
}

// TestLine reads lines of which the decoder finds the end as those that it is given.
func TestLine(t *testing.T) {
	var records []string
	for _, c := range changes {
		records = append(records, strings.Replace(full, c.from, c.to, 1))
	}
	// Forms that are known with blanks between their values, and such records over two lines, which are both broken.
	blanks := strings.ReplaceAll(full, `,"`, `, "`)
	object := strings.Replace(full, `"Summary"`, `"extensions":{"a":{"b":1}, "c":[1, 2]},"Summary"`, 1)
	records = append(records, blanks, object, full)
	for _, r := range []string{blanks, object, strings.ReplaceAll(full, `,"`, ",\n\"")} {
		for i := range r {
			if r[i] == ' ' || i%97 == 0 {
				records = append(records, r[:i]+"\n"+r[i+1:])
			}
		}
	}
	for _, end := range []string{"\n", "\r\n", " \t\n", "\n\n", "{}\n", " " + full + "\n"} {
		text := strings.Repeat(strings.Join(records, end)+end, 3)
		want, _ := readLines(text, false)
		got, found := readLines(text, true)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(kept{})); diff != "" {
			t.Errorf("lines that end with %q: (-given +found)\n%s", end, diff)
		}
		if !strings.Contains(end, "}") && found < len(records) {
			t.Errorf("lines that end with %q: found the end of %d", end, found)
		}
	}
}

// FuzzLine reads any lines.
func FuzzLine(f *testing.F) {
	f.Add(full + "\n" + full[:300] + "\n" + full[300:] + "\r\n")
	f.Add(fmt.Sprintf(shop, 1) + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.Repeat(full+"\n", 3) + text + "\n" + strings.ReplaceAll(full, " ", "\n")
		want, _ := readLines(text, false)
		got, _ := readLines(text, true)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(kept{})); diff != "" {
			t.Errorf("(-given +found)\n%s", diff)
		}
	})
}
