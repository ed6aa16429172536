package calico

import (
	"bytes"
	"strings"

	"sluice/model"
)

// trace is what the traces of policies of a record tell.
type trace struct {
	deciders string      // as model.Flow.Policies has them
	marks    model.Marks // of the flow, where it was forwarded
	rule     bool        // a rule denied it, where it was denied
}

// traces remembers what the traces of a log tell, by their text and by its number: few are different.
type traces struct {
	texts   map[string]trace
	numbers map[uint64]trace
}

// maxTraces bounds each.
const maxTraces = 1 << 12

// of returns what the traces of a record tell, whose number is 0 where they have none.
func (d *traces) of(policies []byte, number uint64) trace {
	if number == 0 {
		t, ok := d.texts[string(policies)]
		if !ok {
			t = readTrace(policies)
			d.texts = with(d.texts, string(policies), t)
		}
		return t
	}
	t, ok := d.numbers[number]
	if !ok {
		t = readTrace(policies)
		d.numbers = with(d.numbers, number, t)
	}
	return t
}

// with adds to a map, which begins anew where it is full.
func with[K comparable](m map[K]trace, k K, t trace) map[K]trace {
	if m == nil || len(m) == maxTraces {
		m = map[K]trace{}
	}
	m[k] = t
	return m
}

func decidersOf(policies []byte) (text string) {
	for _, v := range members(policies) {
		if kindOf(v) != '[' {
			continue
		}
		for hit := range elements(v) {
			name := ""
			switch kindOf(hit) {
			case '"':
				name = textDecider(unquote(hit))
			case '{':
				name = objectDecider(hit)
			}
			if name != "" && !strings.Contains(name, "\x00") {
				text += name + "\x00"
			}
		}
	}
	return text
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

// textDecider reads the policy of Enterprise's hit, "" for none that is in force: "tier|NAMESPACE/TIER.NAME".
func textDecider(s []byte) string {
	p := bytes.Split(s, bar)
	if len(p) != 5 || staged(p[2]) || hasPrefix(p[2], profileMarks) {
		return ""
	}
	name, kind := string(p[2]), ""
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
	return deciderName(kind, ns, string(p[1]), name)
}

// objectDecider reads the policy of a hit of Goldmane or Whisker; at the end of a tier it is the one that led there.
func objectDecider(v []byte) string {
	var kind, ns, tier, name string
	for k, v := range members(v) {
		if string(k) == "trigger" && kindOf(v) == '{' {
			return objectDecider(v)
		}
		t, _ := text(v)
		switch string(k) {
		case "kind":
			kind = string(t)
		case "namespace":
			ns = string(t)
		case "tier":
			tier = string(t)
		case "name":
			name = string(t)
		}
	}
	if kind = deciderKinds[kind]; kind == "" {
		return ""
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
