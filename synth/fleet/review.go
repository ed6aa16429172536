package fleet

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sluice/synth/bundle"
)

// mostRules is how many rules of a namespace the review names.
const mostRules = 40

// review is what a person reads first: what clusters share, where they differ and why.
func (r *Result) review() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %d clusters\n\n", len(r.Clusters))
	fmt.Fprintf(&b, "Files that clusters agree on, to the byte, lie in `%s/`; `%s/CLUSTER/` adds what a cluster has for itself.\n",
		BaseDir, OverlayDir)
	fmt.Fprintf(&b, "`kubectl apply -k %s/CLUSTER/allow` is the same as `kubectl apply -k CLUSTER/allow`; so are the other phases.\n",
		OverlayDir)
	b.WriteString("Evidence, readiness and the way into each cluster: `CLUSTER/REVIEW.md`.\n\n")
	b.WriteString("| cluster | files from the base | of its own | namespaces |\n|---|---|---|---|\n")
	for i := range r.Clusters {
		c := &r.Clusters[i]
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", code(c.Name), c.Shared, c.Own, len(c.bundle.Namespaces))
	}
	b.WriteString("\n## What differs\n\n")
	if len(r.Differ) == 0 {
		b.WriteString("Nothing: where several clusters have a namespace, they have the same rules in it.\n")
	}
	for i := range r.Differ {
		r.Differ[i].review(&b)
	}
	return b.Bytes()
}

func (n *Namespace) review(b *bytes.Buffer) {
	fmt.Fprintf(b, "### %s, in %s\n\n", code(n.Name), strings.Join(n.Clusters, ", "))
	alike := map[string][]string{} // the clusters that have a rule of one text
	for _, rule := range n.Rules {
		alike[rule.Text] = append(alike[rule.Text], rule.In...)
	}
	for _, rule := range n.Rules[:min(len(n.Rules), mostRules)] {
		var not, other []string
		for _, c := range n.Clusters {
			switch {
			case slices.Contains(rule.In, c):
			case slices.Contains(alike[rule.Text], c):
				other = append(other, c)
			default:
				not = append(not, c)
			}
		}
		fmt.Fprintf(b, "- %s: only in %s.", code(rule.Text), strings.Join(rule.In, ", "))
		if len(not) > 0 {
			fmt.Fprintf(b, " The flows of %s do not show it.", strings.Join(not, ", "))
		}
		if len(other) > 0 {
			fmt.Fprintf(b, " The same is there for other pods in %s.", strings.Join(other, ", "))
		}
		b.WriteString("\n")
	}
	if more := len(n.Rules) - mostRules; more > 0 {
		fmt.Fprintf(b, "- and %d rules more\n", more)
	}
	b.WriteString("\n")
}

// code makes a text look as code, whatever it holds.
func code(s string) string { return "<code>" + bundle.Escape(s) + "</code>" }
