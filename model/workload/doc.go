// Package workload groups the pods of a flow log into workloads and finds for each the smallest label selector that
// selects all of its pods, keeps doing so across rollouts, and selects no other workload of its namespace. What no
// label selects is refused with advice; a selector is never empty. The result depends on the set of endpoints only,
// not on their order.
//
// The stages, each within one namespace of one cluster: controllers names the owner of every pod, judge decides which
// labels are volatile, outliers splits off the pods that only bear a workload's name, group forms groups by owner or by
// stable labels, merge unites what no label separates, join places the pods known by name only, selectorFor chooses the
// labels and nameAll the names.
package workload
