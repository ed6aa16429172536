package bundle

import (
	"fmt"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/verify"
)

// How much of each list a person is shown; bundle.json has all.
const (
	maxRules    = 200
	maxFindings = 40
	maxCases    = 20
	maxText     = 500 // bytes of a rule
)

// review writes REVIEW.md: what a person should read before merging.
func review(in Input, m *Manifest, hands *ByHand, report *verify.Report) []byte {
	p := &page{}
	p.line("# Network policies for %s", title(in.Result.Namespaces()))
	p.line(
		"\n%s with %s for %s, in the dialect `%s`. Learned from %s (%s) between %s and %s.",
		count(
			m.Stats.Policies,
			"allow policy",
			"allow policies",
		),
		count(m.Stats.Rules, "rule", "rules"),
		count(len(m.Subjects), "workload", "workloads"),
		m.Dialect,
		count(m.Inputs.Records, "record", "records"),
		edgesOf(in.Graph),
		orNever(m.Inputs.First),
		orNever(m.Inputs.Last),
	)
	if m.Stats.Matrices > 0 {
		p.line(
			"\n%d lines of YAML. No fewer rules would do for %d of %d workloads and directions%s; bundle.json has the lower bound for each.",
			m.Stats.Lines,
			m.Stats.Proven,
			m.Stats.Matrices,
			large(m),
		)
	}
	p.partial(in.Partial)
	p.byHand(hands)
	p.namespaces(in.Result, m)
	p.verification(m, report)
	p.obstacles(m)
	p.findings(m)
	p.widenings(m)
	p.rules(m)
	p.diagram(m)
	p.next(m, in.Result.Dialect.Rollout())
	return []byte(p.String())
}

// edgesOf counts the edges that worked, and the others by what became of them.
func edgesOf(g *graph.Graph) string {
	n := map[graph.State]int{}
	for i := range g.Edges {
		n[g.Edges[i].State]++
	}
	text := count(n[graph.Allowed]+n[graph.Mixed], "edge", "edges") + " that worked"
	for _, s := range []graph.State{graph.Pending, graph.Denied, graph.Refused} {
		if n[s] > 0 {
			text += fmt.Sprintf(", %d %s", n[s], s)
		}
	}
	return text
}

// large tells of the matrices that leave something to search for.
func large(m *Manifest) string {
	if m.Stats.Large == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of the %d with three peers and ports or more)", m.Stats.LargeProven, m.Stats.Large)
}

// title names a few namespaces, or counts them.
func title(namespaces []string) string {
	if len(namespaces) > 5 {
		return fmt.Sprintf("%d namespaces", len(namespaces))
	}
	return escape(strings.Join(namespaces, ", "))
}

func orNever(s string) string {
	if s == "" {
		return "(no time)"
	}
	return s
}

func (p *page) namespaces(r *synth.Result, m *Manifest) {
	p.head("Namespaces")
	workloads, rules := map[string]int{}, map[string]int{}
	for i := range r.Policies.Policies {
		rules[r.Policies.Policies[i].Namespace] += len(r.Policies.Policies[i].Rules)
	}
	for _, s := range m.Subjects {
		id := strings.Split(s.Workload, "/")
		workloads[id[len(id)-2]]++
	}
	var rows [][]string
	short := 0
	for _, n := range m.Namespaces {
		e := r.Enforce[n.Name]
		rows = append(rows, []string{n.Name, fmt.Sprint(workloads[n.Name]), fmt.Sprint(rules[n.Name]),
			e.Words(model.Ingress), e.Words(model.Egress), e.Watched.String(), e.Watched.LastNewEdge()})
		if e.Ingress == synth.Short {
			short++
		}
	}
	p.table(maxRules, []string{"namespace", "workloads", "rules", "default deny for ingress",
		"default deny for egress", "watched", "last new edge"}, rows)
	if short > 0 {
		p.line("\n%s not watched for long enough: no direction of it is denied yet. "+
			"Go on recording, or ask for less with `--min-watch`.", count(short, "namespace was", "namespaces were"))
	}
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
		"\nOver-permission: %d of %d possible connections are allowed without having been seen or named below. Unused rules: %d.",
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
		for _, c := range r.Cases {
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
		p.line("\n%s stays open for %s (policy `%s`).", escape(what), o.Direction, o.Policy)
	}
}

func (p *page) obstacles(m *Manifest) {
	var rows [][]string
	for _, n := range m.Namespaces {
		for _, o := range n.Obstacles {
			rows = append(rows, []string{n.Name, o.Direction, o.Text})
		}
	}
	if len(rows) == 0 {
		return
	}
	p.head("What cannot be enforced yet")
	if m.Options.EnforceAnyway {
		p.line("**Enforced all the same, because that was asked for. These would be cut:**\n")
	} else {
		p.line("These worked, or may have, and no rule was learned for them. Their workload is held open in that direction until they are settled; where that cannot be, the direction of the whole namespace stays open.\n")
	}
	p.table(maxFindings, []string{"namespace", "direction", "what stands in the way"}, rows)
}

// findings shows all but what obstacles and widenings have shown already, alike ones as one.
func (p *page) findings(m *Manifest) {
	type like struct{ severity, kind, namespace, direction string }
	count := map[like]int{}
	var rows [][]string
	var keys []like
	for _, f := range m.Findings {
		if f.Severity == synth.Blocks.String() || synth.Kind(f.Kind) == synth.KindWidened {
			continue
		}
		k := like{f.Severity, f.Kind, f.Namespace, f.Direction}
		if count[k]++; count[k] == 1 {
			keys = append(keys, k)
			rows = append(rows, []string{f.Severity, f.Kind, f.Namespace, f.Direction, "", f.Text, f.Consequence})
		}
	}
	if len(rows) == 0 {
		return
	}
	for i, k := range keys {
		rows[i][4] = fmt.Sprint(count[k])
	}
	p.head("Findings")
	p.table(
		maxFindings,
		[]string{"severity", "kind", "namespace", "direction", "how many", "the first", "what follows"},
		rows,
	)
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

// short cuts a text that nobody would read to its end.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "... (whole in " + ManifestFile + ")"
}

func (p *page) rules(m *Manifest) {
	if len(m.Rules) == 0 {
		return
	}
	p.head("Rules")
	var rows [][]string
	for _, r := range m.Rules {
		var records uint64
		hours := 0
		for _, e := range r.Edges {
			records += m.Edges[e].Records
			hours = max(hours, m.Edges[e].Hours)
		}
		rows = append(
			rows,
			[]string{r.ID, r.Policy, short(r.Text), fmt.Sprint(len(r.Edges)), fmt.Sprint(records), fmt.Sprint(hours)},
		)
	}
	p.table(maxRules, []string{"rule", "policy", "what it says", "edges", "records", "hours seen"}, rows)
}
