package verify

import (
	"net/netip"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
)

// Config says how to judge.
type Config struct {
	Semantics eval.Semantics // of the network plugin that the flows came from
	Cluster   string         // that the set is for; "" where the log has but one
	// Namespaces are those that the set is for; nil: those it has policies in. What was denied between others stays
	// denied, whatever the set lacks.
	Namespaces []string
	// Networks gives the CIDRs of networks that the log has no addresses for, by their names there: of network sets of
	// namespaces by NAMESPACE/NAME, or by NAME where there is but one.
	Networks map[string][]netip.Prefix
	// Nodes are the CIDRs of the cluster's nodes, which the log may call by name only.
	Nodes []netip.Prefix
	// Beside says that other policies stay in force beside the set: what was denied and what the set does nothing to has
	// no verdict, since whose policies deny it is not known.
	Beside bool
	// Inexpressible are edges that worked and that the dialect cannot say: their connections count apart.
	Inexpressible map[graph.EdgeID]bool
	// Accepted are edges that the set is meant to allow although the log says denied, or too little.
	Accepted map[graph.EdgeID]bool
	// Rejected are edges that people decided to deny: that they worked is no reason to allow them. Ignored are those that
	// nothing depends on: nothing is lost or escapes by them.
	Rejected, Ignored map[graph.EdgeID]bool
	// Isolated are the directions of namespaces that the set is said to isolate whole.
	Isolated []Side
	// Recorded are the ids of the rules that the set should have: those with evidence, and those that keep a direction
	// open. nil: nobody recorded them.
	Recorded []string
	// Held are the ids of the rules that hold a workload open on purpose: they are told by name and are in no other
	// number.
	Held map[string]bool
	// Widened reports whether a connection between peers of the graph is allowed on purpose without having been seen;
	// nil: none is.
	Widened func(src, dst graph.PeerID, proto model.Proto, port uint16) bool
	// WidenedRules are the ids of rules that allow on purpose what was never seen: outside addresses, or something to
	// all pods of a namespace.
	WidenedRules map[string]bool
	// Logged is what the data plane logged of policies, by the text that they were told to log: rules log their ids.
	Logged model.Uses
	// Versions are those of the network plugin that its servers told, for its known defects; nil: not known.
	Versions []string
	// Most is how many connections Diff compares before it says that they are too many; 0: all.
	Most int
}

// foreign reports whether a cluster is another one than the set's.
func (c *Config) foreign(cluster string) bool {
	return c.Cluster != "" && cluster != "" && cluster != c.Cluster
}

// Side is a direction of a namespace.
type Side struct {
	Namespace string
	Direction model.Direction
}
