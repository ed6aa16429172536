package eval

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// resolved is a peer of pods by the numbers of its conditions.
type resolved struct {
	ok               bool // otherwise the peer has to be read
	wide             bool // it asks for labels of namespaces alone, and finds what is no pod (ofNamespaces)
	each             bool // it is asked of each end by itself
	named            bool // of a namespace its name is enough
	pods, namespaces []int
}

// resolve numbers the conditions of the peers of a rule of a policy.
func (e *Evaluator) resolve(of *policy.Policy, list []policy.Peer) []resolved {
	out, room := make([]resolved, len(list)), 0
	for i := range list {
		room += len(list[i].Pods) + len(list[i].Namespaces)
	}
	numbers := make([]int, 0, room)
	from := func(n int) []int { return numbers[n:len(numbers):len(numbers)] }
	for i := range list {
		p := &list[i]
		if e.semantics == Cilium && of.Around() && p.Kind == policy.PeerPods && len(p.Pods) == 0 && !p.Inside {
			out[i] = resolved{wide: true}
			continue
		}
		if p.Kind != policy.PeerPods || slices.ContainsFunc(p.Pods, odd) || slices.ContainsFunc(p.Namespaces, odd) {
			continue
		}
		r, at := resolved{ok: true, named: true}, len(numbers)
		for k := range p.Pods {
			numbers = append(numbers, e.ofPods.number(&p.Pods[k]))
		}
		r.pods, at = from(at), len(numbers)
		for k := range p.Namespaces {
			key := p.Namespaces[k].Key
			r.named = r.named && (key == policy.NamespaceName || e.semantics == Calico && key == calicoNamespaceName)
			numbers = append(numbers, e.ofNamespaces.number(&p.Namespaces[k]))
		}
		r.namespaces = from(at)
		out[i] = r
	}
	return out
}

// meet notes which conditions an end meets.
func (e *Evaluator) meet(end *End) {
	pod, namespace := end.Labels, end.namespace
	if e.semantics == Calico {
		pod, namespace = end.labels.labels, end.ofNamespace.labels
	}
	end.pods, end.namespaces = e.ofPods.met(pod), e.ofNamespaces.met(namespace)
}

// finds reports whether the peer names a pod of the subject's cluster; ok is false where it has to be read.
func (r *resolved) finds(subject, end *End) (m model.Tri, ok bool) {
	switch {
	case !r.ok || end.LabelsUnknown || !r.named && !end.namespaceKnown:
		return model.No, false
	case !end.IsPod || elsewhere(end, subject):
		return model.No, true
	}
	return tri(end.namespaces.all(r.namespaces) && end.pods.all(r.pods)), true
}

// each returns peers that are asked of each end by itself.
func each(list []resolved) []resolved {
	if !slices.ContainsFunc(list, func(r resolved) bool { return r.wide }) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].each = true
	}
	return list
}
