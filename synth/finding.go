package synth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
)

// Severity says how much a finding matters.
type Severity uint8

// The severities.
const (
	Info    Severity = iota // good to know
	Warning                 // look at it before merging
	Blocks                  // keeps a direction of a namespace from being enforced
)

// String is the lower-case name.
func (s Severity) String() string { return [...]string{"info", "warning", "blocks"}[s] }

// The kinds of findings.
const (
	KindInexpressible = "inexpressible"     // worked, but the dialect has no rule for it
	KindRefused       = "refused"           // seen, but cannot be learned from
	KindDenied        = "denied"            // policy denied it; not learned
	KindLearnedDenied = "learned-denied"    // policy denied it; learned because that was asked for
	KindMixed         = "mixed"             // worked and was denied at other times
	KindAudit         = "staged-deny"       // staged policies of the cluster would deny it
	KindWorldPod      = "world-pod"         // a pod by name that the datapath takes for world
	KindUnmanaged     = "unmanaged"         // a pod that the network plugin does not manage
	KindHostNetwork   = "host-network"      // a pod on its node's network, taken as the node
	KindL7Denied      = "l7-denied"         // an L7 rule of the cluster denied requests on it
	KindFragile       = "fragile-address"   // a peer known by its address only
	KindMerged        = "merged-workloads"  // owners that no stable label tells apart
	KindUnseen        = "namespace-unseen"  // a chosen namespace without any workload
	KindIsolated      = "already-isolated"  // something denies in a namespace today
	KindWidened       = "widened"           // opened beside what was seen
	KindProposed      = "widening-proposed" // would be opened by a widening that was not asked for
	KindKept          = "kept"              // only the former bundle has evidence of it
	KindPruned        = "pruned"            // the former bundle allowed it, and it was too old to keep
	KindNotGlobal     = "not-global"        // the default deny for all namespaces leaves a direction open
	KindNoDNS         = "no-dns"            // connects out and was never seen asking a resolver
	KindNotWatched    = "not-watched"       // the pods of a namespace were not watched for long enough
	KindLost          = "lost"              // worked, and the policies as they were written would block it
	KindIdle          = "widening-idle"     // a widening that was asked for opens nothing there
	KindAttempted     = "attempted"         // tried, and nobody answered; not learned
	KindReset         = "reset"             // tried, and only ever reset; not learned
	KindFanOut        = "fan-out"           // a client that tried many ports or peers in vain
	KindOwners        = "several-owners"    // names of several owners stand for one address
	KindLate          = "late-records"      // records with times after nearly all others, or after the clock
	KindTCPDNSDenied  = "dns-tcp-denied"    // TCP 53 stays shut because policy denied it
)

// Finding is something a reviewer should know. Where it speaks of an edge, Edge is its index in the graph, else -1.
type Finding struct {
	Kind        string
	Severity    Severity
	Namespace   string
	Direction   model.Direction
	Edge        int
	Text        string // what was seen
	Consequence string // what follows from it
}

// Loss is an edge that worked and that the dialect cannot say at one of its ends.
type Loss struct {
	Edge        int
	Namespace   string // of the end that is isolated
	Direction   model.Direction
	Text        string
	Consequence string
}

func (l *learner) find(f Finding) { l.findings = append(l.findings, f) }

// edgeText is "shop/web -> shop/db 5432/tcp".
func (l *learner) edgeText(e *graph.Edge) string {
	return l.g.Peers[e.Src].ID + " -> " + l.g.Peers[e.Dst].ID + " " + e.PortString()
}

// lose notes an accepted edge that no rule can be written for.
func (l *learner) lose(i int, en end, why, consequence string) {
	e := &l.g.Edges[i]
	text := l.edgeText(e) + ": " + why
	l.losses = append(l.losses, Loss{i, en.namespace, en.dir, text, consequence})
	l.find(Finding{KindInexpressible, Blocks, en.namespace, en.dir, i, text, consequence})
	l.block(en.namespace, en.dir, text)
}

// leaveOut notes an edge that is not learned.
func (l *learner) leaveOut(i int, e *graph.Edge, en end) {
	if l.leavePending(i, e, en) {
		return
	}
	if e.State == graph.Denied {
		l.find(Finding{KindDenied, Info, en.namespace, en.dir, i, l.edgeText(e) + " was denied by policy",
			"it stays denied; learn it with --learn-denied or a decision"})
		return
	}
	text := fmt.Sprintf("%s: records refused: %d (%s)", l.edgeText(e), e.RefusedRecords, e.Reason)
	if e.NeverWorked {
		l.find(Finding{KindRefused, Info, en.namespace, en.dir, i, text, "every record of it was a denial: nothing depends on it"})
		return
	}
	l.find(Finding{KindRefused, Blocks, en.namespace, en.dir, i, text, "no rule is learned from it, a default deny may cut it"})
	l.block(en.namespace, en.dir, text)
	if e.Reason == model.UnknownDirection {
		// Which end is the server is open, so the other direction of this end may be the one that is cut.
		l.block(en.namespace, opposite(en.dir), text)
	}
}

func opposite(d model.Direction) model.Direction {
	if d == model.Egress {
		return model.Ingress
	}
	return model.Egress
}

// remark notes what is odd about an edge that is learned.
func (l *learner) remark(i int, e *graph.Edge, en end) {
	note := func(kind string, s Severity, text, consequence string) {
		l.find(Finding{kind, s, en.namespace, en.dir, i, l.edgeText(e) + " " + text, consequence})
	}
	switch e.State {
	case graph.Mixed:
		note(KindMixed, Warning, "worked and was also denied", "it is allowed; check that it should be")
	case graph.Denied:
		note(KindLearnedDenied, Warning, "was denied by policy", "it is allowed because denied edges are learned")
	}
	for _, m := range []struct {
		mark              model.Marks
		kind              string
		text, consequence string
	}{
		{model.MarkWorldPod, KindWorldPod, "has an end that is a pod by name and world by identity",
			"the rule names the pod; the datapath may enforce on world and drop it"},
		{model.MarkUnmanaged, KindUnmanaged, "has an end that the network plugin does not manage", "no policy is enforced at that end"},
		{model.MarkHostNetwork, KindHostNetwork, "has a pod on the network of its node", "it is its node to every policy"},
		{model.MarkL7Denied, KindL7Denied, "had requests denied by an L7 rule", "the connection is allowed, its requests stay the L7 rule's"},
		{model.MarkStagedDeny, KindAudit, "would be denied by a staged policy of the cluster", "the staged policy and this one disagree"},
	} {
		if e.Marks&m.mark != 0 {
			note(m.kind, Warning, m.text, m.consequence)
		}
	}
	if l.g.Peers[en.peer].Kind == model.KindAddress {
		text := "has an outside peer that is known by its address"
		if len(e.Names) > 0 {
			text += " (asked for as " + strings.Join(e.Names, ", ") + ")"
		}
		note(KindFragile, Warning, text, "the rule breaks when the address changes")
		if len(owners(e.Names)) > 1 {
			note(KindOwners, Warning, "has names of several owners for one address, asked for by "+l.g.Peers[e.Src].ID+": "+strings.Join(e.Names, ", "),
				"where the dialect allows names each is allowed, and its owner can point it at any address; reject those that are not needed")
		}
	}
}

// remarkSubjects notes what concerns whole workloads and namespaces.
func (l *learner) remarkSubjects() {
	seen := map[string]bool{}
	for i := range l.g.Workloads {
		w := &l.g.Workloads[i]
		if !l.subject(i) {
			continue
		}
		seen[w.Namespace] = true
		if len(w.Merged) > 1 {
			l.find(Finding{KindMerged, Warning, w.Namespace, model.DirectionUnknown, -1,
				w.ID + " stands for " + strings.Join(w.Merged, ", ") + ": no stable label tells them apart",
				"each of them is allowed what any of them needs"})
		}
	}
	for ns, n := range l.denials() {
		l.find(Finding{KindIsolated, Warning, ns, model.DirectionUnknown, -1,
			fmt.Sprintf("policies deny in %s already: %d denied edges were seen", ns, n),
			l.besideThem()})
	}
	for ns, why := range l.namespaces {
		if why != "" && l.cfg.chosen(ns) {
			l.find(Finding{KindRefused, Warning, ns, model.DirectionUnknown, -1, "pods of a namespace without policies: " + why,
				"nothing is learned for them"})
		}
	}
	for _, ns := range l.cfg.Namespaces {
		if _, blocked := l.enforce[ns]; !seen[ns] && !blocked {
			l.find(Finding{KindUnseen, Warning, ns, model.DirectionUnknown, -1, "no workload of namespace " + ns + " was seen",
				"nothing is learned for it and it is not enforced"})
		}
	}
}

// denials counts the edges of each chosen namespace that policy denied, at least at times.
func (l *learner) denials() map[string]int {
	out := map[string]int{}
	for i := range l.g.Edges {
		e := &l.g.Edges[i]
		if e.State != graph.Denied && e.State != graph.Mixed {
			continue
		}
		last := ""
		for _, en := range l.ends(e) {
			if en.namespace != last {
				out[en.namespace]++
			}
			last = en.namespace
		}
	}
	return out
}

// remarkAge notes which edges only a former bundle has evidence of, and which were left out for their age.
func (l *learner) remarkAge() {
	kept := map[string]bool{}
	for _, name := range l.cfg.Kept {
		kept[name] = true
	}
	for i := range l.g.Edges {
		e := &l.g.Edges[i]
		text := l.edgeText(e)
		if e.State == graph.Refused || !kept[text] {
			continue
		}
		for _, en := range l.ends(e) {
			l.find(Finding{KindKept, Info, en.namespace, en.dir, i,
				fmt.Sprintf("%s was last seen on %s, by the former bundle only", text, time.UnixMicro(e.Last).UTC().Format(time.DateOnly)),
				"its rule is kept; drop it with --prune-unused"})
		}
	}
	l.remarkLate()
	for _, name := range l.cfg.Pruned {
		l.find(Finding{KindPruned, Warning, "", model.DirectionUnknown, -1, name + " was allowed by the former bundle and is too old to keep",
			"it is denied once enforced"})
	}
}

// remarkLate names the latest of the records that are too late to count a time from.
func (l *learner) remarkLate() {
	if l.g.Late == 0 {
		return
	}
	at := func(t model.Micros) string { return time.UnixMicro(t).UTC().Format(time.DateOnly) }
	text := several(int(l.g.Late), "record") + " dated after " + at(l.g.AsOf) + ", as no others are"
	for i := range l.g.Edges {
		if e := &l.g.Edges[i]; e.Last == l.g.Last {
			text += ", the latest on " + at(e.Last) + ": " + l.edgeText(e)
			break
		}
	}
	l.find(Finding{KindLate, Warning, "", model.DirectionUnknown, -1, text,
		"a clock is wrong or they are forged; ages are counted to " + at(l.g.AsOf)})
}

func sortFindings(f []Finding) {
	slices.SortFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Text, b.Text))
	})
}
