package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/workload"
	"sluice/synth"
	"sluice/synth/policy"
)

// UnnamedCluster is what --cluster calls the cluster that the log has no name for.
const UnnamedCluster = "unnamed"

// Ends says which ends of flows have the namespace that is asked for.
type Ends bool

// The ends.
const (
	PodsOnly Ends = false
	AnyEnd   Ends = true
)

// Concerned is the error where the flows have no pod of any namespace that the policies stand in.
func (l *Log) Concerned(set *policy.PolicySet) error {
	have := l.namespaces(PodsOnly)
	for i := range set.Policies {
		if ns := set.Policies[i].Namespace; ns == "" || have[ns] {
			return nil
		}
	}
	if len(set.Policies) == 0 {
		return nil
	}
	return fmt.Errorf("these policies decide nothing here: %w", unseen(set.Policies[0].Namespace, have))
}

// Seen is the error for namespaces that the flows do not have.
func (l *Log) Seen(namespaces []string, which Ends) error {
	have := l.namespaces(which)
	for _, ns := range namespaces {
		if !have[ns] {
			return unseen(ns, have)
		}
	}
	return nil
}

// namespaces are those that the flows have.
func (l *Log) namespaces(which Ends) map[string]bool {
	have := map[string]bool{}
	for _, ep := range l.Graph.AllEnds() {
		if ep.Namespace != "" && (which == AnyEnd || ep.Kind == model.KindPod) {
			have[ep.Namespace] = true
		}
	}
	return have
}

func unseen(namespace string, have map[string]bool) error {
	return fmt.Errorf("no pod of namespace %s in these flows; seen: %s", namespace, text.Some(slices.Sorted(maps.Keys(have))))
}

// ClusterSeen is the error for a cluster that the flows do not have.
func (l *Log) ClusterSeen(cluster string) error {
	have := map[string]bool{}
	for ep := range l.podEnds {
		have[cmp.Or(ep.Cluster, UnnamedCluster)] = true
	}
	if cluster == "" || have[cluster] {
		return nil
	}
	return fmt.Errorf("no cluster %s in these flows; seen: %s", cluster, text.Some(slices.Sorted(maps.Keys(have))))
}

// chosen checks that what is to be learned for is there.
func (l *Log) chosen(cfg *synth.Config) error {
	if err := l.ClusterSeen(cfg.Cluster); err != nil {
		return err
	}
	if err := l.Seen(cfg.Namespaces, PodsOnly); err != nil {
		return err
	}
	several := slices.ContainsFunc(l.Graph.Workloads, func(w workload.Workload) bool { return w.Cluster != "" })
	if cfg.Cluster == UnnamedCluster {
		cfg.Unnamed = true
	}
	if cfg.Cluster == UnnamedCluster || !several { // workloads say theirs where there are several
		cfg.Cluster = ""
	}
	return nil
}

// podEnds are the endpoints of the log that are pods.
func (l *Log) podEnds(yield func(*model.Endpoint) bool) {
	for _, ep := range l.Graph.AllEnds() {
		if ep.Kind == model.KindPod && !yield(ep) {
			return
		}
	}
}

// clusters returns those of the pods, sorted.
func (l *Log) clusters() []string {
	seen := map[string]bool{}
	for ep := range l.podEnds {
		seen[ep.Cluster] = true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}
