package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"sluice/model"
)

// Names of the policies that switch a namespace over.
const (
	DefaultDenyName = "default-deny"
	OpenName        = "sluice-open"
	WholeName       = "sluice-whole" // begins the name of one that says all of a workload while its policies come
)

// DefaultDeny isolates every pod of a namespace in the given directions and allows nothing.
func DefaultDeny(namespace string, ingress, egress bool) Policy {
	return Policy{Name: DefaultDenyName, Namespace: namespace, Ingress: ingress, Egress: egress}
}

// DenyWorkload isolates the pods of a workload in the given directions and allows nothing.
func DenyWorkload(namespace, workload string, sel Selector, ingress, egress bool) Policy {
	p := DefaultDeny(namespace, ingress, egress)
	p.Name, p.Subject = shortName(namespace, DefaultDenyName+"-", workload, "", sel), sel
	return p
}

// Open allows everything to every pod of a namespace, in the given directions. Where policies only add to each other it
// undoes them: it stands before the others come and is deleted last: one object, without a moment between. Calico takes
// it after all policies with an order, so that what these deny stays denied. It must not select pods that other
// policies isolate already, which it would open.
func Open(namespace string, ingress, egress bool) Policy {
	p := Policy{Name: OpenName, Namespace: namespace, Ingress: ingress, Egress: egress}
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		if p.Isolates(d) {
			p.Rules = append(p.Rules, Rule{Direction: d, AnyPeer: true, AnyPort: true})
		}
	}
	return p
}

// Held keeps one direction of a namespace open for good.
func Held(namespace string, d model.Direction) Policy {
	p := Open(namespace, d == model.Ingress, d == model.Egress)
	p.Name += "-" + d.String()
	return p
}

// HeldWorkload keeps one direction of the pods of a workload open for good: for everything, or for what some rules
// say.
func HeldWorkload(namespace, workload string, sel Selector, d model.Direction, only []Rule) Policy {
	p := Open(namespace, d == model.Ingress, d == model.Egress)
	if len(only) > 0 {
		p.Rules = only
	}
	p.Name, p.Subject = shortName(namespace, OpenName+"-", workload, "-"+d.String(), sel), sel
	return p
}

// shortName is a name around that of a workload that is short enough for a label.
func shortName(namespace, begin, workload, end string, sel Selector) string {
	const longest = 63
	if name := begin + workload + end; len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(namespace + "\x00" + workload + "\x00" + sel.Canonical().String()))
	end = "-" + hex.EncodeToString(sum[:4]) + end
	return strings.TrimRight((begin + workload)[:longest-len(end)], "-.") + end
}
