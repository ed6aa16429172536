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
