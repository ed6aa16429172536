package eval

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// subjects tells which policies of a namespace may select a pod without reading all of them: thousands of workloads
// have thousands of policies, and each of them asks for a label.
type subjects struct {
	all     []int
	byLabel map[string][]int // by label, "key=value": those that ask for it, or for one of several
	others  []int            // that ask for none
}

// add notes policy i with its selector.
func (s *subjects) add(i int, sel policy.Selector) {
	s.all = append(s.all, i)
	at := slices.IndexFunc(sel, func(r policy.Requirement) bool { return r.Op == policy.In && !odd(r) })
	if at < 0 {
		s.others = append(s.others, i)
		return
	}
	if s.byLabel == nil {
		s.byLabel = map[string][]int{}
	}
	for _, v := range sel[at].Values {
		label := sel[at].Key + "=" + v
		s.byLabel[label] = append(s.byLabel[label], i)
	}
}

// of are the policies that may select a pod with these labels, in their order. The others surely do not.
func (s *subjects) of(labels model.Labels) []int {
	if s == nil {
		return nil
	}
	found := slices.Clone(s.others)
	for _, l := range labels {
		if !strings.Contains(l, "=") {
			l += "="
		}
		found = append(found, s.byLabel[l]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// policiesOf are the policies of its namespace that may select a pod.
func (e *Evaluator) policiesOf(end *End, labels model.Labels) []int {
	s := e.byNamespace[end.Namespace]
	if s != nil && end.LabelsUnknown {
		return s.all
	}
	return s.of(labels)
}
