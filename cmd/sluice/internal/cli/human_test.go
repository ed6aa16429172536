package cli

import (
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"sluice/cmd/sluice/internal/run"
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// humanPolicies are the policies that people wrote for the applications of the scenarios, in the folder SLUICE_CORPUS.
var humanPolicies = []struct {
	scenario, namespace string
	folders             []string
}{
	{"online-boutique", "default", []string{"apps/online-boutique/kustomize/components/network-policies"}},
	{"argo-cd", "argocd", []string{"apps/argo-cd/base"}},
}

// TestHumanPolicies compares what people allow with what is learned, connection by connection, over everybody that the
// capture shows and some that it does not. testdata/human-policies.md has the result, and says why of every difference;
// SLUICE_UPDATE=1 writes its tables anew. Without the people's files only the column of the learned policies is held
// against it.
func TestHumanPolicies(t *testing.T) {
	file := filepath.Join("..", "..", "..", "..", "testdata", "human-policies.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	g := newGenerator(t)
	for _, app := range humanPolicies {
		var human policy.PolicySet
		corpus := os.Getenv("SLUICE_CORPUS")
		if corpus != "" {
			for _, f := range app.folders {
				human = human.Add(readHuman(t, filepath.Join(corpus, f), app.namespace).Policies...)
			}
		}
		c := compare(t, g.file(t, app.scenario, ".jsonl"), app.namespace, human)
		begin, end := "<!-- "+app.scenario+" -->\n", "<!-- end "+app.scenario+" -->\n"
		_, rest, ok := strings.Cut(doc, begin)
		table, _, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no table %q", file, app.scenario)
		}
		switch got := c.table(); {
		case corpus == "":
			if want := column(table, 3); column(got, 3) != want {
				t.Errorf("%s: learned\n%s\nwant\n%s", app.scenario, column(got, 3), want)
			}
		case os.Getenv("SLUICE_UPDATE") != "":
			doc = strings.Replace(doc, begin+table+end, begin+got+end, 1)
		case got != table:
			t.Errorf("%s: got\n%s\nwant\n%s", app.scenario, got, table)
		}
	}
	if os.Getenv("SLUICE_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// column is a column of a table, with the first two to know the rows by.
func column(table string, n int) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		if c := strings.Split(line, "|"); len(c) > n+1 {
			fmt.Fprintf(&b, "%s|%s|%s\n", c[1], c[2], c[n+1])
		}
	}
	return b.String()
}

// readHuman reads the policies below a folder, in the namespace that kustomize would fill in; other manifests lie
// beside them.
func readHuman(t *testing.T, folder, namespace string) policy.PolicySet {
	t.Helper()
	dir := t.TempDir()
	n := 0
	err := filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		var doc map[string]any
		if yaml.Unmarshal(text, &doc) != nil || doc["kind"] != "NetworkPolicy" {
			return nil
		}
		doc["metadata"].(map[string]any)["namespace"] = namespace
		if text, err = yaml.Marshal(doc); err != nil {
			return err
		}
		n++
		return os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.yaml", n)), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := run.OpenPolicies(dir, strings.NewReader(""))
	if err != nil || len(p.Problems) > 0 {
		t.Fatal(p, err)
	}
	return p.Set
}

// comparison is what two sets of policies allow each workload.
type comparison struct {
	peers []peerFacts
	ports []policy.Port
	rows  []comparedRow
}

type peerFacts struct {
	name  string
	facts eval.Facts
}

// comparedRow is one direction of one workload: by port, who may.
type comparedRow struct {
	workload       string
	direction      model.Direction
	human, learned [][]bool // by port and peer
	cut            bool     // something that worked is not learned
}

// compare learns from a capture and asks both sets about every connection.
func compare(t *testing.T, capture, namespace string, human policy.PolicySet) *comparison {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	var log strings.Builder
	root := newRoot(Streams{strings.NewReader(""), &log, &log}, &profiles{})
	root.SetArgs([]string{"learn", capture, "-n", namespace, "--out", dir, "--config", os.DevNull, "--enforce-anyway"})
	if err := root.Execute(); err != nil {
		t.Fatalf("learn: %v\n%s", err, log.String())
	}
	p, err := run.OpenPolicies(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	learned := p.Set
	in := &reading{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{capture})
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{peers: everybody(l.Graph, namespace), ports: allPorts(l.Graph, human.Add(learned.Policies...))}
	sets := [2]*eval.Evaluator{eval.New(human, eval.Cilium), eval.New(learned, eval.Cilium)}
	for _, p := range c.peers {
		if !strings.HasPrefix(p.name, namespace+"/") {
			continue
		}
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			row := comparedRow{workload: p.name, direction: d}
			row.human, row.learned = c.ask(t, sets[0], p, d), c.ask(t, sets[1], p, d)
			row.cut = c.cuts(l.Graph, &row)
			c.rows = append(c.rows, row)
		}
	}
	return c
}

// everybody is each peer of the graph, by one of its endpoints, and some that it does not have.
func everybody(g *graph.Graph, namespace string) []peerFacts {
	var out []peerFacts
	seen := map[graph.PeerID]bool{}
	for id, e := range g.Tables.Endpoints.Snapshot() {
		p := g.PeerOf[id]
		if p < 0 || seen[p] || g.Peers[p].Entities&model.Host != 0 {
			continue // a node reaches its own pods whatever policies say
		}
		seen[p] = true
		out = append(out, peerFacts{g.Peers[p].ID, eval.FactsOf(e)})
	}
	slices.SortFunc(out, func(a, b peerFacts) int { return strings.Compare(a.name, b.name) })
	stranger := func(ns string) eval.Facts {
		return eval.Facts{IsPod: true, Namespace: ns, Labels: model.MakeLabels([]string{"run=stranger"}), NamespaceLabels: model.MakeLabels([]string{policy.NamespaceName + "=" + ns})}
	}
	return append(out, peerFacts{"a new pod here", stranger(namespace)}, peerFacts{"a new pod elsewhere", stranger("elsewhere")},
		peerFacts{"another address", eval.Facts{Entities: model.World, Address: netip.MustParseAddr("192.0.2.77")}})
}

// allPorts are those of the graph and of the rules, and one that neither has.
func allPorts(g *graph.Graph, rules policy.PolicySet) []policy.Port {
	ports := []policy.Port{policy.OnePort(model.TCP, 4999)}
	for _, e := range g.Edges {
		if e.State.Worked() && e.Proto.HasPorts() {
			ports = append(ports, policy.OnePort(e.Proto, e.Port))
		}
	}
	for _, p := range rules.Policies {
		for _, r := range p.Rules {
			for _, port := range r.Ports {
				if port.First == port.Last {
					ports = append(ports, policy.OnePort(port.Proto, port.First))
				}
			}
		}
	}
	slices.SortFunc(ports, func(a, b policy.Port) int {
		return (int(a.Proto)-int(b.Proto))<<16 + int(a.First) - int(b.First)
	})
	return slices.Compact(ports)
}

// ask returns what a set allows a workload in one direction.
func (c *comparison) ask(t *testing.T, set *eval.Evaluator, subject peerFacts, d model.Direction) [][]bool {
	t.Helper()
	own := set.End(subject.facts)
	var out [][]bool
	for _, port := range c.ports {
		who := make([]bool, len(c.peers))
		for i, p := range c.peers {
			other := set.End(p.facts)
			part := set.Decide(other, own, port.Proto, port.First).Ingress
			if d == model.Egress {
				part = set.Decide(own, other, port.Proto, port.First).Egress
			}
			if part.Outcome == eval.Unknown {
				t.Errorf("%s %s %s %s: unknown for want of %s", subject.name, d, p.name, port, part.Needs)
			}
			who[i] = part.Outcome == eval.Allowed
		}
		out = append(out, who)
	}
	return out
}

// cuts reports whether an edge that worked is not among what was learned.
func (c *comparison) cuts(g *graph.Graph, r *comparedRow) bool {
	for _, e := range g.Edges {
		own, other := g.Peers[e.Dst].ID, g.Peers[e.Src].ID
		if r.direction == model.Egress {
			own, other = other, own
		}
		i := slices.Index(c.ports, policy.OnePort(e.Proto, e.Port))
		j := slices.IndexFunc(c.peers, func(p peerFacts) bool { return p.name == other })
		if own == r.workload && e.State.Worked() && i >= 0 && j >= 0 && !r.learned[i][j] {
			return true
		}
	}
	return false
}

// table prints the comparison.
func (c *comparison) table() string {
	var b strings.Builder
	b.WriteString("| workload | direction | people allow | learned | why |\n|---|---|---|---|---|\n")
	for _, r := range c.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.workload, r.direction, c.text(r, r.human), c.text(r, r.learned), c.why(r))
	}
	return b.String()
}

// text says who may on which ports, ports with the same peers together.
func (c *comparison) text(r comparedRow, allowed [][]bool) string {
	var order []string
	ports := map[string][]string{}
	for i, who := range allowed {
		name := c.names(r, who)
		if name == "" {
			continue
		}
		if ports[name] == nil {
			order = append(order, name)
		}
		ports[name] = append(ports[name], c.ports[i].String())
	}
	preposition := map[model.Direction]string{model.Ingress: " from ", model.Egress: " to "}[r.direction]
	var out []string
	for _, name := range order {
		if list := ports[name]; len(list) == len(c.ports) {
			out = append(out, "any port"+preposition+name)
		} else {
			out = append(out, strings.Join(list, ", ")+preposition+name)
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, "; ")
}

// names sums peers up; those of the workload's own namespace go by their names alone.
func (c *comparison) names(r comparedRow, who []bool) string {
	namespace, _, _ := strings.Cut(r.workload, "/")
	var out []string
	all, pods := true, true
	for i, p := range c.peers {
		if who[i] {
			out = append(out, strings.TrimPrefix(p.name, namespace+"/"))
		}
		all = all && who[i]
		pods = pods && who[i] == p.facts.IsPod
	}
	switch {
	case all:
		return "anyone"
	case pods:
		return "any pod"
	}
	return strings.Join(out, ", ")
}

// why returns the letters of the reasons for which the two columns differ, as the document explains them.
func (c *comparison) why(r comparedRow) string {
	open := true
	for _, who := range r.human {
		open = open && !slices.Contains(who, false)
	}
	letters := map[string]bool{}
	for i := range c.ports {
		used := slices.Contains(r.learned[i], true)
		for j := range c.peers {
			switch human, learned := r.human[i][j], r.learned[i][j]; {
			case human == learned:
			case learned:
				letters["E"] = true
			case open && r.direction == model.Egress:
				letters["A"] = true
			case open:
				letters["B"] = true
			case used:
				letters["C"] = true
			default:
				letters["D"] = true
			}
		}
	}
	if r.cut {
		letters["F"] = true
	}
	var out []string
	for l := range letters {
		out = append(out, l)
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "the same"
	}
	return strings.Join(out, ", ")
}
