package calico

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/ingest/scan"
)

// TestRepeated: what is remembered of long values changes neither where one ends nor that it is broken, and those that
// have one number say the same.
func TestRepeated(t *testing.T) {
	values := []string{
		`["a=1","b=2"]`, `["b=2","a=1"]`, `[ "b=2", "a=1" ]`, `{"labels":["b=2","a=1"]}`, `{ "labels" : ["a=1","b=2"] }`,
		`["a=1","b=2","a=1"]`, `["a=1","a=1","b=2"]`, `["b=2","\u0061=1"]`, `["a=1","b"]`, `["a=1",null]`, `["a=1",2]`, `["a=1",]`,
		`{"labels":["a=1","b=2"],"labels":[]}`, `{"labels":["a=1","b=2"]`, `{"labels"}`, `{"Labels":["a=1","b=2"]}`, `[]`, `{}`,
		`["a=1","b=2"`, `["a=1","b=]"]`, `["a=1","b=\"]"]`, `[["a"],["b"]]`, `[["a"],["c"]]`, `[["a"],`,
		`{"labels":["a=1"]}`, `{"labels":["a=1"],"x":1}`, `{"labels":["a=1"]`, `{"labels":[a]}`,
		`"a=1 | b=2"`, `"a=1 | b=2`, `"a\"b"`, `"a\"c"`, `"a\x"`, `""`, `null`, `1`, `tru`, ``,
		`["` + strings.Repeat("a", 2*maxRepeated) + `"]`,
	}
	var r repeated
	numbers := [...]map[uint64]string{longSource: {}, longPolicies: {}}
	says := func(long int, v []byte) string {
		if long == longPolicies {
			return string(v)
		}
		l, rej := (&labelTexts{known: map[string]string{}}).read(v)
		return fmt.Sprint(l, rej)
	}
	var room scan.Room
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := values[rng.IntN(len(values))]
		text := []byte(v + []string{"", "}", `,"x":1}`, "]", "\x00]\""}[rng.IntN(5)])
		b := room.Open(text)
		long := []int{longSource, longPolicies}[rng.IntN(2)]
		got, number, _ := r.skip(b, 0, 1, long)
		want := scan.Skip(b, 0, 1)
		room.Close(b, len(text))
		if got != want {
			t.Fatalf("%q: ends at %d, not at %d", text, got, want)
		}
		if number != 0 {
			said := says(long, text[:want])
			if was, ok := numbers[long][number]; ok && was != said {
				t.Fatalf("%q has the number of %q", said, was)
			}
			numbers[long][number] = said
		}
	}
	remembered := 0
	for _, set := range r.slots {
		for _, s := range set {
			if s.text != "" {
				remembered++
			}
			if len(s.text) > maxRepeated {
				t.Errorf("%d bytes are remembered", len(s.text))
			}
		}
	}
	if remembered == 0 {
		t.Error("nothing is remembered")
	}
}
