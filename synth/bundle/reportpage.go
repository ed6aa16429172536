package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
)

// report writes REPORT.md: the answer of the review, and what one run saw, with every doubt that the console had.
func (r *reviewer) report() []byte {
	p := &page{}
	in, m, w, run := r.in, r.m, r.w, &r.in.Run
	p.line("# Network policies for %s\n", title(in.Result.Namespaces()))
	r.answer(p)
	p.enough(run.Ready)
	p.WriteString(r.changed)
	p.head("What was seen")
	p.line("Of one run: this page is not committed. What to look at first, and the way into a cluster, is in %s.\n", ReviewFile)
	p.line("%s from %s to %s, %s, %s.", count(m.Inputs.Records, "record", "records"), orNever(m.Inputs.First),
		orNever(m.Inputs.Last), count(m.Inputs.Edges, "edge", "edges"),
		count(m.Inputs.Connections, "pair of ends", "pairs of ends"))
	if run.Version != "" || len(run.Command) > 0 {
		p.line("\nWritten by sluice %s: %s.", Escape(run.Version), code(strings.Join(run.Command, " ")))
	}
	p.doubts(run)
	p.watched(in, m)
	p.verification(m, &w.report)
	p.ready(run.Ready)
	p.console(in, m, w)
	p.sources(run)
	p.evidence(m)
	p.detailed(m)
	return p.fit(ReportData)
}

// doubts are what may be missing.
func (p *page) doubts(run *Run) {
	p.head("What may be missing")
	n := p.Len()
	for _, s := range run.Partial {
		p.line("- **Not read whole:** %s", Escape(s))
	}
	if run.Lost > 0 {
		p.line("- The log says that %s: edges may be missing.", count(run.Lost, "event was lost", "events were lost"))
	}
	if run.Gaps > 0 {
		p.line("- Collectors found %s: edges may be missing.",
			count(run.Gaps, "time with possible gaps", "times with possible gaps"))
	}
	if run.OutOfRange > 0 {
		p.line("- %s outside --since and --until.", count(run.OutOfRange, "record", "records"))
	}
	for _, s := range run.Lacks {
		p.line("- By the records (`sluice doctor` says what to do): %s", Escape(s))
	}
	if p.Len() == n {
		p.line("The log tells of no lost event and no gap, and all of it was read.")
	}
	var rows [][]string
	for _, f := range run.Fates {
		if f.Records == 0 {
			continue
		}
		var why []string
		for reason, n := range f.Reasons {
			why = append(why, fmt.Sprintf("%s %d", reason, n))
		}
		slices.Sort(why)
		rows = append(rows, []string{f.Fate, fmt.Sprint(f.Records), strings.Join(why, ", ")})
	}
	if len(rows) > 0 {
		p.line("\nWhat became of the records:\n")
		p.table(len(rows), []string{"fate", "records", "why"}, rows)
	}
}

// watched says of each namespace how long its pods were watched.
func (p *page) watched(in Input, m *Manifest) {
	p.head("How long was watched")
	var rows [][]string
	for _, n := range m.Namespaces {
		e := in.Result.Enforce[n.Name]
		rows = append(rows, []string{n.Name, e.Watched.String(), n.WatchedFrom, n.WatchedTo, e.Watched.LastNewEdge(),
			e.Words(model.Ingress), e.Words(model.Egress)})
	}
	p.details(len(rows) > maxOpenRows, count(len(rows), "namespace", "namespaces"), func() {
		p.table(maxRules, []string{"namespace", "watched", "from", "to", "last new edge", "ingress", "egress"}, rows)
	})
}

// enough is the answer to whether it was watched for long enough.
func (p *page) enough(list []Ready) {
	if len(list) == 0 {
		return
	}
	n := 0
	for i := range list {
		if list[i].Enough {
			n++
		}
	}
	answer := "yes"
	if n < len(list) {
		answer = "no"
	}
	p.line("| Was it watched for long enough? | %s: **%d of %d** workloads and directions are Stable, see Readiness below |",
		answer, n, len(list))
}

// ready says of each workload whether enough was seen.
func (p *page) ready(list []Ready) {
	if len(list) == 0 {
		return
	}
	p.head("Readiness")
	p.line("`sluice ready` explains each. Chance: that something the workload needs and that was never seen shows within a week.\n")
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{r.Workload, r.Direction, r.State, r.Chance, short(r.Why)})
	}
	p.details(len(rows) > maxOpenRows, count(len(rows), "workload and direction", "workloads and directions"), func() {
		p.table(maxFindings, []string{"workload", "direction", "state", "chance", "why"}, rows)
	})
}

// console holds what the command printed, whole where it fits.
func (p *page) console(in Input, m *Manifest, w *written) {
	if in.Console == nil {
		return
	}
	const most = 20_000
	text := in.Console(m, &w.report)
	if len(text) > most {
		text = text[:strings.LastIndexByte(text[:most], '\n')+1] + "...\n"
	}
	p.head("What learn printed")
	p.line("%s", printed(text))
}

// sources lists what was read.
func (p *page) sources(run *Run) {
	if len(run.Sources) == 0 {
		return
	}
	p.head("Sources")
	var rows [][]string
	for _, s := range run.Sources {
		rows = append(rows, []string{s.Name, s.Format, fmt.Sprint(s.Records), fmt.Sprint(s.Bytes), s.Digest})
	}
	p.table(maxFindings, []string{"source", "format", "records", "bytes", "digest"}, rows)
}

// evidence says how much each rule rests on, those that rest on least first.
func (p *page) evidence(m *Manifest) {
	type row struct {
		records uint64
		rule    *Rule
	}
	list := make([]row, len(m.Rules))
	for i := range m.Rules {
		list[i].rule = &m.Rules[i]
		for _, k := range list[i].rule.Edges {
			list[i].records += m.Edges[k].Records
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(a.records, b.records) })
	rows := make([][]string, len(list)) // those that fit
	for i := range list[:min(len(list), maxFindings)] {
		rows[i] = m.rests(list[i].rule, list[i].records)
	}
	p.head("What each rule rests on")
	p.details(len(rows) > maxOpenRows, "the rules with least evidence first", func() {
		p.table(maxFindings, []string{"rule", "policy", "what it says", "edges", "records", "", "hours", "first", "last"}, rows)
	})
}

// rests says what a rule rests on, of which there are some records.
func (m *Manifest) rests(r *Rule, records uint64) []string {
	first, last, hours := "", "", 0
	for _, k := range r.Edges {
		e := &m.Edges[k]
		hours = max(hours, e.Hours)
		if first == "" || e.First < first {
			first = e.First
		}
		last = max(last, e.Last)
	}
	once := ""
	if records == 1 {
		once = "seen once"
	}
	return []string{r.ID, r.Policy, short(r.Text), fmt.Sprint(m.Count(r)), fmt.Sprint(records), once,
		fmt.Sprint(hours), first, last}
}

// detailed lists all findings that fit, with counts and times.
func (p *page) detailed(m *Manifest) {
	if len(m.Findings) == 0 {
		return
	}
	p.head("Findings with counts")
	rows := make([][]string, len(m.Findings)) // those that fit
	for i := range rows[:min(len(rows), maxRules)] {
		f := &m.Findings[i]
		rows[i] = []string{f.Severity, f.Kind, f.Namespace, f.Direction, f.Whole()}
	}
	p.details(len(rows) > maxOpenRows, count(len(rows), "finding", "findings"), func() {
		p.table(maxRules, []string{"severity", "kind", "namespace", "direction", "what"}, rows)
	})
}
