package bundle

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestQuoted: keys are quoted as strconv does, whatever bytes they have.
func TestQuoted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	some := []string{"app=cart", "\x00\x00", "\x00", `"`, `\`, "\n", "\x7f", "ä", "\xff", "\u2028", "\U0001F600", "\x01"}
	for range 5_000 {
		s := ""
		for range r.IntN(8) {
			s += some[r.IntN(len(some))]
		}
		if got, want := string(appendQuoted(nil, s)), strconv.Quote(s); got != want {
			t.Fatalf("%q: %s, want %s", s, got, want)
		}
	}
}
