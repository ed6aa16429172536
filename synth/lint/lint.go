// Package lint reads policies as a reviewer who knows the traps would: what was not read, what selects nothing, what
// denies or opens more than its author meant. It decides no connection itself, changes no file, and says nothing of a
// policy that it cannot show.
package lint

import (
	"fmt"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Severity says how much a finding matters.
type Severity uint8

// The severities.
const (
	Info    Severity = iota // worth knowing
	Warning                 // probably not what was meant
	Error                   // the cluster refuses it, or it does not do what it says
)

// String is the lower-case name.
func (s Severity) String() string { return [...]string{"info", "warning", "error"}[s] }

// Finding is one trap in one place.
type Finding struct {
	ID       string // of the check, "egress-without-dns"; Page explains it
	Severity Severity
	At       policy.Position
	Policy   string // namespace/name, "" where a document could not be read
	Text     string // what is there
	Remedy   string // what to write instead
	// Edits of the file do that, nil where a person has to decide.
	Edits []render.Edit
}

// Input is what is checked.
type Input struct {
	Set      policy.PolicySet
	Problems []render.Problem // of reading it
	// Graph is what was seen of the cluster, nil: checks that need pods are left out.
	Graph *graph.Graph
	// Declared says that the manifests of the set were given for what they declare: a pod that they lack, there is not.
	// Workloads that only lie beside policies are a part of the cluster, and nothing follows from what they lack.
	Declared  bool
	Semantics eval.Semantics
	// Plugin says that Semantics is the plugin of the cluster, and not only the one that the policies are written for.
	Plugin bool
	// Texts are the files that the set was read from, by the names in positions. Without them checks of how a thing is
	// written are left out.
	Texts map[string][]byte
}

// check is one trap.
type check struct {
	id       string
	severity Severity
	page     string
	find     func(*linter)
}

// pod is a known pod, prepared for the set.
type pod struct {
	workload string
	end      *eval.End
}

type linter struct {
	Input
	ev    *eval.Evaluator
	known []pod
	texts []render.Object
	byPos map[policy.Position]*render.Object
	check *check
	out   []Finding
}

// pods prepares one pod for every label set of every workload that was seen, and for what manifests declare.
func (l *linter) pods() {
	for _, w := range l.Set.Manifests.Workloads {
		f := eval.Facts{IsPod: true, Namespace: w.Namespace, Labels: w.Labels, ServiceAccount: w.ServiceAccount}
		l.known = append(l.known, pod{w.Namespace + "/" + w.Name, l.ev.End(f)})
	}
	if l.Graph == nil {
		return
	}
	for i := range l.Graph.Workloads {
		w := &l.Graph.Workloads[i]
		for _, labels := range w.LabelSets {
			f := eval.Facts{IsPod: true, Cluster: w.Cluster, Namespace: w.Namespace, Labels: labels,
				ServiceAccount: w.ServiceAccount}
			l.known = append(l.known, pod{w.ID, l.ev.End(f)})
		}
	}
}

// found adds a finding about a policy. It stands at the first of the fields of the policy's spec that the text has.
func (l *linter) found(p *policy.Policy, fields []string, remedy, format string, args ...any) {
	l.add(p, l.place(p, fields), nil, remedy, fmt.Sprintf(format, args...))
}

// foundRule adds a finding about a rule of a policy.
func (l *linter) foundRule(p *policy.Policy, i int, remedy, format string, args ...any) {
	at := p.Source
	if p.Rules[i].Source.Line > 0 {
		at = p.Rules[i].Source
	}
	l.add(p, at, nil, remedy, fmt.Sprintf(format, args...))
}

func (l *linter) add(p *policy.Policy, at policy.Position, edits []render.Edit, remedy, text string) {
	l.out = append(l.out, Finding{ID: l.check.id, Severity: l.check.severity, At: at, Policy: nameOf(p), Text: text,
		Remedy: remedy, Edits: edits})
}

func nameOf(p *policy.Policy) string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// directions are those that a policy can isolate.
var directions = []model.Direction{model.Ingress, model.Egress}

// each visits the policies that decide something.
func (l *linter) each(f func(p *policy.Policy)) {
	for i := range l.Set.Policies {
		if p := &l.Set.Policies[i]; !p.Staged {
			f(p)
		}
	}
}

// rulesOf returns the rules of one direction.
func rulesOf(p *policy.Policy, d model.Direction) []policy.Rule {
	var out []policy.Rule
	for _, r := range p.Rules {
		if r.Direction == d {
			out = append(out, r)
		}
	}
	return out
}

// remedyOf says what edits write, "" where there are none.
func remedyOf(edits []render.Edit) string {
	var out []string
	for _, e := range edits {
		if strings.Contains(e.New, "\n") {
			return "sluice lint --fix moves the lines"
		}
		out = append(out, "write "+e.New+" in place of "+e.Old)
	}
	return strings.Join(out, ", ")
}
