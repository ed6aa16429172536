package bundle

import (
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/decision"
	"sluice/synth/policy"
)

// Group are the findings of a kind, together.
type Group struct {
	Severity   string   `json:"severity"`
	Kind       string   `json:"kind"`
	Count      int      `json:"count"` // what is said at both ends of an edge, or alike of several namespaces, counts once
	Namespaces []string `json:"namespaces,omitempty"`
	Cause      string   `json:"cause"`
	Follows    string   `json:"consequence"`
	Remedy     string   `json:"remedy"`
	Command    string   `json:"command"` // shows more of the first, or mends it
	First      []string `json:"first"`
}

// Groups are the findings of a bundle by kind, the gravest first and the most frequent of them first. dir is where the
// bundle lies, for its commands. namespaces are those asked for, none for all.
func (m *Manifest) Groups(dir string, namespaces ...string) []Group {
	at := map[[2]string]int{}
	out := []Group{}
	follows := map[[2]string]string{} // what follows from all findings of a group, "" where that differs
	said := map[twin]bool{}
	type place struct {
		group     int
		namespace string
	}
	in := map[place]bool{}
	for i := range m.Findings {
		f := &m.Findings[i]
		if len(namespaces) > 0 && !slices.Contains(namespaces, f.Namespace) {
			continue
		}
		key := [2]string{f.Severity, f.Kind}
		k, ok := at[key]
		if !ok {
			k = len(out)
			at[key] = k
			lines := strings.Split(synth.Kind(f.Kind).Page(), "\n")
			out = append(out, Group{Severity: f.Severity, Kind: f.Kind, Cause: lines[0], Follows: lines[1],
				Remedy: lines[2], Command: m.Command(f, dir)})
		}
		g := &out[k]
		if at := (place{k, f.Namespace}); f.Namespace != "" && !in[at] {
			in[at] = true
			g.Namespaces = append(g.Namespaces, f.Namespace)
		}
		of := f.twin()
		if said[of] {
			continue
		}
		said[of] = true
		if g.Count++; len(g.First) < maxWorst && !slices.Contains(g.First, f.Whole()+": "+f.Consequence) {
			g.First = append(g.First, f.Whole()+": "+f.Consequence)
		}
		if g.Count == 1 {
			follows[key] = f.Consequence
		} else if follows[key] != f.Consequence {
			follows[key] = ""
		}
	}
	for i := range out {
		g := &out[i]
		if all := follows[[2]string{g.Severity, g.Kind}]; all != "" && g.Count > 1 {
			g.Follows = all
			for k := range g.First {
				g.First[k] = strings.TrimSuffix(g.First[k], ": "+all)
			}
		}
	}
	grave := []string{synth.Blocks.String(), synth.Warning.String(), synth.Info.String()}
	slices.SortStableFunc(out, func(a, b Group) int {
		if d := slices.Index(grave, a.Severity) - slices.Index(grave, b.Severity); d != 0 {
			return d
		}
		return b.Count - a.Count
	})
	return out
}

// twin is what is said: of an edge at both its ends, where both are asked about, or of the log for each namespace.
type twin struct {
	edge       int // -1 for none
	kind, text string
}

func (f *Finding) twin() twin {
	t := twin{-1, f.Severity + " " + f.Kind, f.Whole() + ": " + f.Consequence}
	if f.Edge != nil {
		t.edge = *f.Edge
	}
	return t
}

// Of are the findings of a group, each with the ends that it is of: "shop ingress, egress".
func (m *Manifest) Of(g *Group, namespaces ...string) (list []*Finding, where [][]string) {
	at := map[twin]int{}
	for i := range m.Findings {
		f := &m.Findings[i]
		if f.Kind != g.Kind || f.Severity != g.Severity || len(namespaces) > 0 && !slices.Contains(namespaces, f.Namespace) {
			continue
		}
		end := strings.TrimSpace(f.Namespace + " " + f.Direction)
		of := f.twin()
		k, both := at[of]
		if !both {
			k = len(list)
			at[of] = k
			list, where = append(list, f), append(where, nil)
		} else if list[k].Namespace == f.Namespace {
			end = f.Direction
		}
		if end != "" {
			where[k] = append(where[k], end)
		}
	}
	return list, where
}

// committedGroups are the groups as a page that is committed tells them, with commands to run beside it: those that
// keep a direction open, and the others. Of one namespace where one is named.
func (m *Manifest) committedGroups(namespace string) (blocking, others []Group) {
	c := *m
	c.Findings = m.lasting(namespace)
	for _, g := range c.Groups(".") {
		switch {
		case g.Severity == synth.Blocks.String():
			blocking = append(blocking, g)
		case synth.Kind(g.Kind) != synth.KindWidened:
			others = append(others, g)
		}
	}
	return blocking, others
}

// Command is what to run, or to write into sluice.yaml, for a finding. dir is where the bundle lies.
func (m *Manifest) Command(f *Finding, dir string) string {
	again := "sluice learn ... --out " + quoted(dir)
	switch synth.Kind(f.Kind) {
	case synth.KindNotWatched:
		return again + " --min-watch DURATION"
	case synth.KindNoDNS:
		return "sluice.yaml: resolver: kube-system/coredns"
	case synth.KindKept, synth.KindPruned:
		return again + " --base " + quoted(dir) + " --prune-unused 90d"
	case synth.KindProposed:
		return again + " --widen " + synth.WidenRanges
	case synth.KindMerged, synth.KindOutlier:
		return "sluice.yaml: volatileLabels: {keep: [LABEL]}"
	case synth.KindExpired, synth.KindDangling:
		return "sluice.yaml: decisions"
	case synth.KindTaken:
		return "sluice.yaml: namePrefix: PREFIX-"
	case synth.KindFragile:
		return "sluice.yaml: networks: [{name: NAME, cidrs: [CIDR]}]"
	case synth.KindCrowd, synth.KindClients:
		return again + " --widen " + synth.WidenAnywhere
	case synth.KindIdle:
		return "sluice.yaml: widen"
	case synth.KindNotGlobal:
		return "sluice show findings " + quoted(dir) + " # those that say blocks"
	case synth.KindRefused:
		if e := f.Edge; e != nil && f.Severity == synth.Blocks.String() {
			return "sluice.yaml: " + m.Edges[*e].decide(m.Edges[*e].settles())
		}
	case synth.KindDenied, synth.KindAttempted, synth.KindReset, synth.KindMixed:
		if f.Edge != nil {
			return "sluice.yaml: " + m.Edges[*f.Edge].decide(decision.Accept)
		}
	case synth.KindLearnedDenied, synth.KindSuspect, synth.KindMetadata:
		if f.Edge != nil {
			return "sluice.yaml: " + m.Edges[*f.Edge].decide(decision.Reject)
		}
	case synth.KindService:
		if f.Edge != nil {
			e := m.Edges[*f.Edge]
			ignore := e.decide(decision.Ignore)
			e.Destination, e.Port = "BACKEND", "PORT/tcp"
			widen := strings.TrimSuffix(e.decide(decision.Widen), "]")
			return "sluice.yaml: " + widen + ", " + strings.TrimPrefix(ignore, "decisions: [")
		}
	default:
	}
	if f.Edge != nil {
		source, destination, port := m.Edges[*f.Edge].Example()
		return strings.Join([]string{"sluice explain", quoted(dir), quoted(source), quoted(destination), quoted(port)}, " ")
	}
	if f.Namespace != "" {
		return "sluice explain " + quoted(dir) + " " + quoted(f.Namespace)
	}
	return "sluice show findings " + quoted(dir)
}

// decide is a decision on the edge as sluice.yaml has it.
func (e *Edge) decide(v decision.Verdict) string {
	return fmt.Sprintf("decisions: [{source: %q, destination: %q, port: %s, verdict: %s, reason: WHY, by: WHO}]",
		decidable(e.Source), decidable(e.Destination), e.decidablePort(), v)
}

// settles is the decision that settles a refused edge: to accept it where its ends and port are known and only what it
// was is not, else to say that nothing depends on it, since no rule can be written for what the log does not name.
func (e *Edge) settles() decision.Verdict {
	if e.Reason == model.UnknownDirection.String() || e.Reason == model.UnknownVerdict.String() {
		return decision.Accept
	}
	return decision.Ignore
}

// decidable is how a decision names a peer: all outside addresses, where they are only counted.
func decidable(peer string) string {
	if crowded(peer) {
		return "world:*"
	}
	return peer
}

// decidablePort is how a decision names the ports of a row: every one, where they are no range.
func (e *Edge) decidablePort() string {
	if list, _ := e.spans(); len(list) > 1 || strings.Contains(e.Port, " ") {
		return `"*"`
	}
	return e.Port
}

// findings shows what a reviewer should know, by kind; what keeps a direction open is told before.
func (p *page) findings(groups []Group) {
	if len(groups) == 0 {
		return
	}
	p.head("Findings")
	var rows [][]string
	for _, g := range groups {
		rows = append(rows, []string{g.Severity, g.Kind, fmt.Sprint(g.Count), some(g.Namespaces), g.Follows, g.Remedy})
	}
	p.table(len(rows), []string{"severity", "kind", "how many", "where", "what follows", "what to do"}, rows)
	for i := range groups {
		p.first(&groups[i])
	}
}

// first lists the first findings of a group, with the command for it.
func (p *page) first(g *Group) {
	p.details(true, fmt.Sprintf("%s: %s", g.Kind, count(g.Count, "finding", "findings")), func() {
		p.line("%s %s\n", Escape(g.Cause), code(g.Command))
		for _, t := range g.First {
			p.line("- %s", Escape(t))
		}
		if n := g.Count - len(g.First); n > 0 {
			p.line("- and %d more: `sluice show findings .`", n)
		}
	})
}

// blockers says what keeps directions from being denied, and the shortest way out of each. Of one namespace where one
// is named.
func (r *reviewer) blockers(p *page, groups []Group, namespace string) {
	var of []string
	if namespace != "" {
		of = []string{namespace}
	}
	if len(groups) == 0 {
		return
	}
	p.head("What cannot be enforced yet")
	if r.m.Options.EnforceAnyway {
		p.line("**Enforced all the same, because that was asked for. These would be blocked:**\n")
	} else {
		p.line("These worked, or may have, and no rule was learned for them. Their workload is held open for them " +
			"until you decide, for all of that direction where no rule can say them; where that cannot be, the direction of " +
			"the whole namespace stays open.\n")
	}
	var rows [][]string
	for i := range groups {
		g := &groups[i]
		rows = append(rows, []string{g.Kind, fmt.Sprint(g.Count), some(g.Namespaces), g.Cause, g.Remedy + r.others(g, of)})
	}
	p.table(len(rows), []string{"blocker", "how many", "where", "why", "the shortest way out"}, rows)
	for i := range groups {
		p.first(&groups[i])
	}
	if of == nil {
		for i := range r.m.Namespaces {
			of = append(of, r.m.Namespaces[i].Name)
		}
	}
	if !r.m.Options.EnforceAnyway {
		r.heldOpen(p, of)
	}
}

// heldOpen lists what is open in denied directions of namespaces until somebody decides on the blockers.
func (r *reviewer) heldOpen(p *page, namespaces []string) {
	var rows [][]string
	for _, ns := range namespaces {
		for _, held := range r.in.Result.Held(ns) {
			for i := range held.Rules {
				if len(held.Subject) > 0 {
					rows = append(rows, []string{ns, held.Subject.String(), strings.TrimPrefix(held.Rules[i].String(), "allow ")})
				}
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	p.line("\nHeld open for that, by the policies whose names begin with `%s-`:\n", policy.OpenName)
	p.table(maxRules, []string{"namespace", "pods", "what is open"}, rows)
}

// others is Others for a group of findings, as a sentence behind its remedy.
func (r *reviewer) others(g *Group, of []string) string {
	if synth.Kind(g.Kind) != synth.KindInexpressible || r.in.Sayers == nil {
		return ""
	}
	if text := r.m.Others(r.in.Sayers, of...); text != "" {
		return " " + text + "."
	}
	return " No other dialect of the network plugin can say one of them."
}
