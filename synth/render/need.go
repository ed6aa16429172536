package render

import (
	"cmp"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Need is something that a cluster has to know.
type Need struct {
	Text    string // what, and what happens without it
	Command string // shows whether it does
	// Protocols are those that a rule has to name for it to be needed, as model.Proto has them; none: it always is.
	Protocols []string
	Names     bool // it is needed where a rule has a DNS name
	Mesh      bool // it is needed where a rule names another cluster
	Rare      bool // nearly every cluster has it: it is spoken of where the objects of one say otherwise
	// Plugin has it from the version Since on, "" for every one, and where Option has the Value, if it depends on one. An
	// option that is not set has the value Unset. With Not it is every value but that one. An older version has it where
	// Option has the Value and Early is set.
	Plugin, Since        string
	Option, Value, Unset string
	Not, Early           bool
}

// InCilium is what policies of every dialect need of Cilium where it enforces them. Nearly every cluster has it.
func InCilium() []Need {
	const cilium = "cilium"
	return []Need{{
		Text:    "policies that are enforced (enable-policy must not be never). Else the agents deny nothing, whatever policies say.",
		Command: "kubectl get configmap cilium-config -n kube-system -o jsonpath='{.data.enable-policy}'",
		Plugin:  cilium, Option: "enable-policy", Value: "never", Unset: "default", Not: true, Rare: true,
	}, {
		Text: "pods that the host of their own node always reaches (allow-localhost must not be policy). " +
			"Else the probes of the kubelet are cut, for which no rule is learned.",
		Command: "kubectl get configmap cilium-config -n kube-system -o jsonpath='{.data.allow-localhost}'",
		Plugin:  cilium, Option: "allow-localhost", Value: "policy", Unset: "auto", Not: true, Rare: true,
	}}
}

// What is the need without what happens without it.
func (n *Need) What() string {
	what, _, _ := strings.Cut(n.Text, ". ")
	return strings.TrimSuffix(what, ".")
}

// Met reports whether a cluster has it, as far as its objects tell, and what tells that.
func (n *Need) Met(m *policy.Manifests) (met model.Tri, why string) {
	p := m.Plugin(n.Plugin)
	if p == nil || n.Since == "" && n.Option == "" {
		return model.Unknown, ""
	}
	if n.Since != "" {
		switch older, known := p.Before(n.Since); {
		case !known:
			return model.Unknown, ""
		case older && n.Early && p.Options[n.Option] == n.Value:
			return model.Yes, n.Option + " is " + n.Value
		case older:
			return model.No, p.String()
		}
		why = p.String()
	}
	if n.Option == "" {
		return model.Yes, why
	}
	if p.Options == nil {
		return model.Unknown, ""
	}
	value := cmp.Or(p.Options[n.Option], n.Unset)
	if why = n.Option + " is " + value; p.Options[n.Option] == "" {
		why = n.Option + " is not set"
	}
	if (value != n.Value) != n.Not {
		return model.No, why
	}
	return model.Yes, why
}
