package calico

import (
	"bytes"

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

// labelTexts are the labels that were read, each one in memory, whatever pods had it. Those of one rollout are not
// among them.
type labelTexts struct {
	known map[string]string
	room  []string
}

// of returns the text of a label.
func (t *labelTexts) of(b []byte) string {
	s, ok := t.known[string(b)]
	if !ok {
		if s = string(b); len(t.known) == maxCached {
			clear(t.known)
		}
		t.known[s] = s
	}
	return s
}

// read reads the three forms: a list, {"labels": list}, and Whisker's one text.
func (t *labelTexts) read(v []byte) (labels, *rejection) {
	var l labels
	kv := t.room[:0]
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
			label, ok := text(e)
			if !ok {
				return l, badValue("a label is no text")
			}
			kv = l.add(kv, label, t)
		}
	case '"':
		all, _ := text(v)
		for label := range bytes.SplitSeq(all, []byte(separator)) {
			kv = l.add(kv, label, t)
		}
	default:
		return l, badValue("labels are neither a list nor text")
	}
	if t.room = kv; len(kv) > 0 {
		l.kept = model.MakeLabels(kv)
	}
	return l, nil
}

// add keeps a "key=value", or what it tells where it does not belong to the pod's own labels.
func (l *labels) add(kv []string, label []byte, texts *labelTexts) []string {
	key, value, _ := bytes.Cut(label, []byte("="))
	switch {
	case len(key) == 0:
	case string(key) == accountLabel:
		l.serviceAccount = string(value)
	case string(key) == namespaceLabel:
		l.namespace = string(value)
	case bytes.HasPrefix(key, []byte(calicoPrefix)):
	case string(key) == templateHash:
		l.templateHash = string(value)
	case string(key) == rolloutHash:
		l.rolloutHash = string(value)
	case string(key) == revisionHash:
		l.revisionHash = string(value)
	case len(value) == 0:
		return append(kv, texts.of(key))
	default:
		return append(kv, texts.of(label))
	}
	return kv
}
