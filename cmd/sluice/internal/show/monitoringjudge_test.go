//go:build conformance

package show

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"sluice/cmd/sluice/internal/collect"
)

// TestPromQL: Prometheus' own parser takes the alerts, their templates and each expression of the dashboard, and what they
// select by and group by is declared. SLUICE_PROMQL names the judge (cmd/conformance/prometheus).
func TestPromQL(t *testing.T) {
	judge := os.Getenv("SLUICE_PROMQL")
	if judge == "" {
		t.Fatal("SLUICE_PROMQL names no judge")
	}
	var rules, board bytes.Buffer
	if err := Alerts(&rules); err != nil {
		t.Fatal(err)
	}
	if err := Dashboard(&board); err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panelView }
	if err := json.Unmarshal(board.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	n := 0
	for _, p := range d.Panels {
		for _, x := range p.Targets {
			lines.WriteString(strings.ReplaceAll(x.Expr, "$__rate_interval", "5m") + "\n") // Grafana puts one in
			n++
		}
	}
	asks := func(in io.Reader, args ...string) []string {
		c := exec.CommandContext(t.Context(), judge, args...)
		c.Stdin = in
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	}
	all := append(asks(&rules, "rules"), asks(strings.NewReader(lines.String()))...)
	if want := len(alerts) + n; len(all) != want {
		t.Errorf("%d expressions were judged, of %d", len(all), want)
	}
	for _, line := range all {
		metrics, labels, _ := strings.Cut(line, "\t")
		for m := range strings.SplitSeq(metrics, ",") {
			at := slices.IndexFunc(collect.Metrics(), func(d collect.Metric) bool { return d.Name == m })
			if at < 0 {
				t.Errorf("%q asks for %q, which no collector declares", line, m)
				continue
			}
			for l := range strings.SplitSeq(labels, ",") {
				if l != "" && !slices.Contains(collect.Metrics()[at].Labels, l) {
					t.Errorf("%q asks for the label %s, which %s does not have", line, l, m)
				}
			}
		}
	}
	for _, bad := range []string{"rate(sluice_connected)", "sluice_connected ==", "sum(x"} {
		c := exec.CommandContext(t.Context(), judge)
		c.Stdin = strings.NewReader(bad)
		if c.Run() == nil {
			t.Errorf("the judge takes %q", bad)
		}
	}
}
