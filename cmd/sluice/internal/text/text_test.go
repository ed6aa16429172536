package text

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"learn", "ingest", "verify", "show", "--namespace", "-n"}
	for word, want := range map[string]string{"lern": "learn", "laern": "learn", "verfiy": "verify", "--namspace": "--namespace", "kubectl": "", "x": "", "": ""} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
