package eval

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Labels that Calico gives to every pod, and the prefixes of those that it inherits.
const (
	calicoNamespace     = "projectcalico.org/namespace"
	calicoOrchestrator  = "projectcalico.org/orchestrator"
	calicoAccount       = "projectcalico.org/serviceaccount"
	calicoNamespaceName = "projectcalico.org/name" // of a namespace
	namespacePrefix     = "pcns."
	accountPrefix       = "pcsa."
)

// view is a set of labels, some of which are not known.
type view struct {
	labels model.Labels
	lacks  func(key string) need // what to know for the label of a key, "" where it is known
}

// matches reports whether a selector finds the labels.
func (v *view) matches(s policy.Selector, n *need) model.Tri {
	m := model.Yes
	for i := range s {
		m = and(m, v.meets(&s[i], n))
	}
	return m
}

func (v *view) meets(r *policy.Requirement, n *need) model.Tri {
	if r.Op == policy.Either {
		m := model.No
		for _, s := range r.Any {
			m = either(m, v.matches(s, n))
		}
		return m
	}
	if what := v.lacks(r.Key); what != "" {
		return n.unknown(what)
	}
	return tri(r.Matches(v.labels))
}

// known is the lacks of a view that lacks nothing.
func known(string) need { return "" }

// overlay returns labels with others put over them.
func overlay(labels model.Labels, over ...string) model.Labels {
	kv := slices.Clone(over)
	for _, l := range labels {
		key, _, _ := strings.Cut(l, "=")
		if !slices.ContainsFunc(over, func(o string) bool { k, _, _ := strings.Cut(o, "="); return k == key }) {
			kv = append(kv, l)
		}
	}
	return model.MakeLabels(kv)
}

// account is the name of the pod's service account, "" where neither the log nor a label says it.
func (f *Facts) account() string {
	if f.ServiceAccount != "" || f.LabelsUnknown {
		return f.ServiceAccount
	}
	name, _ := f.Labels.Get(calicoAccount)
	return name
}

// calicoViews returns a pod's labels and those of its namespace as Calico's selectors see them.
func calicoViews(f *Facts) (pod, namespace view) {
	namespace = view{overlay(withName(f.NamespaceLabels, f.Namespace), calicoNamespaceName+"="+f.Namespace), known}
	if f.NamespaceLabels == nil {
		namespace.lacks = lacksNamespace
	}
	account := f.account()
	own := []string{calicoNamespace + "=" + f.Namespace, calicoOrchestrator + "=k8s"}
	if account != "" {
		own = append(own, calicoAccount+"="+account)
	}
	var inherited []string
	for _, l := range namespace.labels {
		inherited = append(inherited, namespacePrefix+l)
	}
	for _, l := range f.ServiceAccountLabels {
		inherited = append(inherited, accountPrefix+l)
	}
	if !f.LabelsUnknown {
		inherited = overlay(inherited, f.Labels...)
	}
	pod.labels = overlay(inherited, own...)
	pod.lacks = func(key string) need {
		switch {
		case key == calicoNamespace || key == calicoOrchestrator:
			return ""
		case key == calicoAccount:
			if account == "" {
				return needAccount
			}
			return ""
		case f.LabelsUnknown:
			return needLabels
		case strings.HasPrefix(key, accountPrefix) && account == "":
			return needAccount
		case strings.HasPrefix(key, accountPrefix) && f.ServiceAccountLabels == nil:
			return needLabelled
		case strings.HasPrefix(key, namespacePrefix):
			return namespace.lacks(key[len(namespacePrefix):])
		}
		return ""
	}
	return pod, namespace
}

// lacksNamespace is the lacks of a namespace of which only the name is known.
func lacksNamespace(key string) need {
	if key == policy.NamespaceName || key == calicoNamespaceName {
		return ""
	}
	return needNamespace
}

// networkViews returns the labels of a network with a namespace, and of that: of which only the name is known.
func networkViews(w *policy.Network) (own, namespace view) {
	namespace = view{
		model.MakeLabels([]string{policy.NamespaceName + "=" + w.Namespace, calicoNamespaceName + "=" + w.Namespace}),
		lacksNamespace,
	}
	var inherited []string
	for _, l := range namespace.labels {
		inherited = append(inherited, namespacePrefix+l)
	}
	own.labels = overlay(overlay(inherited, w.Labels...), calicoNamespace+"="+w.Namespace)
	own.lacks = func(key string) need {
		if of, ok := strings.CutPrefix(key, namespacePrefix); ok {
			return lacksNamespace(of)
		}
		return ""
	}
	return own, namespace
}

// withName returns the labels of a namespace with its name label.
func withName(labels model.Labels, name string) model.Labels {
	if v, ok := labels.Get(policy.NamespaceName); ok && v == name {
		return labels
	}
	kv := []string{policy.NamespaceName + "=" + name}
	for _, l := range labels {
		if k, _, _ := strings.Cut(l, "="); k != policy.NamespaceName {
			kv = append(kv, l)
		}
	}
	return model.MakeLabels(kv)
}
