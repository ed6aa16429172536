package cilium

import (
	"sluice/model"
	"sluice/synth/policy"
)

// logged writes each rule of a policy into a spec of its own, which logs the id of the rule. Together they say what one
// spec would: a pod is isolated where one of them isolates it, and all their rules count.
func (w writer) logged(p *policy.Policy) networkPolicy {
	o := w.head(p)
	with := map[model.Direction]bool{}
	for i, r := range p.Rules {
		with[r.Direction] = true
		one := *p
		one.Rules = p.Rules[i : i+1]
		one.Ingress = p.Ingress && r.Direction == model.Ingress
		one.Egress = p.Egress && r.Direction == model.Egress
		s := w.spec(&one)
		s.Log = &logged{p.RuleID(i)}
		o.Specs = append(o.Specs, s)
	}
	rest := *p
	rest.Rules = nil
	rest.Ingress, rest.Egress = p.Ingress && !with[model.Ingress], p.Egress && !with[model.Egress]
	if rest.Ingress || rest.Egress {
		o.Specs = append(o.Specs, w.spec(&rest))
	}
	return o
}
