package calico

import (
	"bytes"

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
const maxTraces = 1 << 14

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

// decider is a policy that decided, of a kind; one without a name is none.
type decider struct {
	kind     string
	ns, name []byte
}

// textDecider is the policy of a hit of Enterprise, whose name is "NAMESPACE/TIER.NAME" behind a mark of its kind.
func textDecider(tier, name []byte) decider {
	kind := ""
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		if kind = deciderKinds[string(name[:i+1])]; kind == "" {
			return decider{}
		}
		name = name[i+1:]
	}
	ns, name, ok := bytes.Cut(name, []byte("/"))
	if !ok {
		ns, name = nil, ns
	}
	return newDecider(kind, ns, tier, name)
}

// newDecider is a policy by its name in the API: in traces older versions put the tier before it, and before that of a
// NetworkPolicy of Kubernetes a mark.
func newDecider(kind string, ns, tier, name []byte) decider {
	if short, ok := bytes.CutPrefix(name, []byte("knp.default.")); ok {
		kind, name = kubePolicy, short
	}
	if short, ok := bytes.CutPrefix(name, tier); ok && len(tier) > 0 && len(short) > 0 && short[0] == '.' {
		name = short[1:]
	}
	switch {
	case bytes.ContainsAny(ns, " /\x00"), bytes.IndexByte(name, 0) >= 0:
		return decider{} // no name has these, by which the text of one policy would be that of another
	case kind == "" && len(ns) == 0:
		kind = globalPolicy
	case kind == "":
		kind = calicoPolicy
	}
	return decider{kind, ns, name}
}

// appendTo adds the policy as model.Flow.Policies has it.
func (p decider) appendTo(to []byte) []byte {
	if len(p.name) == 0 {
		return to
	}
	to = append(append(append(to, p.kind...), ' '), p.ns...)
	return append(append(append(to, '/'), p.name...), 0)
}
