package calico

import (
	"strings"

	"sluice/model"
)

// labels are the labels of one end, and what is taken out of them.
type labels struct {
	kept           model.Labels
	namespace      string
	serviceAccount string
	// Hashes of the revision a pod is of: they lead to its owner and change with every rollout.
	templateHash string // ReplicaSet
	rolloutHash  string // Argo Rollout
	revisionHash string // DaemonSet, StatefulSet
}

const (
	// calicoPrefix begins the labels that Calico adds, on some records of a pod and not on others.
	calicoPrefix = "projectcalico.org/"

	// Labels of which the last one of a key counts.
	accountLabel   = calicoPrefix + "serviceaccount"
	namespaceLabel = calicoPrefix + "namespace"
	templateHash   = "pod-template-hash"
	rolloutHash    = "rollouts-pod-template-hash"
	revisionHash   = "controller-revision-hash"
)

// readLabels reads the three forms: a list, {"labels": list}, and Whisker's one text.
func readLabels(v []byte) (labels, *rejection) {
	var l labels
	var kv []string
	if kindOf(v) == '{' {
		inner := v[:0]
		for k, v := range members(v) {
			if string(k) == "labels" {
				inner = v
			}
		}
		v = inner
	}
	switch kindOf(v) {
	case 0:
	case '[':
		for e := range elements(v) {
			t, ok := text(e)
			if !ok {
				return l, badValue("a label is no text")
			}
			kv = l.add(kv, string(t))
		}
	case '"':
		t, _ := text(v)
		for s := range strings.SplitSeq(string(t), " | ") {
			kv = l.add(kv, s)
		}
	default:
		return l, badValue("labels are neither a list nor text")
	}
	if len(kv) > 0 {
		l.kept = model.MakeLabels(kv)
	}
	return l, nil
}

// add keeps a "key=value", or what it tells where it does not belong to the pod's own labels.
func (l *labels) add(kv []string, label string) []string {
	key, value, _ := strings.Cut(label, "=")
	switch {
	case key == "":
	case key == accountLabel:
		l.serviceAccount = value
	case key == namespaceLabel:
		l.namespace = value
	case strings.HasPrefix(key, calicoPrefix):
	case key == templateHash:
		l.templateHash = value
	case key == rolloutHash:
		l.rolloutHash = value
	case key == revisionHash:
		l.revisionHash = value
	case value == "":
		return append(kv, key)
	default:
		return append(kv, label)
	}
	return kv
}
