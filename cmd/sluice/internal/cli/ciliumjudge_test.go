//go:build conformance

package cli

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/eval/ciliumtest"
	"sluice/synth/eval/judgetest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// TestCiliumBundles: what the bundles of Hubble's records enforce and stage, Cilium's engine decides as eval does, for
// every connection in the log and for random ones between everything in it; the API server and the agent take every
// file.
func TestCiliumBundles(t *testing.T) {
	g := newGenerator(t)
	for _, c := range []struct {
		scenario, cluster string
		namespaces        []string
	}{
		{"online-boutique", "demo", []string{"default"}}, {"argo-cd", "demo", []string{"argocd"}}, {"standard", "default", []string{"shop", "ci"}},
		{"features", "demo", []string{"shop", "batch"}}, {"features", "demo", nil}, {"mesh", "near", []string{"shop"}}, {"sixty", "sixty", nil},
	} {
		flows := g.file(t, c.scenario, ".judged", "-format", "hubble")
		for _, dialect := range []string{"kubernetes", "cilium", "cluster", inBaseline} {
			if c.scenario == "sixty" && strings.HasPrefix(dialect, "cluster") {
				continue // its size says nothing new about tiers
			}
			t.Run(fmt.Sprint(c.scenario, "/", dialect, c.namespaces), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "bundle")
				learnBundle(t, dir, flows, dialect, c.cluster, c.namespaces)
				judgeFiles(t, dir, dialect)
				if dialect == "cilium" || dialect == inBaseline { // they need nothing that opens first
					judgeForm(t, flows, dir, c.cluster, "allow")
				} else {
					judgeForm(t, flows, dir, c.cluster, "open", "allow", "deny")
				}
				judgeForm(t, flows, dir, c.cluster, "allow", "deny")
			})
		}
	}
}

// inBaseline is the dialect cluster with everything in the tier Baseline.
const inBaseline = "cluster, in Baseline"

// namedNetworks are where the scenarios have addresses outside the cluster.
const namedNetworks = `networks:
- {name: clients, cidrs: [198.51.100.0/24, "2001:db8::/48"]}
- {name: payments, cidrs: [203.0.113.40/29, "2001:db8:44::/48"]}
- {name: pub, cidrs: [192.0.2.0/24]}
`

// learnBundle writes a bundle. One of all namespaces has what only some dialects have: named networks, and a default
// deny for namespaces to come.
func learnBundle(t *testing.T, dir, flows, dialect, cluster string, namespaces []string) {
	t.Helper()
	word, _, baseline := strings.Cut(dialect, ",")
	args := []string{"learn", flows, "--out", dir, "--dialect", word, "--enforce-anyway", "--fail-on", "lost,escaped"}
	if cluster == "near" {
		args = append(args, "--cluster", cluster)
	}
	text := ""
	if baseline {
		text = "clusterPolicies: {baseline: true}\n"
	}
	if len(namespaces) == 0 {
		text += namedNetworks
		if args = append(args, "-A"); dialect == "cilium" || dialect == "calico" {
			args = append(args, "--global-deny")
		}
	}
	config := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(args, "--config", config)
	for _, n := range namespaces {
		args = append(args, "-n", n)
	}
	var out strings.Builder
	root := newRoot(Streams{strings.NewReader(""), &out, &out}, &profiles{})
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// policyTexts returns the files of one form of a bundle that hold objects.
func policyTexts(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".yaml" || d.Name() == "kustomization.yaml" {
			return err
		}
		text, err := os.ReadFile(file)
		out = append(out, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func judgeFiles(t *testing.T, dir, dialect string) {
	t.Helper()
	if dialect != "cilium" {
		return // the schemas of other kinds are not among Cilium's
	}
	var texts []string
	for _, form := range []string{"allow", "deny"} {
		texts = append(texts, policyTexts(t, filepath.Join(dir, form))...)
	}
	for i, complaints := range ciliumtest.Complaints(t, texts) {
		if len(complaints) > 0 {
			t.Errorf("%v\n%s", complaints, texts[i])
		}
	}
	t.Logf("%d files taken", len(texts))
}

// formsAndFlows returns what some directories of a bundle hold together, as texts and as a set, and what the flows
// show.
func formsAndFlows(t *testing.T, flows, dir string, forms []string) ([]string, policy.PolicySet, *graph.Graph) {
	t.Helper()
	var objects []string
	for _, form := range forms {
		objects = append(objects, policyTexts(t, filepath.Join(dir, form))...)
	}
	set, problems := render.Parse(strings.NewReader(strings.Join(objects, "\n---\n")), dir, all.Kinds()...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in := &reading{workers: 2, quiet: true, config: os.DevNull}
	l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{flows})
	if err != nil {
		t.Fatal(err)
	}
	return objects, set, l.Graph
}

// judgeForm compares verdicts on what some directories of a bundle hold together.
func judgeForm(t *testing.T, flows, dir, cluster string, forms ...string) {
	t.Helper()
	var w ciliumtest.World
	objects, set, g := formsAndFlows(t, flows, dir, forms)
	w.Objects = objects
	at := ends(g, cluster, &w)
	logged := connections(g, at, &w)
	asked := w
	asked.Ends = slices.Clone(w.Ends)
	for i := range asked.Ends {
		if !asked.Ends[i].Foreign {
			asked.Ends[i].Cluster = ""
		}
	}
	answer := ciliumtest.Ask(t, []ciliumtest.World{asked})[0]
	if why := judgetest.Refused(answer.Objects); why != "" {
		t.Error(why)
	}
	e := eval.New(set, eval.Cilium)
	prepared := make([]*eval.End, len(w.Ends))
	for i := range w.Ends {
		prepared[i] = e.End(w.Ends[i])
	}
	compared, denied, differ, open := 0, 0, 0, 0
	allowed := make([]bool, len(logged))
	for i, c := range w.Connections {
		if i < len(logged) {
			allowed[i] = true
		}
		d := e.Decide(prepared[c.From], prepared[c.To], c.Proto, c.Port)
		for side, part := range []eval.Part{d.Egress, d.Ingress} {
			end, theirs := &w.Ends[[2]int{c.From, c.To}[side]], [2]string{answer.Verdicts[i].Egress, answer.Verdicts[i].Ingress}[side]
			if !end.IsPod || end.Foreign {
				continue
			}
			if i < len(logged) && theirs == "deny" {
				allowed[i] = false
			}
			if part.Outcome == eval.Unknown && (nowhere(&w.Ends[c.From]) || nowhere(&w.Ends[c.To])) {
				open++ // the log has no address of an API server outside
				continue
			}
			if part.Outcome == eval.Unknown && slices.ContainsFunc(set.Policies, func(p policy.Policy) bool { return p.Around() }) {
				open++ // a rule for names depends on the ports of who is asked, one for every address on its family
				continue
			}
			if compared++; part.Outcome == eval.Denied {
				denied++
			}
			if want := map[string]eval.Outcome{"allow": eval.Allowed, "deny": eval.Denied}[theirs]; part.Outcome != want {
				if differ++; differ < 4 {
					t.Errorf("%v: %+v -> %+v %d/%s: eval says %s, the engine %s", forms, w.Ends[c.From], w.Ends[c.To], c.Port, c.Proto, e.Why(d), theirs)
				}
			}
		}
	}
	if compared == 0 {
		t.Errorf("%v: nothing was compared", forms)
	}
	judgeReplay(t, g, set, verify.Config{Semantics: eval.Cilium, Cluster: cluster}, logged, allowed)
	t.Logf("%v: %d policies, %d ends, %d verdicts compared, %d denied, %d differ; %d not known", forms, len(set.Policies), len(w.Ends), compared, denied, differ, open)
}

// judgeReplay compares what verify says of some of a log's connections, by their index, with whether an engine allows
// them: what is permitted or has escaped it allows, and denies what is lost or rejected.
func judgeReplay(t *testing.T, g *graph.Graph, set policy.PolicySet, cfg verify.Config, logged []int, allowed []bool) {
	t.Helper()
	in := map[string]bool{}
	for _, p := range set.Policies {
		in[p.Namespace] = true
	}
	replayed, err := verify.Replay(t.Context(), g, set, cfg)
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for i, k := range logged {
		c, v := &g.Connections[k], replayed.Verdicts[k]
		inside := in[""] || in[g.Tables.Endpoints.Get(c.Src).Namespace] || in[g.Tables.Endpoints.Get(c.Dst).Namespace]
		if v == verify.Unproven || v == verify.Rejected && !inside {
			continue // what was denied between others stays so, whatever the set lacks
		}
		if passes := v == verify.Permitted || v == verify.Escaped; passes != allowed[i] {
			if differ++; differ < 4 {
				t.Errorf("%s: verify says %s, the engine allows it: %v", replayed.Why(k), v, allowed[i])
			}
		}
	}
	t.Logf("%d connections replayed, %d differ", len(logged), differ)
}

// nowhere reports whether an end is outside, and the log does not say at which address.
func nowhere(f *eval.Facts) bool { return f.Entities&model.World != 0 && !f.Address.IsValid() }

// ends takes every endpoint of a log that the engine can know into a world, and gives where each is.
func ends(g *graph.Graph, own string, w *ciliumtest.World) map[model.EndpointID]int {
	at := map[model.EndpointID]int{}
	for _, c := range g.Connections {
		for _, id := range []model.EndpointID{c.Src, c.Dst} {
			if _, ok := at[id]; ok {
				continue
			}
			f := eval.FactsOf(g.Tables.Endpoints.Get(id))
			if f.IsPod && (f.LabelsUnknown || f.Namespace == "") || !f.IsPod && f.Entities == 0 ||
				f.Entities&model.UnknownEntity != 0 || masked(g, id) {
				continue
			}
			f.Foreign = f.Cluster != "" && f.Cluster != own
			if f.Address.IsValid() && f.Names == nil {
				f.Names = []string{}
			}
			at[id] = len(w.Ends)
			w.Ends = append(w.Ends, f)
		}
	}
	return at
}

// masked reports whether the log shows something else at an end's address: no engine is told where it is.
func masked(g *graph.Graph, id model.EndpointID) bool {
	return g.PeerOf[id] >= 0 && g.Peers[g.PeerOf[id]].Masked()
}

// connections asks about those of a log, whose indices it returns, and about at least as many random ones on the ports
// of the log.
func connections(g *graph.Graph, at map[model.EndpointID]int, w *ciliumtest.World) []int {
	r := rand.New(rand.NewPCG(3, 5))
	var logged []int
	for i, c := range g.Connections {
		_, ok := at[c.Src]
		_, also := at[c.Dst]
		named := len(g.Edges[c.Edge].Names) == 0 || len(g.Tables.Endpoints.Get(c.Dst).Names) > 0 // as verify has it
		if ok && also && named && c.Port != 0 && c.Proto != 0 {
			logged = append(logged, i)
		}
	}
	r.Shuffle(len(logged), func(i, j int) { logged[i], logged[j] = logged[j], logged[i] })
	logged = logged[:min(len(logged), 1500)]
	for _, i := range logged {
		c := &g.Connections[i]
		asked := ciliumtest.Connection{From: at[c.Src], To: at[c.Dst], Proto: c.Proto, Port: c.Port}
		w.Connections = append(w.Connections, asked)
	}
	for range max(len(logged), min(400, 400*len(logged))) {
		c := w.Connections[r.IntN(len(logged))]
		c.From, c.To = r.IntN(len(w.Ends)), r.IntN(len(w.Ends))
		w.Connections = append(w.Connections, c)
	}
	return logged
}
