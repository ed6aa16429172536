package synth

import (
	"slices"

	"sluice/synth/policy"
)

// Blind is something that a log cannot show, since it was filtered: that nothing else connects follows from it for no
// pod of any namespace but Shown.
type Blind struct {
	policy.ByDirection[bool]
	Brief  string   // in a few words, what the log has alone: "drops"
	Text   string   // what its records have in common
	Means  string   // what follows from it
	Remedy string   // how to take the next log
	Shown  []string // namespaces that it shows whole, none for a filter that is not by namespace
}

// Traceless are the filters that a log does not tell of. What is said of a log rests on that they were not used.
const Traceless = "that nobody filtered the log by a pod or a label with few peers, by a version of IP or by what is outside: " +
	"no record would tell"

// blindFor returns what a log cannot show of a namespace.
func blindFor(list []Blind, ns string) []Blind {
	var out []Blind
	for _, b := range list {
		if !slices.Contains(b.Shown, ns) {
			out = append(out, b)
		}
	}
	return out
}
