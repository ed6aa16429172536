package verify

import (
	"fmt"
	"strings"

	"sluice/synth/policy"
)

// Check is a kind of results, by the name that --fail-on has for it.
type Check struct{ Name, About string }

// Checks are all kinds of results.
func Checks() []Check {
	var out []Check
	for _, f := range failures {
		out = append(out, Check{f.name, f.about})
	}
	return out
}

// Result is one thing in a report that somebody may have to look at.
type Result struct {
	Check   string   // its name in Checks
	Subject string   // the edge, rule, file or side that it is about
	Text    string   // what was found, with the reason
	Missing []string // the rules that would settle a lost edge
	Policy  string   // to look at, "" for none
	At      policy.Position
}

// Results lists what a report found, an edge once however many pods it has, in the order of Checks. What a report only
// counts is one result.
func (r *Report) Results() []Result {
	by := map[string][]Result{}
	add := func(x Result) { by[x.Check] = append(by[x.Check], x) }
	for i := range r.Cases {
		add(r.Cases[i].result())
	}
	for _, g := range r.Gaps {
		add(Result{Check: "unisolated", Subject: g.Direction.String() + " of " + g.Namespace,
			Text: "open for " + strings.Join(g.Pods, ", ")})
	}
	for _, ns := range r.LeftOpen() {
		add(Result{Check: "left-open", Subject: "namespace " + ns, Policy: ns + "/" + policy.OpenName,
			Text: policy.OpenName + " stands there and undoes what other policies isolate: delete it to enforce"})
	}
	for i := range r.Probes.Closed {
		p := &r.Probes.Closed[i]
		add(Result{Check: "probe", Subject: p.String(), Text: p.Why, Policy: p.Policy, At: p.At})
	}
	for _, e := range r.Over.Examples {
		add(Result{Check: "over", Subject: fmt.Sprintf("%s -> %s %s", e.Src, e.Dst, e.Port), Policy: e.Policy,
			Text: "never seen, and allowed by rule " + e.Rule + " of " + e.Policy})
	}
	for _, u := range r.Unrecorded {
		add(u.result("unrecorded", "the bundle has no evidence for it"))
	}
	for _, id := range r.Missing {
		add(Result{Check: "missing", Subject: "rule " + id, Text: "the bundle lists it and no file has it"})
	}
	for _, name := range r.Edited {
		add(Result{Check: "edited", Subject: name, Text: "the file is not as it was written", At: policy.Position{File: name}})
	}
	for _, u := range r.Unused {
		add(u.result("unused", "no connection needed it"))
	}
	var out []Result
	for _, f := range failures {
		if n := f.count(r); n > 0 && len(by[f.name]) == 0 {
			add(Result{Check: f.name, Subject: f.name, Text: fmt.Sprintf("%d: %s", n, f.about)})
		}
		out = append(out, by[f.name]...)
	}
	return out
}

func (c *Case) result() Result {
	check := c.Verdict.String()
	switch {
	case c.Lacking:
		check = "unproven-policy"
	case c.Verdict == Unproven:
		check = "refused"
	}
	return Result{Check: check, Subject: fmt.Sprintf("%s -> %s %s", c.Src, c.Dst, c.Port), Text: c.Why,
		Missing: c.Missing, Policy: c.Policy, At: c.At}
}

func (u *Rule) result(check, why string) Result {
	return Result{Check: check, Subject: "rule " + u.ID, Policy: u.Policy, At: u.At, Text: why + ": " + u.Text}
}
