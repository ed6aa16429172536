package policy

import "sluice/model"

// Names of the policies that switch a namespace over.
const (
	DefaultDenyName = "default-deny"
	OpenName        = "sluice-open"
)

// DefaultDeny isolates every pod of a namespace in the given directions and allows nothing.
func DefaultDeny(namespace string, ingress, egress bool) Policy {
	return Policy{Name: DefaultDenyName, Namespace: namespace, Ingress: ingress, Egress: egress}
}

// Open allows everything to every pod of a namespace, in the given directions. Where policies only add to each other it
// undoes them: staging applies it beside the others and enforcing deletes it: one object, without a moment between. It
// must not select pods that other policies isolate already, which it would open.
func Open(namespace string, ingress, egress bool) Policy {
	p := Policy{Name: OpenName, Namespace: namespace, Ingress: ingress, Egress: egress}
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		if p.Isolates(d) {
			p.Rules = append(p.Rules, Rule{Direction: d, AnyPeer: true, AnyPort: true})
		}
	}
	return p
}
