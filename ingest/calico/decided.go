package calico

import (
	"strings"

	"sluice/model"
)

// trace is what the traces of policies of a record tell.
type trace struct {
	deciders string      // as model.Flow.Policies has them
	marks    model.Marks // of the flow, where it was forwarded
	rule     bool        // a rule denied it, where it was denied
}

// traces remembers what the traces of a log tell, by their number: few are different.
type traces map[uint64]trace

// maxTraces bounds them.
const maxTraces = 1 << 12

// of returns what the traces of a record tell, whose number is 0 where they have none: those are new.
func (d *traces) of(policies []byte, number uint64) trace {
	if number == 0 {
		return readTrace(policies)
	}
	t, ok := (*d)[number]
	if !ok {
		t = readTrace(policies)
		if *d == nil || len(*d) == maxTraces {
			*d = traces{}
		}
		(*d)[number] = t
	}
	return t
}

// The kinds that policies are called by here, by Goldmane's name or number and by the mark before a name of Enterprise.
const (
	calicoPolicy = "projectcalico.org/v3 NetworkPolicy"
	globalPolicy = "projectcalico.org/v3 GlobalNetworkPolicy"
	kubePolicy   = "networking.k8s.io/v1 NetworkPolicy"
)

var deciderKinds = map[string]string{
	"CalicoNetworkPolicy": calicoPolicy, "1": calicoPolicy, "np:": calicoPolicy,
	"GlobalNetworkPolicy": globalPolicy, "2": globalPolicy, "gnp:": globalPolicy,
	"NetworkPolicy": kubePolicy, "6": kubePolicy, "knp:": kubePolicy,
}

// textDecider is the policy of a hit of Enterprise, whose name is "NAMESPACE/TIER.NAME" behind a mark of its kind.
func textDecider(tier, name string) string {
	kind := ""
	if i := strings.IndexByte(name, ':'); i >= 0 {
		if kind = deciderKinds[name[:i+1]]; kind == "" {
			return ""
		}
		name = name[i+1:]
	}
	ns, name, ok := strings.Cut(name, "/")
	if !ok {
		ns, name = "", ns
	}
	return deciderName(kind, ns, tier, name)
}

// deciderName is a policy by its name in the API: in traces older versions put the tier before it, and before that of a
// NetworkPolicy of Kubernetes a mark.
func deciderName(kind, ns, tier, name string) string {
	if short, ok := strings.CutPrefix(name, "knp.default."); ok {
		kind, name = kubePolicy, short
	}
	if tier != "" {
		name = strings.TrimPrefix(name, tier+".")
	}
	switch {
	case name == "" || strings.ContainsAny(ns, " /"):
		return "" // no namespace has these, by which the text of one policy would be that of another
	case kind == "" && ns == "":
		kind = globalPolicy
	case kind == "":
		kind = calicoPolicy
	}
	return kind + " " + ns + "/" + name
}
