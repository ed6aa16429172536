package cilium

import (
	"slices"
	"strings"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// What Cilium adds to the labels of a pod, and how it marks where a label is from.
const (
	source          = "k8s:"
	namespaceLabel  = "io.kubernetes.pod.namespace"
	namespaceLabels = "io.cilium.k8s.namespace.labels."
	clusterLabel    = policy.ClusterName
)

// added reports whether a key is none that a condition on pods can have: their namespaces have conditions of their own.
func added(key string) bool {
	return key == namespaceLabel || key == clusterLabel || strings.HasPrefix(key, namespaceLabels)
}

// validKey reports whether the API takes a key, which it checks with its source before it.
func validKey(key string) bool { return render.ValidKey("k8s." + key) }

// namespaceKey is how a condition on namespaces is written as one on pods.
func namespaceKey(key string) string {
	if key == policy.NamespaceName {
		return namespaceLabel
	}
	return namespaceLabels + key
}

// unsayable says what of two selectors the API has no words for, "" if nothing.
func unsayable(pods, namespaces policy.Selector) string {
	if !pods.Plain() {
		return "the selector " + pods.String()
	}
	if !namespaces.Plain() {
		return "the selector " + namespaces.String()
	}
	for _, q := range pods {
		if added(q.Key) || !validKey(q.Key) {
			return "the label " + q.Key
		}
	}
	for _, q := range namespaces {
		if !validKey(namespaceKey(q.Key)) {
			return "the namespaces' label " + q.Key
		}
	}
	return ""
}

// withoutCluster is the selector of a peer without the names of clusters, which a peer may have.
func withoutCluster(pods policy.Selector) policy.Selector {
	return slices.DeleteFunc(slices.Clone(pods), func(r policy.Requirement) bool {
		return r.Key == clusterLabel && r.Op == policy.In
	})
}

// selectorOf writes both selectors as one. Where nothing says which namespaces, all are named outright: to say nothing
// would mean the policy's own, or ends that are no pods.
func selectorOf(namespaces, pods policy.Selector) render.LabelSelector {
	var out render.LabelSelector
	positive := false
	add := func(key string, q policy.Requirement) { out.Add(source+key, q) }
	for _, q := range namespaces {
		add(namespaceKey(q.Key), q)
		positive = positive || q.Op == policy.In
	}
	if !positive {
		add(namespaceLabel, policy.Requirement{Op: policy.Exists})
	}
	for _, q := range pods {
		add(q.Key, q)
	}
	return out
}
