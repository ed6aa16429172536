package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/readiness"
)

// coverage prints how far policies isolate namespaces, and the sums that a ratchet holds.
func coverage(w io.Writer, list []run.Standing) error {
	t := newTable(w, "NAMESPACE", "WORKLOADS", "NOTHING ISOLATES INGRESS", "NOTHING ISOLATES EGRESS", "ENFORCED")
	var workloads, ingress, egress, enforced, ready int
	for _, s := range list {
		word := "no"
		if s.Enforced {
			word = "yes"
			enforced++
		}
		if s.State == readiness.Stable.String() {
			ready++
		}
		workloads += s.Workloads
		ingress += len(s.OpenIngress)
		egress += len(s.OpenEgress)
		t.row(s.Name, s.Workloads, len(s.OpenIngress), len(s.OpenEgress), word)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "Of %s nothing isolates the ingress of %d and the egress of %d. Of %s: %d enforced, %d ready.\n",
		text.Plural(workloads, "workload", "workloads"), ingress, egress,
		text.Plural(len(list), "namespace", "namespaces"), enforced, ready)
	return nil
}

// Worse prints what got worse since a baseline.
func Worse(w io.Writer, worse []string) {
	for _, line := range worse {
		fmt.Fprintf(w, "worse: %s\n", text.Printable(line, 300))
	}
	if len(worse) == 0 {
		fmt.Fprintln(w, "No worse than the baseline.")
	}
}
