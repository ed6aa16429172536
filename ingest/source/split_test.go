package source

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// slowEnd is strEnd a byte at a time.
func slowEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i++; i < len(b) && b[i] == '\n' {
				return -1
			}
		case '\n':
			return -1
		}
	}
	return -1
}

// TestStrEnd: strings end where they end byte by byte, at every length and with marks beside each other, read at once or
// in two pieces.
func TestStrEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const letters = "\"\\\n\x0b\x0a!\x23\x5b\x5d\xa2\xdc\x8aaaaaaaaaaaaa"
	for range 200_000 {
		b := []byte{'"'}
		for range r.IntN(40) {
			b = append(b, letters[r.IntN(len(letters))])
		}
		want := slowEnd(b)
		got, whole := strEnd(b, 1)
		if whole != (want > 0) || whole && got != want {
			t.Fatalf("%q: %d, %v, want %d", b, got, whole, want)
		}
		inside, some := strEnd(b[:1+r.IntN(len(b))], 1)
		if some {
			continue
		}
		if n, ok := strEnd(b, inside); n != got || ok != whole {
			t.Fatalf("%q from %d: %d, %v, want %d", b, inside, n, ok, got)
		}
	}
}

// TestOneLine: of an answer that is one line of many records each is found by itself, before the line is read to its
// end, whatever pieces come.
func TestOneLine(t *testing.T) {
	const records = 40_000
	record := `{"r":"` + strings.Repeat("x", 200) + `"}`
	text := `{"total":{"pages":1},"note":"a\"b","items":[` + strings.Repeat(record+",", records-1) + record + `],"end":""}`
	has := func(text []byte) bool {
		return !bytes.HasPrefix(text, []byte(`{"r"`)) && bytes.Contains(text, []byte(`{"r"`))
	}
	s := &splitter{in: iotest.HalfReader(strings.NewReader(text)), block: blockSize, line: 1, has: has}
	n := 0
	for v, ok := s.next(); ok; v, ok = s.next() {
		switch {
		case string(v.text) == record && v.reason == 0:
			n++
		case len(v.text) > len(record):
			t.Fatalf("%d bytes in one value: %.60q", len(v.text), v.text)
		}
	}
	if n != records || len(s.buf) > 4*openSize {
		t.Errorf("%d records, a buffer of %d bytes", n, len(s.buf))
	}
}
