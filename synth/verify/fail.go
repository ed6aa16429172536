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
	about  string
	count  func(*Report) uint64
}{
	{"lost", true, true, "a connection that worked would be denied",
		func(r *Report) uint64 { return r.Connections[Lost] }},
	{"escaped", true, true, "a connection that was denied would be allowed",
		func(r *Report) uint64 { return r.Connections[Escaped] }},
	{"unproven-policy", true, true, "a fact about the policies is missing to decide it",
		func(r *Report) uint64 { return r.Lacking + uint64(len(r.Nameless)) }},
	{"unread", true, true, "a policy could not be read",
		func(r *Report) uint64 { return uint64(r.Unread) }},
	{"unisolated", true, true, "a direction that the bundle isolates is open; learn: that the former one isolated",
		func(r *Report) uint64 { return uint64(len(r.Gaps)) }},
	{"left-open", true, true, "what opens a namespace for a while still stands",
		func(r *Report) uint64 { return uint64(len(r.LeftOpen())) }},
	{"probe", true, true, "a probe of the kubelet that the manifests declare would be denied",
		func(r *Report) uint64 { return uint64(len(r.Probes.Closed)) }},
	{"held", false, true, "something blocks a direction: it is held open, or not denied",
		func(r *Report) uint64 { return uint64(len(r.HeldOpen())) }},
	{"stale-decision", true, true, "learn: a decision of sluice.yaml has ended, or names nothing",
		func(r *Report) uint64 { return uint64(r.Decisions) }},
	{"over", false, true, "allowed at an isolated end, neither seen nor widened by name",
		func(r *Report) uint64 { return uint64(r.Over.Count) }},
	{"unrecorded", false, true, "a rule that the bundle has no evidence for",
		func(r *Report) uint64 { return uint64(len(r.Unrecorded)) }},
	{"missing", false, true, "a rule that the bundle lists is in no file",
		func(r *Report) uint64 { return uint64(len(r.Missing)) }},
	{"edited", false, true, "a file is not as it was written",
		func(r *Report) uint64 { return uint64(len(r.Edited)) }},
	{"unused", false, false, "a rule that no connection needed",
		func(r *Report) uint64 { return uint64(len(r.Unused)) }},
	{"refused", false, false, "refused or undecided in the log",
		func(r *Report) uint64 { return r.Connections[Unproven] }},
	{"inexpressible", false, false, "a connection worked and the dialect has no rule for it",
		func(r *Report) uint64 { return r.Connections[Inexpressible] }},
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

// AboutFailOn explains the names that Failed knows, one on a line.
func AboutFailOn() string {
	var out strings.Builder
	for _, f := range failures {
		fmt.Fprintf(&out, "  %-16s %s\n", f.name, f.about)
	}
	return out.String()
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
