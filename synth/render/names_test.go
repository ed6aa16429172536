package render

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestNames: names are those that the patterns of the API take.
func TestNames(t *testing.T) {
	label := `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
	qualified := regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
	name, namespace := regexp.MustCompile(`^`+label+`(\.`+label+`)*$`), regexp.MustCompile(`^`+label+`$`)
	letter := regexp.MustCompile(`[a-z]`)
	r := rand.New(rand.NewPCG(1, 1))
	const alphabet = "ab0Z-_./ \nü"
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(7) {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		s := b.String()
		prefix, key, ok := strings.Cut(s, "/")
		if !ok {
			key = s
		}
		for what, is := range map[string][2]bool{
			"name":      {ValidName(s), name.MatchString(s)},
			"namespace": {ValidNamespace(s), namespace.MatchString(s)},
			"value":     {ValidValue(s), s == "" || qualified.MatchString(s)},
			"key":       {ValidKey(s), qualified.MatchString(key) && (!ok || name.MatchString(prefix))},
			"port":      {ValidPortName(s), namespace.MatchString(s) && letter.MatchString(s) && !strings.Contains(s, "--")},
		} {
			if is[0] != is[1] {
				t.Errorf("%q as a %s: %t, want %t", s, what, is[0], is[1])
			}
		}
	}
	for n, ok := range map[int]bool{63: true, 64: false} {
		if s := strings.Repeat("a", n); ValidNamespace(s) != ok || ValidValue(s) != ok || ValidKey("a/"+s) != ok {
			t.Errorf("%d letters: want %t", n, ok)
		}
	}
	if !ValidName(strings.Repeat("a", 253)) || ValidName(strings.Repeat("a", 254)) || ValidPortName(strings.Repeat("a", 16)) {
		t.Error("lengths of names")
	}
}
