package cli

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scales are the dimensions in which the cost of the commands is told: n log n at most.
func scales() []scale {
	list := []scale{{"workloads", []int{100, 400}, []int{400, 4_000, 16_000, 50_000}, cluster}}
	for _, c := range cardinality {
		if slices.Contains([]string{"addresses in", "ports used", "label keys of own workloads", "namespaces"}, c.name) {
			list = append(list, scale{c.name, []int{c.n / 256, c.n / 64}, []int{c.n / 16, c.n / 4, c.n}, c.write})
		}
	}
	return list
}

type scale struct {
	name        string
	short, long []int
	write       func(w *hostileLog, n int)
}

// cluster is n workloads, a hundred of them to a namespace, of which each asks four others.
func cluster(w *hostileLog, n int) {
	app := func(i int) hostileEnd { return w.app(fmt.Sprintf("team-%d", i/100), "w", i) }
	for i := range n {
		for range 4 {
			w.answered(app(i), app(w.r.IntN(n)), 8_000+w.r.IntN(8))
		}
	}
}

// TestScale prints what edges, learn and verify cost at several sizes, and with what power of the size that grows:
// between two sizes a law of n log n is a power of 1.1 to 1.2. SLUICE_LONG takes the large ones.
func TestScale(t *testing.T) {
	t.Setenv("SLUICE_VALIDATE", "")
	var table strings.Builder
	table.WriteString("| by | n | command | CPU s | power | wall s | MiB | power | bundle.json, KiB | YAML, KiB |\n|---|---|---|---|---|---|---|---|---|---|\n")
	start := measure(t, []string{"version"})
	for _, s := range scales() {
		sizes := s.short
		if os.Getenv("SLUICE_LONG") != "" {
			sizes = s.long
		}
		before, was := map[string]used{}, 0
		for _, n := range sizes {
			dir := t.TempDir()
			flows, out := filepath.Join(dir, "flows.jsonl"), filepath.Join(dir, "bundle")
			writeLog(t, flows, n, s.write)
			for _, args := range [][]string{{"show", "edges", flows}, {"learn", flows, "-A", "--min-watch", "0", "--out", out}, {"verify", out}} {
				u := measure(t, args)
				if u.exit != int(ExitOK) && u.exit != int(ExitFindings) {
					t.Errorf("%s of %d %s: exit %d: %s", args[0], n, s.name, u.exit, u.log)
				}
				cpu, mib := "", ""
				if b, ok := before[args[0]]; ok {
					cpu = power(b.cpu-start.cpu, u.cpu-start.cpu, was, n)
					mib = power(b.mib-start.mib, u.mib-start.mib, was, n)
				}
				before[args[0]] = u
				fmt.Fprintf(&table, "| %s | %d | %s | %.1f | %s | %.1f | %.0f | %s | %d | %d |\n", s.name, n, args[0], u.cpu, cpu, u.wall,
					u.mib, mib, kib(filepath.Join(out, "bundle.json")), yamlIn(t, out)>>10)
			}
			was = n
		}
	}
	t.Logf("\n%s", table.String())
}

// power is that of n with which a cost grows, "" where the smaller one is too small to say.
func power(a, b float64, n, m int) string {
	if a < 0.05 || b <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", math.Log(b/a)/math.Log(float64(m)/float64(n)))
}

func yamlIn(t *testing.T, dir string) int64 {
	if _, err := os.Stat(dir); err != nil {
		return 0
	}
	return written(t, dir)[".yaml"]
}

// writeLog makes a file of the records of an input.
func writeLog(t *testing.T, file string, n int, write func(*hostileLog, int)) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &hostileLog{bufio.NewWriterSize(f, 1<<20), rand.New(rand.NewPCG(1, 1)), 0, nil, 0}
	write(w, n)
	if err := w.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
