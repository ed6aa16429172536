package bundle_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

const flows = `
shop/web -> shop/db 5432/tcp times=3 src=web-1
shop/web -> shop/db 5432/tcp hour=2
shop/web -> kube-system/{k8s-app=kube-dns} 53/udp
shop/db -> kube-system/{k8s-app=kube-dns} 53/udp
ingress/nginx -> shop/web 8080/tcp
shop/web -> 192.0.2.9 443/tcp
jobs/cron -> jobs/queue 6379/tcp
jobs/cron -> jobs/queue 8/icmp
jobs/cron -> entity:kube-apiserver 6443/tcp
entity:remote-node -> shop/web 8080/tcp
shop/rogue -> shop/db 5432/tcp denied
`

func write(t *testing.T, dir string, cfg synth.Config, lines ...string) verify.Report {
	t.Helper()
	g := graphtest.Graph(t, lines...)
	if cfg.Resolver == nil {
		cfg.Resolver = &synth.Resolver{None: true}
	}
	if cfg.Dialect == nil {
		cfg.Dialect = kubernetes.Dialect{}
	}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: eval.Cilium,
		WriteEvidence: func(dir string) error {
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "rows"), []byte("rows"), 0o644)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return rep.Report
}

// tree reads all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	rep := write(t, dir, synth.Config{Namespaces: []string{"shop", "jobs"}}, flows)
	if rep.Connections[verify.Lost] > 0 || rep.Over.Count > 0 {
		t.Errorf("%+v", rep)
	}
	files := tree(t, dir)
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	want := strings.Fields(`.gitattributes .gitignore REPORT.md REVIEW.md
allow/jobs/REVIEW.md allow/jobs/cron.yaml allow/jobs/kustomization.yaml allow/jobs/queue.yaml
allow/jobs/sluice-open-cron-egress.yaml allow/jobs/sluice-open-queue-ingress.yaml allow/kustomization.yaml
allow/shop/REVIEW.md allow/shop/db.yaml allow/shop/dns.yaml allow/shop/kustomization.yaml allow/shop/sluice-open-web-ingress.yaml
allow/shop/web.yaml
bundle.json
deny/jobs/default-deny.yaml deny/jobs/kustomization.yaml
deny/kustomization.yaml deny/shop/default-deny.yaml deny/shop/kustomization.yaml
enforce/jobs/kustomization.yaml enforce/kustomization.yaml enforce/shop/kustomization.yaml
evidence/FILES evidence/rows
layout.json
open/jobs/kustomization.yaml open/jobs/sluice-open.yaml open/kustomization.yaml
open/shop/kustomization.yaml open/shop/sluice-whole-db.yaml open/shop/sluice-whole-web.yaml
picture.svg
report.json`)
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for name, want := range map[string]string{
		"enforce/shop/kustomization.yaml":         "- ../../allow/shop\n- ../../deny/shop\nsortOptions:\n  order: fifo\n",
		"enforce/kustomization.yaml":              "- jobs\n- shop\n",
		"allow/shop/kustomization.yaml":           "- sluice-open-web-ingress.yaml\n- db.yaml\n",
		"deny/shop/default-deny.yaml":             "policyTypes: [Ingress, Egress]\n",
		"allow/shop/sluice-open-web-ingress.yaml": "  podSelector:\n    matchLabels:\n      app: web\n  policyTypes: [Ingress]\n",
		"open/kustomization.yaml":                 "- jobs\n- shop\n",
		"REVIEW.md":                               "| shop | nothing seen would be blocked, 1 workload held open in part | nothing seen would be blocked (already isolated) |",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, files[name])
		}
	}
}

// TestReviewStaysShort: what was learned from is told apart from what was only seen, and a rule with thousands of ports
// does not fill the page.
func TestReviewStaysShort(t *testing.T) {
	lines := graphtest.Lines("shop/rogue -> shop/db 5432/tcp denied", "shop/pod:x -> shop/db 5432/tcp")
	for p := 2000; p < 4000; p += 2 {
		lines = append(lines, fmt.Sprintf("shop/web -> shop/db %d/tcp", p))
	}
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{All: true}, lines...)
	text := tree(t, dir)["REVIEW.md"]
	if !strings.Contains(text, "Learned from 1000 edges that worked, 1 denied, 1 refused.") {
		t.Error(text[:500])
	}
	// What others do among themselves is not what was learned from, and changes no line.
	dir = filepath.Join(t.TempDir(), "shop")
	write(t, dir, synth.Config{Namespaces: []string{"shop"}}, append(lines, "pay/api -> pay/db 5432/tcp")...)
	if beside := tree(t, dir)["REVIEW.md"]; !strings.Contains(beside, "Learned from 1000 edges that worked, 1 denied, 1 refused.") {
		t.Error(beside[:500])
	}
	for _, l := range strings.Split(text, "\n") {
		if len(l) > 1000 {
			t.Errorf("a line of %d bytes: %s", len(l), l[:100])
		}
	}
}

// TestReadsWhatIsApplied: a policy counts where the lists that kubectl apply -k follows have it, and what they have
// beside the bundle's own is named.
func TestReadsWhatIsApplied(t *testing.T) {
	for _, c := range []struct{ file, old, new, missing, want string }{
		{"deny/shop/kustomization.yaml", "- default-deny.yaml\n", "", "default-deny",
			"unsupported deny/shop/default-deny.yaml: kustomization.yaml does not list it, so that it is not applied"},
		{"allow/shop/kustomization.yaml", "- web.yaml\n", "", "web", "unsupported allow/shop/web.yaml: kustomization.yaml does not list it, so that it is not applied"},
		{"allow/shop/kustomization.yaml", "- web.yaml\n", "- web.yaml\n- ../../other\n", "", "unsupported allow/shop/kustomization.yaml: it lists ../../other, which is not of this bundle"},
		{"allow/shop/kustomization.yaml", "- web.yaml\n", "- web.yaml\n- xyz.yaml\n", "", "note allow/shop/xyz.yaml: it is not there, and kustomization.yaml lists it: applying fails"},
		{"deny/kustomization.yaml", "- shop\n", "- sho\n", "", "note deny/shop: deny/kustomization.yaml does not list it, so that applying deny leaves it out"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		write(t, dir, synth.Config{All: true}, graphtest.Lines(flows)...)
		name := filepath.Join(dir, c.file)
		text := tree(t, dir)[c.file]
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s lacks %q: %s", c.file, c.old, text)
		}
		if err := os.WriteFile(name, []byte(strings.Replace(text, c.old, c.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		set, problems, err := bundle.Policies(dir, bundle.Enforced, kubernetes.Dialect{}.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range problems {
			got += p.Severity.String() + " " + p.Error()
		}
		has := slices.ContainsFunc(set.Policies, func(p policy.Policy) bool { return p.Namespace == "shop" && p.Name == c.missing })
		if got != c.want || has {
			t.Errorf("%s: problems %q, want %q; %s read: %v", c.file, got, c.want, c.missing, has)
		}
	}
}

// TestReadDamaged: a manifest that contradicts itself is refused.
func TestReadDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{All: true}, graphtest.Lines("shop/web -> shop/db 1/tcp")...)
	text := strings.Replace(tree(t, dir)["bundle.json"], "\"edges\": [\n        0", "\"edges\": [\n        7", 1)
	if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Read(dir); err == nil || !strings.Contains(err.Error(), "names edge 7 of 1") {
		t.Errorf("error %v", err)
	}
}

// TestSameBytes: the order of the records changes no byte of the bundle.
func TestSameBytes(t *testing.T) {
	lines := graphtest.Lines(flows)
	cfg := synth.Config{All: true}
	write(t, filepath.Join(t.TempDir(), "x"), cfg, lines...)
	first := ""
	var want map[string]string
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		dir := filepath.Join(t.TempDir(), "out")
		write(t, dir, cfg, lines...)
		if first == "" {
			first, want = dir, tree(t, dir)
		}
		if d := cmp.Diff(want, tree(t, dir)); d != "" {
			t.Fatalf("seed %d: -first +now\n%s", seed, d)
		}
	}
}

// TestSameYAML: more of the same traffic changes no policy, and one new edge only those of its two ends.
func TestSameYAML(t *testing.T) {
	yaml := func(more string) map[string]string {
		dir := filepath.Join(t.TempDir(), "out")
		write(t, dir, synth.Config{All: true}, flows, more)
		files := tree(t, dir)
		for n := range files {
			if !strings.HasSuffix(n, ".yaml") {
				delete(files, n)
			}
		}
		return files
	}
	base := yaml("")
	if d := cmp.Diff(base, yaml("shop/web -> shop/db 5432/tcp hour=7 times=50")); d != "" {
		t.Errorf("more of the same: %s", d)
	}
	var changed []string
	for n, text := range yaml("jobs/queue -> shop/db 5432/tcp") {
		if base[n] != text {
			changed = append(changed, n)
		}
	}
	slices.Sort(changed)
	if d := cmp.Diff([]string{"allow/jobs/queue.yaml", "allow/shop/db.yaml", "open/shop/sluice-whole-db.yaml"}, changed); d != "" {
		t.Errorf("one new edge: -want +got\n%s", d)
	}
}

func TestPlace(t *testing.T) {
	root := t.TempDir()
	cfg := synth.Config{Namespaces: []string{"shop"}}
	dir := filepath.Join(root, "a", "b")
	write(t, dir, cfg, "shop/a -> shop/b 1/tcp\nshop/c -> shop/b 1/tcp")
	write(t, dir, cfg, "shop/a -> shop/b 1/tcp")
	if files := tree(t, dir); files["allow/shop/c.yaml"] != "" || files["allow/shop/a.yaml"] == "" {
		t.Error("the former bundle was not replaced")
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
	m, err := bundle.Read(dir)
	if err != nil || len(m.Rules) != 2 || len(m.Edges) != 1 || m.Edges[0].Source != "shop/a" {
		t.Errorf("manifest %+v, %v", m, err)
	}
	foreign := filepath.Join(root, "foreign")
	if err := os.MkdirAll(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := bundle.Check(foreign, false); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "precious.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := bundle.Check(foreign, false); err == nil || !strings.Contains(err.Error(), "neither empty nor a former bundle") {
		t.Errorf("a foreign directory: %v", err)
	}
}

// TestHostile: names out of a log are text, wherever they end up.
func TestHostile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{All: true}, `
		../../x/{app=y} -> shop/web 1/tcp
		shop/web -> shop/{app=<script>alert(1)</script>|`+"`"+`} 2/tcp
		shop/pod:<img|src=x>[a](b) -> shop/web 3/tcp
		shop/web -> shop/db 4/tcp`)
	files := tree(t, dir)
	for n, text := range files {
		if strings.Contains(n, "..") || strings.Contains(text, "<script>") || strings.HasSuffix(n, ".md") && (strings.Contains(text, "<img") || strings.Contains(text, "[a](b)")) {
			t.Errorf("%s:\n%s", n, text)
		}
	}
	if files["allow/shop/db.yaml"] == "" {
		t.Error("the harmless edge was not learned")
	}
}

// TestKustomize: every directory of a bundle that a person is told to apply builds.
func TestKustomize(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	dir := filepath.Join(t.TempDir(), "out")
	write(t, dir, synth.Config{Namespaces: []string{"shop", "jobs"}}, flows)
	for sub, want := range map[string]int{"open": 3, "allow": 8, "deny": 2, "enforce": 10, "open/jobs": 1, "enforce/shop": 5} {
		out, err := exec.Command(kubectl, "kustomize", filepath.Join(dir, sub)).CombinedOutput()
		if n := strings.Count("\n"+string(out), "\nkind: NetworkPolicy"); err != nil || n != want {
			t.Errorf("%s: %d policies, want %d: %v\n%s", sub, n, want, err, out)
		}
	}
}

// TestStatusFollowsVerdict: a direction in which the written policies would block what worked is not denied, whatever
// was thought of it before.
func TestStatusFollowsVerdict(t *testing.T) {
	g := graphtest.Graph(t, "shop/web -> shop/db 5432/tcp", "shop/web -> kube-system/{k8s-app=kube-dns} 53/udp")
	cfg := synth.Config{Namespaces: []string{"shop"}, Dialect: kubernetes.Dialect{}}
	r, err := synth.Synthesize(t.Context(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Policies.Policies {
		if p := &r.Policies.Policies[i]; p.Name == "db" {
			p.Rules = nil // as if it had been lost on the way
		}
	}
	dir := filepath.Join(t.TempDir(), "out")
	rep, err := bundle.Write(t.Context(), dir, bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: eval.Spec})
	if err != nil {
		t.Fatal(err)
	}
	files := tree(t, dir)
	e := r.Enforce["shop"]
	if e.Ingress != synth.Losing || e.Egress != synth.Proven || rep.Connections[verify.Lost] > 0 {
		t.Errorf("%v %v, %d lost", e.Ingress, e.Egress, rep.Connections[verify.Lost])
	}
	for name, want := range map[string]string{
		"deny/shop/default-deny.yaml": "policyTypes: [Egress]\n",
		"REVIEW.md":                   "| not yet: 1 would be lost | nothing seen would be blocked |",
		"bundle.json":                 `"ingressStatus": "lost"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, files[name])
		}
	}
}
