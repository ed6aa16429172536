package ingest_test

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"

	"sluice/ingest"
)

// TestMarks: the lowest mark is the first byte that is one of the three, whatever stands before and behind it.
func TestMarks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const near = "\"\\\n!#[]\x0b\x09\xa2\xdc\x8a\x00\x7f\x80\xffaaaa"
	for range 200_000 {
		var b [8]byte
		want := 8
		for i := range b {
			if b[i] = near[random.IntN(len(near))]; want == 8 && (b[i] == '"' || b[i] == '\\' || b[i] == '\n') {
				want = i
			}
		}
		m := ingest.Marks(binary.LittleEndian.Uint64(b[:]), '"', '\\', '\n')
		if got := bits.TrailingZeros64(m) >> 3; got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}

// TestEnd: a string ends at the first quote before which no backslash stands that is none itself, at every length and
// with marks beside each other.
func TestEnd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const near = "\"\\\n!#[]\x0b\x09\xa2\xdc\x8a\x00\x7f\x80\xff\\\"\\\"aaaaaaaaaaaa"
	for range 200_000 {
		b := []byte{'"'}
		for range random.IntN(60) {
			b = append(b, near[random.IntN(len(near))])
		}
		want := -1
		for i := 1; i < len(b) && want < 0; i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				want = i + 1
			}
		}
		if got := ingest.End(b); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}
