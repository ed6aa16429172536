package bundle

import (
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/verify"
)

// reviewer writes the reviews of one bundle.
type reviewer struct {
	in Input
	m  *Manifest
	w  *written
	// changed says what is not as in the bundle before.
	changed string
}

// of is the reviewer of a part.
func (r *reviewer) of(m *Manifest) *reviewer {
	c := *r
	c.m = m
	return &c
}

// answer says first what a person wants to know.
func (r *reviewer) answer(p *page) {
	m := r.m
	p.line("%s with %s for %s, in the dialect `%s`. Learned from %s. %d lines of YAML; %s.",
		count(m.Stats.Policies, "allow policy", "allow policies"), count(m.Stats.Rules, "rule", "rules"),
		count(len(m.Subjects), "workload", "workloads"), m.Dialect, m.learnedFrom(), m.Stats.Lines, fewest(m))
	p.line("\n| question | answer |\n|---|---|")
	p.line("| Is the rest denied? | %s |", r.safe())
	p.line("| What would be lost? | %s |", r.lost())
	p.line("| What is opened that was never used? | %s |", r.opened())
}

// fewest reports whether fewer rules would do.
func fewest(m *Manifest) string {
	if m.Stats.Proven == m.Stats.Matrices {
		return "the rules are the fewest possible (proven)"
	}
	return fmt.Sprintf("for %d of %s fewer rules might do", m.Stats.Matrices-m.Stats.Proven,
		count(m.Stats.Matrices, "workload and direction", "workloads and directions"))
}

// safe counts the directions of namespaces by what was shown of them, and names those that stay open.
func (r *reviewer) safe() string {
	denied, open := 0, []string{}
	held := 0
	for _, n := range r.m.Namespaces {
		for d, ok := range map[string]bool{"ingress": n.Ingress, "egress": n.Egress} {
			if ok {
				denied++
			} else {
				open = append(open, n.Name+" "+d)
			}
		}
		e := r.in.Result.Enforce[n.Name]
		for _, h := range e.Held {
			if e.Allows(h.Direction) {
				held++
			}
		}
	}
	text := fmt.Sprintf("**%d of %d** namespaces and directions are denied by default", denied, denied+len(open))
	if held > 0 {
		text += fmt.Sprintf(", but in them %s open",
			count(held, "workload and direction is held", "workloads and directions are held"))
	}
	if len(open) > 0 {
		slices.Sort(open)
		text += "; not yet: " + Escape(some(open))
	}
	return text
}

// lost says what worked and would not.
func (r *reviewer) lost() string {
	rep := &r.w.report
	text := "nothing that was seen to work"
	if n := rep.Connections[verify.Lost]; n > 0 {
		text = fmt.Sprintf("**%s**, listed in %s", count(n, "connection that worked", "connections that worked"), ReportFile)
	}
	if n := rep.Decided; n > 0 {
		text += fmt.Sprintf("; but **%s**, by decisions that reject or ignore them: see the findings",
			count(n, "connection that worked is denied", "connections that worked are denied"))
	}
	if n := len(r.in.Result.Losses); n > 0 {
		text += fmt.Sprintf("; for %s this dialect has no rule: see the blockers", count(n, "edge", "edges"))
	}
	return text
}

// opened says what is allowed beside what was seen.
func (r *reviewer) opened() string {
	text := "nothing by mistake"
	if n := r.w.report.Over.Count; n > 0 {
		text = "**" + count(n, "connection that nobody asked for", "connections that nobody asked for") + "**"
	}
	if n := len(r.m.Widenings); n > 0 {
		text += fmt.Sprintf("; on purpose, at a price: %s below", count(n, "widening", "widenings"))
	}
	if slices.ContainsFunc(r.m.Findings, func(f Finding) bool { return f.Kind == string(synth.KindMesh) }) {
		text += "; what is carried inside a mesh is in no record, see " + string(synth.KindMesh)
	}
	return text
}

// spaces lists the namespaces, or only counts them where a page would be full of them.
func (r *reviewer) spaces(p *page) {
	p.head("Namespaces")
	var rows [][]string
	var links []string
	short := 0
	for _, n := range r.m.Namespaces {
		e := r.in.Result.Enforce[n.Name]
		rows = append(rows, []string{n.Name, e.LastingWords(model.Ingress), e.LastingWords(model.Egress)})
		if len(r.m.Namespaces) > 1 {
			links = append(links, fmt.Sprintf("[%s](%s/%s/%s)", Escape(n.Name), allowDir, n.Name, ReviewFile))
		}
		if e.Ingress == synth.Short && e.Watched.With == "" && !e.Watched.Enough() {
			short++
		}
	}
	rows = alike(rows)
	p.details(len(rows) > maxOpenRows, fmt.Sprintf("%d namespaces", len(r.m.Namespaces)), func() {
		p.table(maxRules, []string{"namespace", "default deny for ingress", "default deny for egress"}, rows)
	})
	if short > 0 {
		p.line("\n%s not watched for long enough: nothing is denied there yet. "+
			"Go on recording, or ask for less with `--min-watch`.", count(short, "namespace was", "namespaces were"))
	}
	if len(links) > 0 {
		p.line("\nA review, with a picture and all rules, for each: %s.", strings.Join(links, ", "))
		p.line("\nOne picture of all: [%s](%s).", PictureFile, PictureFile)
	}
}

// alike joins rows that differ in their first cell only, where there are many.
func alike(rows [][]string) [][]string {
	if len(rows) <= maxOpenRows {
		return rows
	}
	var out [][]string
	names := map[string][]string{}
	for _, row := range rows {
		rest := strings.Join(row[1:], "\x00")
		if names[rest] == nil {
			out = append(out, row)
		}
		names[rest] = append(names[rest], row[0])
	}
	for _, row := range out {
		row[0] = some(names[strings.Join(row[1:], "\x00")])
	}
	return out
}

// rules lists all rules of a namespace, the risky ones first.
func (r *reviewer) rules(p *page, namespace string) {
	var rows [][]string
	for k, list := range r.byRisk(namespace) {
		for _, rule := range list {
			mark := ""
			if rule.New {
				mark = "new"
			}
			rows = append(rows, []string{rule.ID, mark, riskNames[k], strings.TrimPrefix(rule.Policy, namespace+"/"),
				short(rule.Text)})
		}
	}
	if len(rows) == 0 {
		return
	}
	p.head("Rules")
	p.table(maxRules, []string{"rule", "", "about", "policy", "what it says"}, rows)
}

// learnedFrom counts the edges that worked, and the others by what became of them: those of the bundle's namespaces,
// since what others do says nothing of it.
func (m *Manifest) learnedFrom() string {
	n := map[string]int{}
	for i := range m.Edges {
		n[m.Edges[i].State] += max(1, m.Edges[i].Edges)
	}
	text := count(n[graph.Allowed.String()]+n[graph.Mixed.String()], "edge", "edges") + " that worked"
	for _, s := range []graph.State{graph.Pending, graph.Denied, graph.Refused} {
		if n[s.String()] > 0 {
			text += fmt.Sprintf(", %d %s", n[s.String()], s)
		}
	}
	return text
}

// title names a few namespaces, or counts them.
func title(namespaces []string) string {
	if len(namespaces) > 5 {
		return fmt.Sprintf("%d namespaces", len(namespaces))
	}
	return Escape(strings.Join(namespaces, ", "))
}

func orNever(s string) string {
	if s == "" {
		return "(no time)"
	}
	return s
}

// meanings says what each verdict counts.
var meanings = [...]string{
	verify.Permitted:     "worked, and stays allowed",
	verify.Lost:          "worked, and would be cut",
	verify.Rejected:      "was denied, and stays denied",
	verify.Escaped:       "was denied, and would be allowed",
	verify.Inexpressible: "worked, and this dialect has no rule for it",
	verify.Unproven:      "could not be judged: refused, undecided, or lacking a fact",
}

func (p *page) verification(m *Manifest, r *verify.Report) {
	p.head("Verification")
	p.line(
		"Every connection seen, replayed through the enforced policies as they are in these files (semantics `%s`):\n",
		r.Semantics,
	)
	var rows [][]string
	for i, text := range meanings {
		rows = append(
			rows,
			[]string{verify.Verdict(i).String(), fmt.Sprint(r.Connections[i]), fmt.Sprint(r.Records[i]), text},
		)
	}
	rows = append(rows, []string{"total", fmt.Sprint(r.Connections.Total()), fmt.Sprint(r.Records.Total()), ""})
	p.table(len(rows), []string{"verdict", "connections", "records", "meaning"}, rows)
	p.line(
		"\nOver-permission: %d of %d possible connections are allowed that were never seen and that no widening names. Unused rules: %d.",
		r.Over.Count,
		r.Over.Universe,
		len(r.Unused),
	)
	if len(r.Over.Examples) > 0 {
		var rows [][]string
		for _, x := range r.Over.Examples {
			rows = append(rows, []string{x.Src, x.Dst, x.Port, x.Policy})
		}
		p.line("")
		p.table(maxCases, []string{"from", "to", "port", "allowed by"}, rows)
	}
	if len(r.Cases) > 0 {
		var rows [][]string
		for _, c := range verify.FoldedCases(r.Cases) {
			rows = append(rows, []string{c.Verdict.String(), c.Src, c.Dst, c.Port, fmt.Sprint(c.Records), c.Why})
		}
		p.line("")
		p.table(maxCases, []string{"verdict", "from", "to", "port", "records", "why"}, rows)
	}
	for _, o := range r.Open {
		what := "Namespace " + o.Namespace
		if o.Pods != "" {
			what = "What " + o.Pods + " selects in namespace " + o.Namespace
		}
		of := o.Direction.String()
		if o.Only != "" {
			of = o.Only
		}
		p.line("\n%s stays open for %s (policy `%s`).", Escape(what), Escape(of), o.Policy)
	}
}

func (p *page) widenings(m *Manifest) {
	if len(m.Widenings) == 0 {
		return
	}
	p.head("Widenings")
	var rows [][]string
	for _, w := range m.Widenings {
		cost := synth.Widening{Price: w.Price}
		rows = append(rows, []string{w.Kind, w.Text, cost.Cost()})
	}
	p.table(maxFindings, []string{"widening", "what it opens", "price"}, rows)
}

// partial says first what the bundle must not be trusted with.
func (p *page) partial(sources []string) {
	if len(sources) == 0 {
		return
	}
	p.head("Learned from a part of the flows")
	p.line(
		"**These could not be read whole (`--allow-partial`). What was not read is missing in the policies, and would be cut:**\n",
	)
	for _, s := range sources {
		p.line("- %s", Escape(s))
	}
}

// byHand lists what people changed and added in the directory.
func (p *page) byHand(h *ByHand) {
	if len(h.Edited)+len(h.Extra)+len(h.Loose) == 0 {
		return
	}
	p.head("Changed by hand")
	p.line(
		"The verification counts these as they are. `sluice verify` fails while a file is changed; `learn --force` writes over it.\n",
	)
	var rows [][]string
	add := func(names []string, what string) {
		for _, name := range names {
			rows = append(rows, []string{name, what})
		}
	}
	add(h.Edited, "changed, and kept as it is")
	add(h.Loose, "not of this bundle, and not applied: move it to "+ExtraDir+"/")
	add(h.Extra, "applied with the allow policies")
	p.table(maxFindings, []string{"file", "what of it"}, rows)
}
