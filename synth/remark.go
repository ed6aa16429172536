package synth

import (
	"fmt"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
)

// remark notes what concerns whole workloads and namespaces, and the age of edges.
func remark(s *scope, sp *speech, n *notes) {
	remarkSubjects(s, sp, n)
	remarkAge(s, n)
}

// remarkSubjects notes what concerns whole workloads and namespaces.
func remarkSubjects(s *scope, sp *speech, n *notes) {
	seen := map[string]bool{}
	for i := range s.g.Workloads {
		w := &s.g.Workloads[i]
		if !s.subject(i) {
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
		if len(w.Merged) > 1 {
			n.find(KindMerged.of(w.Namespace, model.DirectionUnknown,
				w.ID+" stands for "+strings.Join(w.Merged, ", ")+": no stable label tells them apart",
				"each of them is allowed what any of them needs"))
		}
	}
	for ns, count := range denials(s) {
		n.find(KindIsolated.of(ns, model.DirectionUnknown,
			fmt.Sprintf("policies deny in %s already: %d denied edges were seen", ns, count),
			besideThem(sp)))
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

// denials counts the edges of each chosen namespace that policy denied, at least at times.
func denials(s *scope) map[string]int {
	out := map[string]int{}
	for i := range s.g.Edges {
		e := &s.g.Edges[i]
		if e.State != graph.Denied && e.State != graph.Mixed {
			continue
		}
		last := ""
		for _, en := range s.ends(e) {
			if en.namespace != last {
				out[en.namespace]++
			}
			last = en.namespace
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
	for i := range s.g.Edges {
		e := &s.g.Edges[i]
		text := s.edgeText(e)
		if e.State == graph.Refused || !kept[text] {
			continue
		}
		for _, en := range s.ends(e) {
			n.find(KindKept.at(
				i,
				en.namespace,
				en.dir,
				fmt.Sprintf(
					"%s was last seen on %s, by the former bundle only",
					text,
					time.UnixMicro(e.Last).UTC().Format(time.DateOnly),
				),
				"its rule is kept; drop it with --prune-unused",
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
	text := several(int(s.g.Late), "record") + " dated after " + at(s.g.AsOf) + ", as no others are"
	for i := range s.g.Edges {
		if e := &s.g.Edges[i]; e.Last == s.g.Last {
			text += ", the latest on " + at(e.Last) + ": " + s.edgeText(e)
			break
		}
	}
	n.find(KindLate.of("", model.DirectionUnknown, text,
		"a clock is wrong or they are forged; ages are counted to "+at(s.g.AsOf)))
}

// besideThem says what becomes of pods that other policies isolate already.
func besideThem(sp *speech) string {
	if sp.dialect.Rollout().Additive {
		return "what these policies allow is allowed there at once, beside what others allow"
	}
	return "nothing is opened there for a while: from the first phase on each workload is limited to what was learned"
}
