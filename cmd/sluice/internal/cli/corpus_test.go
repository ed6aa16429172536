//go:build corpus

package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/cmd/sluice/internal/run"
	"sluice/model/graph"
)

// realCaptures are the files of the corpus by the names of their tables.
func realCaptures(t *testing.T) map[string]string {
	t.Helper()
	root := os.Getenv("SLUICE_CORPUS")
	if root == "" {
		t.Fatal("SLUICE_CORPUS is not set")
	}
	captures := map[string]string{}
	for _, dir := range []string{"hubble", "calico"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(p string, d fs.DirEntry, err error) error {
			transcript := strings.HasSuffix(p, "-http.txt") // of an HTTP session, no log
			if err == nil && !d.IsDir() && !strings.HasSuffix(p, ".md") && !transcript {
				name := filepath.Base(p)
				name = strings.TrimSuffix(name, filepath.Ext(name))
				captures[filepath.Base(filepath.Dir(p))+"__"+name] = p
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(captures) == 0 {
		t.Fatalf("%s has no captures", root)
	}
	return captures
}

// TestNoTunnel: no real capture has one.
func TestNoTunnel(t *testing.T) {
	captures := realCaptures(t)
	for name, file := range captures {
		in := &reading{workers: 2, quiet: true, config: os.DevNull}
		l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range l.Graph.Tunnels {
			t.Errorf("%s: %+v", name, x)
		}
	}
	t.Logf("%d captures", len(captures))
}

// TestCorpus compares what is learned from real captures with tables that were made by hand from the records
// (testdata/corpus/README.md). The captures are not part of this repository; SLUICE_CORPUS names their folder.
func TestCorpus(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "testdata", "corpus", "*.txt"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	captures := realCaptures(t)
	seen := map[string]bool{}
	for _, table := range tables {
		name := strings.TrimSuffix(filepath.Base(table), ".txt")
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			file, ok := captures[name]
			if !ok {
				t.Fatalf("the corpus has no capture %s", name)
			}
			checkCapture(t, table, file)
		})
	}
	for name := range captures {
		if !seen[name] {
			t.Errorf("capture %s has no table", name)
		}
	}
}

func checkCapture(t *testing.T, table, capture string) {
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	checkTable(t, string(text), []string{capture}, strings.NewReader(""))
}

// checkTable compares what is learned from sources with a table, and that every record has one fate.
func checkTable(t *testing.T, table string, sources []string, stdin io.Reader) {
	want, alias := parseTable(t, table)
	in := &reading{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.open(t.Context(), Streams{stdin, io.Discard, io.Discard}, sources)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	got := tableOf(l)
	for i, line := range want {
		f := strings.Fields(line)
		for j, w := range f {
			if a, ok := alias[w]; ok {
				f[j] = a
			}
		}
		want[i] = strings.Join(f, " ")
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-table +learned)\n%s", d)
	}
}

// TestLessons: each lesson that real records taught stands as records of our own, with the table they must give.
func TestLessons(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "testdata", "lessons", "*.txt"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d lessons: %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, p := range a.Files {
				part[p.Name] = string(p.Data)
			}
			checkTable(t, part["table"], []string{"-"}, strings.NewReader(part["records"]))
		})
	}
}

// parseTable returns the lines of a table and the names that one selector must take together.
func parseTable(t *testing.T, text string) (lines []string, alias map[string]string) {
	alias = map[string]string{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case f[0] == "workload" && len(f) == 4:
			alias[f[1]] = f[3]
		case f[0] == "fate" || f[0] == "edge" || f[0] == "denied" || f[0] == "refused":
			lines = append(lines, strings.Join(f, " "))
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return lines, alias
}

func tableOf(l *run.Log) []string {
	var out []string
	counts := l.Counts()
	for _, f := range run.Fates {
		named := uint64(0)
		for r, n := range counts.Reasons(f) {
			out = append(out, fmt.Sprintf("fate %s/%s %d", f, r, n))
			named += n
		}
		if n := counts.Fate(f) - named; n > 0 {
			out = append(out, fmt.Sprintf("fate %s %d", f, n))
		}
	}
	g := l.Graph
	for _, e := range g.AllEdges() {
		ends := fmt.Sprintf("%s -> %s %s", g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString())
		switch e.State {
		case graph.Refused:
			out = append(out, "refused "+ends+" "+e.Reason.String())
		case graph.Denied:
			out = append(out, "denied "+ends)
		default:
			out = append(out, "edge "+ends)
		}
	}
	slices.Sort(out)
	return out
}
