package verify

import (
	"fmt"
	"slices"
	"strings"
)

// failures are the names that --fail-on takes, with the number that each stands for. Those of always fail where nothing
// else is asked for, those of bundle too where it is a bundle that is judged: its bundle.json says what it should be.
var failures = []struct {
	name   string
	always bool
	bundle bool
	count  func(*Report) uint64
}{
	{"lost", true, true, func(r *Report) uint64 { return r.Connections[Lost] }},
	{"escaped", true, true, func(r *Report) uint64 { return r.Connections[Escaped] }},
	{"unproven-policy", true, true, func(r *Report) uint64 { return r.Lacking }},
	{"unread", true, true, func(r *Report) uint64 { return uint64(r.Unread) }},
	{"unisolated", true, true, func(r *Report) uint64 { return uint64(len(r.Gaps)) }},
	{"left-open", true, true, func(r *Report) uint64 { return uint64(len(r.LeftOpen())) }},
	{"over", false, true, func(r *Report) uint64 { return uint64(r.Over.Count) }},
	{"unrecorded", false, true, func(r *Report) uint64 { return uint64(len(r.Unrecorded)) }},
	{"missing", false, true, func(r *Report) uint64 { return uint64(len(r.Missing)) }},
	{"edited", false, true, func(r *Report) uint64 { return uint64(len(r.Edited)) }},
	{"unused", false, false, func(r *Report) uint64 { return uint64(len(r.Unused)) }},
	{"refused", false, false, func(r *Report) uint64 { return r.Connections[Unproven] }},
	{"inexpressible", false, false, func(r *Report) uint64 { return r.Connections[Inexpressible] }},
}

// DefaultFailOn is what fails where nothing else is asked for, of a bundle or of anyone's policies.
func DefaultFailOn(bundle bool) []string {
	var names []string
	for _, f := range failures {
		if f.always || bundle && f.bundle {
			names = append(names, f.name)
		}
	}
	return names
}

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

// Failed returns a line for each of the named findings that the report has: "2 lost".
func (r *Report) Failed(on []string) []string {
	var out []string
	for _, f := range failures {
		if n := f.count(r); n > 0 && slices.Contains(on, f.name) {
			out = append(out, fmt.Sprintf("%d %s", n, f.name))
		}
	}
	return out
}
