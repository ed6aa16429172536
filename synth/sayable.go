package synth

import (
	"bytes"
	"fmt"

	"sluice/model"
	"sluice/model/workload"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// unsayable says what the dialect's own reader has against a policy, "" if nothing. Namespaces and labels come out of
// a log, which may hold what no API server would have let in: it must not end up in files or in their names.
func (l *learner) unsayable(p policy.Policy) string {
	files, _, err := l.dialect.Render(policy.PolicySet{Policies: []policy.Policy{p}})
	if err != nil {
		return err.Error()
	}
	for _, f := range files {
		if _, problems := render.Parse(bytes.NewReader(f.YAML), p.Name, l.dialect.Kinds()); len(problems) > 0 {
			return problems[0].Text
		}
	}
	return ""
}

// badNamespace says why a namespace can have no policies, "" if it can.
func (l *learner) badNamespace(ns string) string {
	why, ok := l.namespaces[ns]
	if !ok {
		if ns == "" {
			why = "the log does not name the namespace"
		} else if u := l.unsayable(policy.DefaultDeny(ns, true, true)); u != "" {
			why = fmt.Sprintf("%q is not a namespace", ns)
		}
		l.namespaces[ns] = why
	}
	return why
}

// badLabels says why a workload can neither have a policy nor be a peer, "" if it can.
func (l *learner) badLabels(i int, w *workload.Workload) string {
	why, ok := l.labels[i]
	if !ok {
		sel := policy.MatchLabels(w.Selector)
		rule := policy.Rule{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("check", sel)}, AnyPort: true}
		p := policy.Policy{Name: "check", Namespace: "check", Ingress: true, Subject: sel, Rules: []policy.Rule{rule}}
		if _, lost := l.dialect.Project(policy.PolicySet{Policies: []policy.Policy{p}}); len(lost) > 0 {
			why = "the dialect " + l.dialect.Name() + " cannot say its labels: " + lost[0].Lost
		} else {
			why = l.unsayable(p)
		}
		l.labels[i] = why
	}
	return why
}
