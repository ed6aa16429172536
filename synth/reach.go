package synth

import (
	"cmp"

	"sluice/model/graph"
	"sluice/synth/policy"
)

// reach says which pods a selector reaches. It remembers the workloads that it was asked about.
type reach struct {
	*scope
	*speech
	labels map[graph.WorkloadID]string // why no policy can name it, "" for nothing
}

// selectable says why no selector reaches a pod peer, "" if one does.
func (r *reach) selectable(peer graph.PeerID) string {
	p := &r.g.Peers[peer]
	if p.Workload < 0 {
		return p.ID + " cannot be selected: " + cmp.Or(p.Refusal, "the log has no labels for it")
	}
	w := &r.g.Workloads[p.Workload]
	if len(w.Selector) == 0 {
		return p.ID + " cannot be selected: " + w.Refusal
	}
	if why := r.speech.namespace(w.Namespace); why != "" {
		return p.ID + " cannot be selected: " + why
	}
	why, ok := r.labels[p.Workload]
	if !ok {
		why = r.speech.labels(policy.MatchLabels(w.Selector))
		r.labels[p.Workload] = why
	}
	if why != "" {
		return p.ID + " cannot be selected: " + why
	}
	return ""
}

// An Obstacle may be of no workload that a selector names.
const (
	unnamed = -1 // of a pod that none names
	anyPod  = -2 // of a pod that the log does not name, and which may be any of the namespace
)

// holdable returns the workload of a pod peer where a policy can select it and nothing else, else unnamed or anyPod.
func (r *reach) holdable(peer graph.PeerID) graph.WorkloadID {
	if p := &r.g.Peers[peer]; p.Workload < 0 && (p.Name == "*" || p.Name == "") {
		return anyPod
	}
	if r.selectable(peer) != "" {
		return unnamed
	}
	return r.g.Peers[peer].Workload
}
