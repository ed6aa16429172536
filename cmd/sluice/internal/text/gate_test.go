package text

import (
	"bytes"
	"testing"
)

// TestGate writes texts whole and byte by byte: the gate gives the same.
func TestGate(t *testing.T) {
	for in, want := range map[string]string{
		"a table\nof ü and 日本\n":      "a table\nof ü and 日本\n",
		"\x1b[2J\x1b]8;;http://x\a\n": `\u001b[2J\u001b]8;;http://x\u0007` + "\n",
		"a\u202eb\u200bc\u0085":       `a\u202eb\u200bc\u0085`,
		"ends in a \xe2\x80":          "ends in a \ufffd\ufffd",
		"\xff\xfe":                    "\ufffd\ufffd",
	} {
		var whole, bytewise bytes.Buffer
		g, h := NewGate(&whole), NewGate(&bytewise)
		if n, err := g.Write([]byte(in)); n != len(in) || err != nil {
			t.Errorf("%q: wrote %d, %v", in, n, err)
		}
		for i := range len(in) {
			if _, err := h.Write([]byte{in[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if whole.String() != want || bytewise.String() != want {
			t.Errorf("%q: %q, byte by byte %q, want %q", in, whole.String(), bytewise.String(), want)
		}
	}
}

// TestPaint: only the first word of a line is coloured, across writes too, and what a stranger writes stays as it is.
func TestPaint(t *testing.T) {
	var b bytes.Buffer
	g := NewGate(&b)
	g.Paint()
	for _, s := range []string{"lost: a\n  perm", "itted  2\n", "is lost: no\nlost-", "x 1\n\x1b[31mlost\n"} {
		if _, err := g.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if want := "\x1b[31mlost\x1b[0m: a\n  permitted  2\nis lost: no\nlost-x 1\n\\u001b[31mlost\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
