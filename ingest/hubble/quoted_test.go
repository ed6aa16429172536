package hubble

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inString spells a text as the inside of a string of JSON.
func inString(text []byte) string {
	var s strings.Builder
	for _, c := range text {
		switch {
		case c < ' ':
			fmt.Fprintf(&s, `\u%04x`, c)
		case c == '"' || c == '\\':
			s.WriteString(`\` + string(rune(c)))
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}

// endsLine reports whether no other object stands behind a record.
func endsLine(behind []byte) bool { return bytes.IndexByte(behind, '{') < 0 }

// quotedDiffers tells how the decoder differs from the oracle on a record in a string, and whether it took it.
func (p *pair) quotedDiffers(b []byte, behind string) (diff string, took bool) {
	p.a.got, p.b.got = kept{}, kept{}
	if took = p.d.Quoted([]byte(inString(b)+behind), endsLine); took {
		p.g.general("-", 1, b)
	}
	return cmp.Diff(p.b.got, p.a.got, cmp.AllowUnexported(kept{})), took
}

// TestQuoted reads records out of strings as what they are outside of them, those that are known as well as others.
func TestQuoted(t *testing.T) {
	p := newPair()
	took := 0
	for round := range 5 {
		for _, c := range changes {
			b := []byte(strings.Replace(full, c.from, c.to, 1))
			for _, behind := range []string{`"`, `\n","stream":"stdout"}`, ` \r\n"]]`} {
				diff, ok := p.quotedDiffers(b, behind)
				if diff != "" && !otherFolds.Match(b) {
					t.Errorf("%s -> %s: (-oracle +decoder)\n%s", c.from, c.to, diff)
				}
				if ok && round == 4 {
					took++
				}
			}
			p.d.Record("-", 1, b)
		}
	}
	if all := 3 * len(changes); took < all/2 {
		t.Errorf("took %d of %d records that it had seen", took, all)
	}
}

// TestQuotedCut: what is cut off or has something behind it is no record in a string.
func TestQuotedCut(t *testing.T) {
	p := newPair()
	for range 4 {
		p.d.Record("-", 1, []byte(full))
	}
	if _, ok := p.quotedDiffers([]byte(full), `"`); !ok {
		t.Fatal("a record that is known was not taken")
	}
	all := inString([]byte(full)) + `\n"}`
	for i := range len(all) - 1 {
		if p.d.Quoted([]byte(all)[:i:i], endsLine) || p.d.Quoted([]byte(all)[:i], endsLine) {
			t.Errorf("took the first %d bytes for a record", i)
		}
	}
	for _, behind := range []string{`\n{\"a\":1}"`, `","b":{"flow":1}}`, `\\"`, `x"`, `\"`, "\n\"", ``} {
		if p.d.Quoted([]byte(inString([]byte(full))+behind), endsLine) {
			t.Errorf("took a record with %s behind it", behind)
		}
	}
}
