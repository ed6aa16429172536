package run

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/store"
	"sluice/model/workload"
)

// Only returns what of a log has to do with a cluster: its own rows, whole those of the clusters that rows join it
// with, and those that name none. It is what a store is read of for one, so that files give the same. With "", for the
// cluster without a name, for one that is not there and under pseudonyms it is all.
func (l *Log) Only(cluster string) (*Log, error) {
	if cluster == "" || cluster == UnnamedCluster || l.Redact != nil || l.ClusterSeen(cluster) != nil {
		return l, nil
	}
	near := map[string]bool{cluster: true, store.UnknownCluster: true}
	others := false
	for src, dst := range l.Builder.Ends {
		switch of, peer := store.Filed(src, dst, ""); {
		case of == cluster && peer != "":
			near[peer] = true
		case peer == cluster:
			near[of] = true
		case of != cluster && of != store.UnknownCluster:
			others = true
		}
	}
	if !others {
		return l, nil
	}
	out := *l
	out.Builder = l.Builder.Part(func(src, dst *model.Endpoint) bool {
		of, _ := store.Filed(src, dst, "")
		return near[of]
	})
	out.Tables = out.Builder.Tables()
	out.Report.Counts = out.Builder.Counts()
	out.Report.Counts.Add(&l.Report.Rejected)
	out.Report.Nodes = nodesOf(l.Report.Nodes, func(cluster string) bool { return near[cluster] })
	if err := out.Build(); err != nil {
		return nil, err
	}
	out.Config = l.Config.alone(cluster, out.Graph.Workloads)
	return &out, nil
}

// nodesOf returns the nodes of some clusters, and those that name none.
func nodesOf(all model.Nodes, in func(cluster string) bool) model.Nodes {
	of := model.Nodes{}
	for name, hours := range all {
		if cluster, _, ok := strings.Cut(name, "/"); !ok || in(cluster) {
			of[name] = hours
		}
	}
	return of
}

// alone is a configuration for a log of which only one cluster is left: its workloads have lost the cluster's name,
// with which decisions may have been made.
func (c *Config) alone(cluster string, left []workload.Workload) *Config {
	if len(c.Decisions) == 0 || slices.ContainsFunc(left, func(w workload.Workload) bool { return w.Cluster != "" }) {
		return c
	}
	out := *c
	out.Decisions = make([]decisionConfig, len(c.Decisions))
	for i, d := range c.Decisions {
		d.Source, d.Destination = strings.TrimPrefix(d.Source, cluster+"/"), strings.TrimPrefix(d.Destination, cluster+"/")
		out.Decisions[i] = d
	}
	return &out
}
