package verify

import (
	"fmt"
	"slices"
	"strings"
)

// failures are the names that --fail-on takes, with the number that each stands for.
var failures = []struct {
	name  string
	count func(*Report) uint64
}{
	{"lost", func(r *Report) uint64 { return r.Connections[Lost] }},
	{"escaped", func(r *Report) uint64 { return r.Connections[Escaped] }},
	{"unisolated", func(r *Report) uint64 { return uint64(len(r.Gaps)) }},
	{"over", func(r *Report) uint64 { return uint64(r.Over.Count) }},
	{"unused", func(r *Report) uint64 { return uint64(len(r.Unused)) }},
	{"unrecorded", func(r *Report) uint64 { return uint64(len(r.Unrecorded) + len(r.Missing)) }},
	{"refused", func(r *Report) uint64 { return r.Connections[Unproven] }},
	{"inexpressible", func(r *Report) uint64 { return r.Connections[Inexpressible] }},
}

// DefaultFailOn is what fails where nothing else is asked for.
func DefaultFailOn() []string { return []string{"lost", "escaped", "unisolated"} }

// FailOnNames are all names that Failed knows.
func FailOnNames() []string {
	var known []string
	for _, f := range failures {
		known = append(known, f.name)
	}
	return known
}

// CheckFailOn says which of the names is none that Failed knows.
func CheckFailOn(on []string) error {
	known := FailOnNames()
	for _, name := range on {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no finding %q to fail on (%s)", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// Failed gives a line for each of the named findings that the report has: "2 lost".
func (r *Report) Failed(on []string) []string {
	var out []string
	for _, f := range failures {
		if n := f.count(r); n > 0 && slices.Contains(on, f.name) {
			out = append(out, fmt.Sprintf("%d %s", n, f.name))
		}
	}
	return out
}
