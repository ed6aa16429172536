package kubernetes

import (
	"sluice/model"
	"sluice/synth/policy"
)

// Names of the policies that switch a namespace over.
const (
	DefaultDenyName = "default-deny"
	OpenName        = "sluice-open"
)

// DefaultDeny isolates every pod of a namespace in the given directions and allows nothing.
func DefaultDeny(namespace string, ingress, egress bool) policy.Policy {
	return policy.Policy{Name: DefaultDenyName, Namespace: namespace, Ingress: ingress, Egress: egress}
}

// Open allows everything to the pods that subject selects, in the given directions. An allow policy isolates its pods at
// once, so staging applies Open beside the others and enforcing deletes it: one object, without a moment between. It
// must not select pods that other policies isolate already, which it would open.
func Open(namespace string, subject policy.Selector, ingress, egress bool) policy.Policy {
	p := policy.Policy{Name: OpenName, Namespace: namespace, Subject: subject, Ingress: ingress, Egress: egress}
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		if p.Isolates(d) {
			p.Rules = append(p.Rules, policy.Rule{Direction: d, AnyPeer: true, AnyPort: true})
		}
	}
	return p
}
