package synth_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// printed counts the lines of YAML of a set.
func printed(t testing.TB, set policy.PolicySet) int {
	t.Helper()
	files, losses, err := kubernetes.Render(set)
	if err != nil || len(losses) > 0 {
		t.Fatal(losses, err)
	}
	n := 0
	for _, f := range files {
		n += bytes.Count(f.YAML, []byte("\n"))
	}
	return n
}

// TestSixty learns the harder of the two clusters of that size: every client uses other ports of every server. The fewest
// rules that there can be take 0.60 of the lines that a rule for each tuple takes, 0.56 where peers may cross. The bounds
// keep it from getting worse.
func TestSixty(t *testing.T) {
	g := graphtest.Graph(t, graphtest.Sixty()...)
	wide := learn(t, g, synth.Config{All: true, Widen: []string{synth.WidenProducts}})
	r := learn(t, g, synth.Config{All: true})
	rep := check(t, g, &r, r.Enforced(), eval.Cilium)
	listed := graphtest.List(g, r.Namespaces())
	short, long := printed(t, r.Policies), printed(t, listed.Set)
	s := r.Stats
	t.Logf("%d tuples, %.1f%% of subjects with equal rule sets; %+v; %d lines of %d", listed.Tuples, 100*listed.Equal, s, short, long)
	if len(r.Namespaces()) != 60 || s.Subjects != 396 || listed.Tuples < 15_500 || listed.Tuples > 16_500 || listed.Equal > 0.2 {
		t.Error("this is not a cluster of the size that it is to have")
	}
	if n := rep.Connections[verify.Lost] + rep.Connections[verify.Escaped] + rep.Connections[verify.Unproven]; n > 0 || rep.Over.Count > 0 || len(rep.Unused) > 0 {
		t.Errorf("%v, over %+v, unused %v", rep.Connections, rep.Over, rep.Unused)
	}
	if names := duplicates(r.Policies); len(names) > 0 {
		t.Errorf("names used twice: %v", names)
	}
	if 100*short > 61*long || 100*printed(t, wide.Policies) > 57*long {
		t.Errorf("%d lines of %d", short, long)
	}
	if 100*s.Proven < 99*s.Matrices || 100*s.LargeProven < 95*s.Large {
		t.Errorf("proven %d of %d, of the large %d of %d", s.Proven, s.Matrices, s.LargeProven, s.Large)
	}
}

func duplicates(set policy.PolicySet) []string {
	var names, twice []string
	for _, p := range set.Policies {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			twice = append(twice, names[i])
		}
	}
	return twice
}

// peak is the most memory that the process ever had resident, in MiB; 0 where the system does not say.
func peak() (mib float64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}

// BenchmarkSixty learns that cluster. The memory is that of the process, with the graph and its making.
func BenchmarkSixty(b *testing.B) {
	g := graphtest.Graph(b, graphtest.Sixty()...)
	var r synth.Result
	var err error
	for b.Loop() {
		if r, err = synth.Synthesize(b.Context(), g, synth.Config{All: true, Dialect: kubernetes.Dialect{}}); err != nil {
			b.Fatal(err)
		}
	}
	listed := graphtest.List(g, r.Namespaces())
	b.ReportMetric(peak(), "MiB-peak")
	b.ReportMetric(float64(listed.Tuples), "tuples")
	b.ReportMetric(float64(r.Stats.Rules), "rules")
	b.ReportMetric(float64(r.Stats.Peers), "peers")
	b.ReportMetric(float64(r.Stats.SelectorTerms), "terms")
	b.ReportMetric(float64(printed(b, r.Policies)), "lines")
	b.ReportMetric(float64(printed(b, listed.Set)), "lines-by-tuple")
}
