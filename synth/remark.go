package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"sluice/model"
	"sluice/model/graph"
	"sluice/model/workload"
	"sluice/synth/decision"
	"sluice/synth/policy"
)

// remark notes what concerns whole workloads and namespaces, and the age of edges.
func remark(s *scope, sp *speech, n *notes) {
	remarkSubjects(s, sp, n)
	remarkAge(s, n)
	remarkSuspicion(s, n)
	remarkTunnels(s, n)
	remarkOwnNode(s, n)
	remarkGenerated(s, n)
}

// remarkSubjects notes what concerns whole workloads and namespaces.
func remarkSubjects(s *scope, sp *speech, n *notes) {
	seen := map[string]bool{}
	for i, w := range s.g.AllWorkloads() {
		if !s.subject(i) {
			continue
		}
		if !w.Observed {
			remarkSilent(s, sp, n, i)
			continue
		}
		seen[w.Namespace] = true
		if w.Outlier != "" {
			n.find(KindOutlier.of(
				w.Namespace,
				model.DirectionUnknown,
				w.ID+" bears the name of "+w.Outlier+", whose pods have other labels than "+strings.Join(
					w.Common,
					", ",
				),
				"it is a workload of its own: "+w.Outlier+" keeps its selector, and allows no more for it",
			))
		}
	}
	for ns, why := range s.refused {
		n.find(KindRefused.of(ns, model.DirectionUnknown, "pods of a namespace without policies: "+why,
			"nothing is learned for them").as(Warning))
	}
	for _, ns := range s.cfg.Namespaces {
		if _, blocked := n.why[ns]; !seen[ns] && !blocked {
			n.find(KindUnseen.of(ns, model.DirectionUnknown, "no workload of namespace "+ns+" was seen",
				"nothing is learned for it and it is not enforced"))
		}
	}
}

// remarkSilent notes a workload of the manifests that no record is of. It is held open where nobody decided what it
// does: it runs at other times, or the log was filtered.
func remarkSilent(s *scope, sp *speech, n *notes, i graph.WorkloadID) {
	w := &s.g.Workloads[i]
	text := w.Kind + " " + w.ID + " is declared and was never seen"
	at := i
	if len(w.Selector) == 0 || sp.labels(policy.MatchLabels(w.Selector)) != "" {
		at = unnamed
	}
	open := false
	for _, d := range policy.Directions() {
		if !s.decided.speaksOf(w.ID, d) {
			open = true
			n.block(w.Namespace, d, at, noEdge, text)
		}
	}
	if open {
		n.find(KindSilent.of(w.Namespace, model.DirectionUnknown, text,
			"no rule is learned for it: it stays open until it was seen or you decide, but what it needs of workloads "+
				"that are denied here is cut"))
		return
	}
	n.find(KindSilent.of(w.Namespace, model.DirectionUnknown, text, "people decided what it does").as(Info))
}

// denials counts the edges of each chosen namespace that policy denied, at least at times.
func denials(s *scope) map[string]int {
	out := map[string]int{}
	for _, e := range s.g.AllEdges() {
		if !mayTellIsolation(e) {
			continue
		}
		last := ""
		for en := range s.ends(e) {
			if perhaps, _ := e.Denials.At(en.dir, false); perhaps && en.namespace != last {
				out[en.namespace]++
				last = en.namespace
			}
		}
	}
	return out
}

// remarkAge notes which edges only a former bundle has evidence of, and which were left out for their age.
func remarkAge(s *scope, n *notes) {
	kept := map[string]bool{}
	for _, name := range s.cfg.Kept {
		kept[name] = true
	}
	for i, e := range s.g.AllEdges() {
		text := s.edgeText(e)
		if e.State == graph.Refused || !kept[text] {
			continue
		}
		for en := range s.ends(e) {
			n.find(KindKept.at(
				i,
				en.namespace,
				en.dir,
				fmt.Sprintf(
					"%s was last seen on %s, by the former bundle only",
					text,
					time.UnixMicro(e.Last).UTC().Format(time.DateOnly),
				),
				"it stays allowed; drop it with --prune-unused",
			))
		}
	}
	remarkLate(s, n)
	for _, name := range s.cfg.Pruned {
		n.find(
			KindPruned.of("", model.DirectionUnknown, name+" was allowed by the former bundle and is too old to keep",
				"it is denied once enforced"),
		)
	}
}

// remarkLate names the latest of the records that are too late to count a time from.
func remarkLate(s *scope, n *notes) {
	if s.g.Late == 0 {
		return
	}
	at := func(t model.Micros) string { return time.UnixMicro(t).UTC().Format(time.DateOnly) }
	text := "records are dated after nearly all others"
	if s.g.Ahead > 0 {
		text = "records are dated after the clock of this machine"
	}
	for i := range s.g.Edges {
		if e := &s.g.Edges[i]; e.Last == s.g.Last {
			text += ", the latest on " + at(e.Last) + ": " + s.edgeText(e)
			break
		}
	}
	n.find(KindLate.of("", model.DirectionUnknown, text,
		"a clock is wrong or they are forged; ages are counted to the time before which the others lie").
		detailed("%s after %s", several(int(s.g.Late), "record"), at(s.g.AsOf)))
}

// remarkOpen notes what no policy of the dialect can deny.
func remarkOpen(s *scope, sp *speech, n *notes) {
	if sp.decides(model.Ingress) {
		return
	}
	for _, ns := range s.subjectNamespaces() {
		n.find(KindOpenIngress.of(ns, model.Ingress, "what comes into "+ns+" from outside and from nodes stays open",
			"no ClusterNetworkPolicy decides it: only what comes from pods is denied"))
	}
}

// remarkIsolated notes the namespaces that policies isolate today, and what these policies do there.
func remarkIsolated(s *scope, sp *speech, n *notes, enforce map[string]Enforce) {
	for ns, count := range denials(s) {
		n.find(KindIsolated.of(ns, model.DirectionUnknown,
			fmt.Sprintf("policies deny in %s already (denied edges seen: %d)", ns, count),
			besideThem(sp, enforce[ns])))
	}
}

// besideThem says what becomes of pods that other policies isolate already.
func besideThem(sp *speech, e Enforce) string {
	if how := sp.dialect.Rollout(); how.Additive && how.Floor {
		return "what policies of the namespace isolate they alone decide: these, in the tier below, are not asked there"
	}
	if sp.dialect.Rollout().Additive {
		return "what these policies allow is allowed there at once, beside what others allow"
	}
	if !e.Allows(model.Ingress) || !e.Allows(model.Egress) {
		return "a direction that may not be denied yet is held open, and with it what may be denied there today: " +
			"replay the log with sluice verify, and do not apply this before both may be denied"
	}
	return "nothing is opened there for a while: from the first phase on each workload is limited to what was learned"
}

// remarkDecisions notes the decisions that end, or that no edge is left for.
func remarkDecisions(s *scope, n *notes) {
	for _, i := range s.decided.unused {
		n.find(KindDangling.of("", model.DirectionUnknown, s.decided.list[i].String()+" names nothing that was seen",
			"it decides nothing; take it out, or mend its names"))
	}
	told := map[int]bool{}
	for _, i := range s.decided.of {
		d := &s.decided.list[i]
		if allows := d.Verdict == decision.Accept || d.Verdict == decision.Widen; allows && d.Expired(s.decided.at) &&
			!told[i] {
			told[i] = true
			n.find(KindExpired.of("", model.DirectionUnknown, fmt.Sprintf("%s has ended", d),
				"what it allows stays allowed: no date alone removes what works. Decide again").as(Warning))
		}
	}
}

// remarkEdge notes what is odd about an edge that is learned.
func remarkEdge(s *scope, n *notes, i graph.EdgeID, en edgeEnd) {
	e := &s.g.Edges[i]
	note := func(kind Kind, text, consequence string) {
		n.find(kind.at(i, en.namespace, en.dir, s.edgeText(e)+" "+text, consequence))
	}
	switch d := s.decided.on(i); {
	case d != nil && d.Verdict == decision.Accept:
		text := s.edgeText(e) + ": accepted by " + orSomebody(d.By) + ": " + d.Reason
		n.find(KindAccepted.at(i, en.namespace, en.dir, text, "it is allowed"))
	case e.State == graph.Mixed:
		note(KindMixed, "worked and was also denied"+turnsText(e.Turns), mixedConsequence(e.Turns))
	case e.State == graph.Denied:
		note(KindLearnedDenied, "was denied by policy", "it is allowed because denied edges are learned")
	default:
	}
	for _, m := range []struct {
		mark              model.Marks
		kind              Kind
		text, consequence string
	}{
		{model.MarkWorldPod, KindWorldPod, "has a pod that was logged with the identity world: its address was not known yet",
			"the rule selects the pod; until the datapath knows its address it may drop the connection"},
		{model.MarkUnmanaged, KindUnmanaged, "has a pod that the network plugin does not manage: it is older than the plugin",
			"no policy is enforced at that end: restart the pod"},
		{model.MarkHostNetwork, KindHostNetwork, "has a hostNetwork pod", "policies see its node, not the pod"},
		{model.MarkL7Denied, KindL7Denied, "had requests denied by an L7 rule", "a learned rule lets every request of it pass: beside one that looks at no requests, the L7 rule denies none"},
		{model.MarkStagedDeny, KindAudit, "would be denied by a policy of the cluster that is staged or in audit mode",
			"decide which of the two is right before enforcing"},
	} {
		if e.Marks&m.mark == 0 || m.mark == model.MarkL7Denied && s.cfg.granted(i, en.dir) {
			continue // no rule is written there
		}
		note(m.kind, m.text, m.consequence)
	}
	if e.ByAddress {
		note(KindWorldPod, "has records with the address of a pod in place of its name",
			"the rule selects the pod that had the address in these hours; until the datapath knows it, it may drop the connection")
	}
	if e.Proxied {
		note(KindProxied, "goes to a Gateway, an Ingress or another proxied service, which leads there",
			"the client's egress is judged against this backend; what comes in there is the proxy, and no rule is learned for it from this")
	}
	if e.Port != dnsPort && s.onlyOwnNode(e, en) { // there every node has a cache
		note(KindHostPeer, "was seen with the host of the pod's own node only",
			"the rule breaks when either moves to another node")
	}
	if s.onlyOtherNodes(e, en) {
		note(KindOtherNodes, "was seen with other nodes than the pod's own only",
			"the rule breaks when either moves to the node of the other")
	}
	if p := &s.g.Peers[en.peer]; en.dir == model.Egress && p.Kind == model.KindAddress &&
		model.ServesMetadata(p.Address, e.Proto, e.Port) {
		note(KindMetadata, "asks where a cloud tells a node's metadata", "who may ask it may get the credentials of the node")
	}
	if mesh := s.g.MeshPort(e); mesh != "" && s.g.Peers[en.peer].Kind == model.KindPod {
		note(KindMesh, "goes to the port of a mesh ("+mesh+")",
			"the connections inside are in no record: whoever may reach it may reach every service of the pod in the mesh")
	}
	if s.g.Peers[en.peer].Kind == model.KindAddress && len(ownersOf(e.Names)) > 1 {
		note(KindOwners, "has names of several owners for one address, asked for by "+s.g.Peers[e.Src].ID+": "+
			strings.Join(e.Names, ", "),
			"where the dialect allows names each is allowed, and its owner can point it at any address; "+
				"a decision is about the address, under all of them")
	}
}

// ownersOf returns the domains that names were registered under, sorted. A name that nobody can register, or that is
// itself what others register under, stands for itself.
func ownersOf(names []string) []string {
	var out []string
	for _, n := range names {
		if d, err := publicsuffix.EffectiveTLDPlusOne(n); err == nil {
			n = d
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// remarkSuspicion notes the suspicions, each with the decision that would follow from it.
func remarkSuspicion(s *scope, n *notes) {
	const decide = "; if it should not be, decide: {source: %q, destination: %q, port: %s, verdict: reject, reason: ...}"
	consequence := "it is allowed" + decide
	if s.cfg.HoldSuspect {
		consequence = "no rule is learned of it, and it is held open until you decide: accept" + decide
	}
	var list []graph.EdgeID
	for i := range s.g.AllEdges() {
		if s.suspect[i] != "" {
			list = append(list, i)
		}
	}
	for _, row := range s.g.Rows(list, func(i graph.EdgeID) graph.Alike {
		return graph.Alike{Ports: s.suspect[i], Addresses: s.suspect[i]}
	}) {
		i, last := row.Edges[0], ""
		text, source, destination, port := s.rowText(&row)
		for en := range s.ends(&s.g.Edges[i]) {
			if en.namespace == last {
				continue
			}
			last = en.namespace
			n.find(KindSuspect.at(i, en.namespace, en.dir, text+": "+s.suspect[i],
				fmt.Sprintf(consequence, source, destination, port)))
		}
	}
}

// remarkTunnels notes which workloads asked for so many names of a zone as if they carried data in them.
func remarkTunnels(s *scope, n *notes) {
	for _, t := range s.g.Tunnels {
		p := &s.g.Peers[t.Client]
		if p.Workload < 0 || !s.subject(p.Workload) {
			continue
		}
		what := "different names of code of " + t.Zone + ", few on each day"
		if t.Day {
			what = "different long names of " + t.Zone + " on a day"
		}
		n.find(KindTunnel.of(p.Namespace, model.Egress,
			p.ID+" asked for very many "+what+": data may leave in them",
			"its resolver stays allowed, and whatever the resolver forwards").detailed("at least %d names", t.Names))
	}
}

// remarkOwnNode notes ports that nothing but the host of the pod's own node asks, and that no manifest says are probed.
func remarkOwnNode(s *scope, n *notes) {
	if len(s.g.Probed) == 0 {
		return
	}
	asked := map[graph.Probed]bool{}
	for _, e := range s.g.AllEdges() {
		if e.State.Worked() {
			asked[graph.Probed{Server: e.Dst, Proto: e.Proto, Port: e.Port}] = true
		}
	}
	for _, x := range s.g.Probed {
		p := &s.g.Peers[x.Server]
		if p.Workload < 0 || !s.subject(p.Workload) || asked[x] || s.probed(&s.g.Workloads[p.Workload], x) {
			continue
		}
		port := fmt.Sprintf("%d/%s", x.Port, x.Proto)
		n.find(KindOwnNode.of(p.Namespace, model.Ingress, p.ID+" "+port+" was asked by the host of its own node alone",
			"that one is always let in: where it is no kubelet, it breaks when either moves to another node"))
	}
}

// remarkGenerated notes the subjects, and the peers of what is learned, that are selected by what looks made for one
// release or run.
func remarkGenerated(s *scope, n *notes) {
	told := map[graph.PeerID]bool{}
	for i, e := range s.g.AllEdges() {
		if !s.accepted(i) {
			continue
		}
		for en := range s.ends(e) {
			for _, end := range [2]graph.PeerID{en.self, en.peer} {
				p := &s.g.Peers[end]
				if told[end] || p.Workload < 0 {
					continue
				}
				told[end] = true
				if labels := s.g.Workloads[p.Workload].Generated(); len(labels) > 0 {
					n.find(KindGenerated.of(en.namespace, model.DirectionUnknown, p.ID+" is selected by "+strings.Join(labels, ", "),
						"pods of the next release or run have another value, and no rule is theirs"))
				}
			}
		}
	}
}

// probed reports whether manifests declare that the kubelet asks a workload at a port.
func (s *scope) probed(w *workload.Workload, x graph.Probed) bool {
	return x.Proto == model.TCP && slices.ContainsFunc(s.cfg.Declared, func(d policy.Workload) bool {
		return d.Namespace == w.Namespace && d.Name == w.Name &&
			slices.ContainsFunc(d.Probes, func(p policy.Probe) bool { return p.Port == x.Port })
	})
}

// rowText is the text of some edges, and how a decision names them.
func (s *scope) rowText(row *graph.Row) (text, source, destination, port string) {
	e := &s.g.Edges[row.Edges[0]]
	source, destination, port = row.Source, row.Destination, row.Port
	if len(row.Edges) == 1 {
		return s.edgeText(e), source, destination, port
	}
	const longest = 60
	ports := port
	if len(ports) > longest {
		ports = several(len(row.Edges), "port")
	}
	text = fmt.Sprintf("%s -> %s %s (%d edges)", source, destination, ports, len(row.Edges))
	if source != s.g.Peers[e.Src].ID {
		source = "world:*"
	}
	if destination != s.g.Peers[e.Dst].ID {
		destination = "world:*"
	}
	if strings.ContainsAny(port, ", ") {
		port = `"*"`
	}
	return text, source, destination, port
}

// turnsText says in how many hours an edge worked and was denied, and what came last.
func turnsText(t *graph.Turns) string {
	if t == nil {
		return ""
	}
	hour := func(h uint32) string {
		return time.Unix(int64(h)*3600, 0).UTC().Format("2006-01-02 15h")
	}
	hours := func(n int) string { return several(n, "hour") }
	return fmt.Sprintf(" (worked in %s, the last %s; denied in %s, the last %s)",
		hours(t.Worked), hour(t.LastWorked), hours(t.Denied), hour(t.LastDenied))
}

func mixedConsequence(t *graph.Turns) string {
	if t.Closed() {
		return "it is allowed, and opens again what a policy closed: reject it if that was meant"
	}
	return "it is allowed"
}
