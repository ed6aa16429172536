package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/capture"
	"sluice/synth"
	"sluice/synth/policy"
)

// Doctor is what a log can and cannot show.
type Doctor struct {
	Log      *Log
	Findings []capture.Finding
	// Visibility is the policy that makes the next log show names, "" where this one has them or cannot.
	Visibility string
}

// Doctor judges the log itself, and no connection of it.
func (l *Log) Doctor(namespaces []string) *Doctor {
	d := &Doctor{Log: l, Findings: l.examine()}
	if capture.NeedsNames(d.Findings) {
		d.Visibility = visibility(namespaces, l.resolver())
	}
	return d
}

func (l *Log) examine() []capture.Finding {
	nodeHours := l.Report.Nodes.Bounded()
	in := capture.Input{Graph: l.Graph, Counts: l.Counts(), Format: l.Format(), Hours: l.Builder.Hours(),
		Apart: l.Builder.Apart, OtherNodes: l.Builder.OtherNodes, Lost: l.Report.Lost, LostHours: l.Report.LostHours,
		NodeHours: nodeHours, Nodeless: nodeHours.Records() < l.Report.Total()-l.Report.Rejected.Total()}
	nodes := map[string]*capture.Node{}
	at := func(name string) *capture.Node {
		if nodes[name] == nil {
			nodes[name] = &capture.Node{Name: name}
		}
		return nodes[name]
	}
	for i := range l.Stored {
		s := l.Stored[i].Stream
		if s == nil {
			continue
		}
		for node, last := range s.Last {
			at(node).Last = max(at(node).Last, last)
		}
		for _, x := range s.Lost {
			at(x.Node).Lost += uint64(x.Events)
		}
		for _, g := range s.Gaps {
			at(g.Node).Gaps++
		}
		for node, n := range s.Breaks {
			at(node).Breaks += int(n)
		}
	}
	in.Servers = l.Servers
	for _, n := range l.Config.Cluster.Nodes {
		in.Declared = append(in.Declared, n.Name)
	}
	if p := l.plugin(); p != nil {
		name := strings.ToUpper(p.Name[:1]) + p.Name[1:]
		in.Plugin = capture.Plugin{Name: name, Versions: p.Versions, Options: p.Options}
	}
	for _, n := range nodes {
		in.Nodes = append(in.Nodes, *n)
	}
	slices.SortFunc(in.Nodes, func(a, b capture.Node) int { return cmp.Compare(a.Name, b.Name) })
	return capture.Examine(in)
}

// blind is what a log cannot show of pods, by what was found of it. Where the resolver is named, no look-ups need be in
// it.
func blind(found []capture.Finding, resolver bool) []synth.Blind {
	var out []synth.Blind
	for _, f := range found {
		b := f.Blind
		if (b.Ingress || b.Egress) && !(b.Lookups && resolver) {
			out = append(out, synth.Blind{ByDirection: policy.ByDirection[bool]{Ingress: b.Ingress, Egress: b.Egress},
				Brief: b.Brief, Text: f.Text, Means: f.Means, Remedy: f.Remedy, Shown: b.Shown})
		}
	}
	return out
}

// plugins are those whose log has a format, as objects of the cluster call them.
var plugins = map[string]string{"hubble": "cilium", "calico": "calico"}

// versions are those that the network plugin was said to be of: of its agents, or where none is named of the server, or
// as the objects of the cluster say.
func (l *Log) versions() []string {
	var out []string
	for i := range l.Servers {
		s := &l.Servers[i]
		of := []string{s.Version}
		if len(s.Nodes) > 0 {
			of = nil
		}
		for _, n := range s.Nodes {
			of = append(of, n.Version)
		}
		out = append(out, of...)
	}
	if p := l.plugin(); p != nil && len(out) == 0 { // what runs there now
		out = slices.Clone(p.Versions)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(v string) bool { return v == "" })
}

// plugin is what the objects of the cluster say of the plugin that wrote the log, nil for nothing.
func (l *Log) plugin() *policy.Plugin {
	if name, ok := plugins[l.Format()]; ok {
		return l.Config.Cluster.Plugin(name)
	}
	return nil
}

// resolver is the workload that answered most look-ups, by its namespace and selector: the usual one where none did.
func (l *Log) resolver() policy.Peer {
	out := policy.PodsIn("kube-system", policy.MatchLabels(map[string]string{"k8s-app": "kube-dns"}))
	most := uint64(0)
	for _, e := range l.Graph.AllEdges() {
		w := l.Graph.Peers[e.Dst].Workload
		if e.Port != 53 || e.Proto != model.UDP || w < 0 || e.Used <= most || !e.State.Worked() {
			continue
		}
		if to := &l.Graph.Workloads[w]; len(to.Selector) > 0 {
			most, out = e.Used, policy.PodsIn(to.Namespace, policy.MatchLabels(to.Selector))
		}
	}
	return out
}

// visibility is a policy of Cilium that sends look-ups through the proxy and isolates nothing: for every pod, or for
// those of namespaces.
func visibility(namespaces []string, resolver policy.Peer) string {
	var labels strings.Builder
	fmt.Fprintf(&labels, "        k8s:io.kubernetes.pod.namespace: %s\n", resolver.Namespaces[0].Values[0])
	for _, r := range resolver.Pods {
		fmt.Fprintf(&labels, "        k8s:%s: %q\n", r.Key, r.Values[0])
	}
	object := func(kind, namespace string) string {
		return "apiVersion: cilium.io/v2\nkind: " + kind + "\nmetadata:\n  name: sluice-dns-visibility\n" + namespace +
			"spec:\n  endpointSelector: {}\n  enableDefaultDeny: {ingress: false, egress: false}\n  egress:\n" +
			"  - toEndpoints:\n    - matchLabels:\n" + labels.String() + "    toPorts:\n    - ports:\n" +
			"      - {port: \"53\", protocol: ANY}\n      rules:\n        dns:\n        - matchPattern: \"*\"\n"
	}
	if len(namespaces) == 0 {
		return object("CiliumClusterwideNetworkPolicy", "")
	}
	var out []string
	for _, ns := range namespaces {
		out = append(out, object("CiliumNetworkPolicy", "  namespace: "+ns+"\n"))
	}
	return strings.Join(out, "---\n")
}

// Severe is the findings error for findings of a severity or a worse one, nil for none.
func (d *Doctor) Severe(from capture.Severity) error {
	n := map[capture.Severity]int{}
	for _, f := range d.Findings {
		n[f.Severity]++
	}
	var what []string
	for s := capture.Error; s >= from && s <= capture.Error; s-- {
		if n[s] > 0 {
			what = append(what, fmt.Sprintf("%d of severity %s", n[s], s))
		}
	}
	return found(what)
}
