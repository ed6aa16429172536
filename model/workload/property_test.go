package workload

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/model"
)

// world is a random log of pods: some owned, some with poor labels, some with none.
type world struct {
	eps  []model.Endpoint
	pods [][]string
}

// app is one application of a world: what does not change when it is rolled out.
type app struct {
	namespace, cluster string
	owner              model.Owner
	labels             []string
	replicas           int
	unowned            bool
}

func randomApps(r *rand.Rand) []app {
	var out []app
	for i := range 1 + r.IntN(12) {
		a := app{namespace: fmt.Sprintf("ns%d", r.IntN(2)), replicas: 1 + r.IntN(3), unowned: r.IntN(3) == 0}
		if r.IntN(10) == 0 {
			a.cluster = "east"
		}
		a.owner = model.Owner{Kind: []string{"ReplicaSet", "StatefulSet", "DaemonSet", "CronJob", "Job"}[r.IntN(5)], Name: fmt.Sprintf("app%c", 'a'+i)}
		for _, k := range []string{"app.kubernetes.io/name", "app.kubernetes.io/component", "app", "tier", "team", "site"} {
			if r.IntN(3) == 0 {
				a.labels = append(a.labels, fmt.Sprintf("%s=x%d", k, r.IntN(4)))
			}
		}
		out = append(out, a)
	}
	return out
}

// rollout makes the endpoints of the applications as one generation of their pods shows them.
func rollout(apps []app, generation int) *world {
	w := &world{}
	for i, a := range apps {
		hash := "bcdf" + strings.Repeat("2456789"[generation:generation+1], 4) + string(safeAlphabet[i])
		for n := range a.replicas {
			e := model.Endpoint{Kind: model.KindPod, Namespace: a.namespace, Cluster: a.cluster, Owner: a.owner}
			kv := slices.Clone(a.labels)
			kv = append(kv, "version=1."+fmt.Sprint(generation), "helm.sh/chart=c-"+fmt.Sprint(generation))
			name := fmt.Sprintf("%s-%d", a.owner.Name, n)
			switch a.owner.Kind {
			case "ReplicaSet":
				e.Owner.Name += "-" + hash
				kv = append(kv, "pod-template-hash="+hash)
				name = fmt.Sprintf("%s-%s-x2x4%c", a.owner.Name, hash, safeAlphabet[n])
			case "StatefulSet":
				kv = append(kv, "statefulset.kubernetes.io/pod-name="+name)
			case "CronJob":
				e.Owner = model.Owner{Kind: "Job", Name: fmt.Sprintf("%s-2839%04d", a.owner.Name, generation)}
				kv = append(kv, "job-name="+e.Owner.Name)
			}
			if a.unowned {
				e.Owner = model.Owner{}
			}
			if a.unowned && len(a.labels) == 0 && n == 0 {
				e.Name, kv = name, nil
			}
			e.Labels = model.MakeLabels(kv)
			w.eps = append(w.eps, e)
			w.pods = append(w.pods, []string{name})
			if e.Owner.Name != "" && n == 1 { // as records of another node have it
				e.Owner = model.Owner{}
				w.eps = append(w.eps, e)
				w.pods = append(w.pods, []string{name})
			}
		}
	}
	return w
}

func (w *world) build() *Set {
	return Build(each(w.eps), func(i int) []string { return w.pods[i] }, Config{})
}

func worlds(t *testing.T, check func(t *testing.T, r *rand.Rand, apps []app)) {
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 7))
		check(t, r, randomApps(r))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	worlds(t, func(t *testing.T, r *rand.Rand, apps []app) {
		w := rollout(apps, 0)
		want := w.build()
		p := r.Perm(len(w.eps))
		shuffled := &world{}
		for _, i := range p {
			shuffled.eps = append(shuffled.eps, w.eps[i])
			shuffled.pods = append(shuffled.pods, w.pods[i])
		}
		got := shuffled.build()
		ids := map[string]bool{}
		for _, g := range got.Workloads {
			if ids[g.ID] {
				t.Errorf("two workloads are %s", g.ID)
			}
			ids[g.ID] = true
		}
		if d := cmp.Diff(got.Workloads, want.Workloads, cmpopts.IgnoreUnexported(Workload{})); d != "" {
			t.Errorf("-got +want\n%s", d)
		}
		for i := range got.Workloads {
			a, b := &got.Workloads[i], &want.Workloads[i]
			if d := cmp.Diff(a.Separates(), b.Separates()) + cmp.Diff(a.Dropped(), b.Dropped()); d != "" {
				t.Errorf("%s: -got +want\n%s", a.ID, d)
			}
		}
		for k, i := range p {
			if got.Of(k) != want.Of(i) {
				t.Errorf("endpoint %d is of %d, shuffled of %d", i, want.Of(i), got.Of(k))
			}
		}
	})
}

var dns1123 = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func TestSelectorsAreExact(t *testing.T) {
	chosen, refused := 0, 0
	worlds(t, func(t *testing.T, _ *rand.Rand, apps []app) {
		w := rollout(apps, 0)
		s := w.build()
		ids := map[string]bool{}
		for k, x := range s.Workloads {
			if ids[x.ID] || !dns1123.MatchString(x.Name) {
				t.Errorf("id %q, name %q", x.ID, x.Name)
			}
			ids[x.ID] = true
			if (len(x.Selector) == 0) != (x.Refusal != "") {
				t.Errorf("%s: selector %v, refusal %q", x.ID, x.Selector, x.Refusal)
			}
			if len(x.Selector) == 0 {
				refused++
				continue
			}
			chosen++
			for i, e := range w.eps {
				same := e.Namespace == x.Namespace && (x.Cluster == "" || e.Cluster == x.Cluster)
				if !same || len(e.Labels) == 0 {
					continue
				}
				if got := selects(x.Selector, e.Labels); got != (s.Of(i) == k) {
					t.Errorf("%s %v matches %v: %v, of %d", x.ID, x.Selector, e.Labels, got, s.Of(i))
				}
			}
		}
		for i := range w.eps {
			isRefused := slices.ContainsFunc(s.Refused, func(r Refusal) bool { return r.Endpoint == i })
			if isRefused != (s.Of(i) < 0) {
				t.Errorf("endpoint %d: refused %v, of %d", i, isRefused, s.Of(i))
			}
		}
	})
	t.Logf("%d selectors, %d workloads refused", chosen, refused)
}

// One generation of pods, the next, and both in one log give the same names and selectors.
func TestRolloutsChangeNothing(t *testing.T) {
	worlds(t, func(t *testing.T, _ *rand.Rand, apps []app) {
		a, b := rollout(apps, 0), rollout(apps, 1)
		both := &world{append(slices.Clone(a.eps), b.eps...), append(slices.Clone(a.pods), b.pods...)}
		want := text(a.build())
		if d := cmp.Diff(text(b.build()), want); d != "" {
			t.Errorf("next generation: -got +want\n%s", d)
		}
		if d := cmp.Diff(text(both.build()), want); d != "" {
			t.Errorf("both generations: -got +want\n%s", d)
		}
	})
}

// The search is compared with trying every subset.
func TestSelectorIsSmallest(t *testing.T) {
	keys := append(slices.Clone(preferred), "alpha", "beta", "gamma")
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		set := func() (out model.Labels) {
			for _, k := range keys {
				if r.IntN(2) == 0 {
					out = append(out, fmt.Sprintf("%s=%d", k, r.IntN(2)))
				}
			}
			return model.MakeLabels(out)
		}
		own := set()
		var others []model.Labels
		for range r.IntN(8) {
			if o := set(); !contains(o, own) {
				others = append(others, o)
			}
		}
		groups := []*group{{sets: []model.Labels{own}}}
		for _, o := range others {
			groups = append(groups, &group{sets: []model.Labels{o}})
		}
		got := newSetIndex(groups).selectorFor(own, "", 0)
		if want := bruteCost(own, others); cost(got) != want && len(own) > 0 {
			t.Fatalf("seed %d: %v costs %v, want %v", seed, got, cost(got), want)
		}
		for _, o := range others {
			if contains(o, got) {
				t.Fatalf("seed %d: %v selects %v", seed, got, o)
			}
		}
	}
}

// TestSetIndex: an index finds what looking at every set finds, of labels that many sets have and of others.
func TestSetIndex(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 11))
		var groups []*group
		for i := range 1 + r.IntN(200) {
			g := &group{}
			for range 1 + r.IntN(2) {
				set := []string{fmt.Sprintf("own=%d", i/2)}
				for k := range 4 {
					if v := r.IntN(4); v > 0 {
						set = append(set, fmt.Sprintf("k%d=%d", k, v))
					}
				}
				g.sets = append(g.sets, model.MakeLabels(set))
			}
			groups = append(groups, g)
		}
		x := newSetIndex(groups)
		for range 20 {
			from := r.IntN(len(x.sets))
			set := x.sets[from]
			labels := set[:1+r.IntN(len(set))]
			var want []int
			for i, s := range x.sets {
				if contains(s, labels) {
					want = append(want, i)
				}
			}
			if got := slices.Collect(x.having(labels)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %v: %v, want %v", seed, labels, got, want)
			}
			open := x.open(labels, x.group[from])
			for _, kv := range x.sets[r.IntN(len(x.sets))] {
				wantOpen, wantBoth := bitSet(make([]uint64, len(open))), bitSet(make([]uint64, len(open)))
				for i, s := range x.sets {
					if x.group[i] == x.group[from] || !contains(s, labels) {
						continue
					}
					wantOpen.add(i)
					if contains(s, model.Labels{kv}) {
						wantBoth.add(i)
					}
				}
				both := slices.Clone(open)
				x.narrow(both, kv)
				if n := x.common(open, kv); n != wantBoth.count() || !slices.Equal(open, wantOpen) || !slices.Equal(both, wantBoth) {
					t.Fatalf("seed %d: %v and %s: %v, %v, %d", seed, labels, kv, open, both, n)
				}
			}
		}
	}
}

// cost orders selectors: labels outside the preferred ones, then labels.
func cost(sel []string) [2]int {
	n := 0
	for _, l := range sel {
		if rank(key(l)) == lastRank {
			n++
		}
	}
	return [2]int{n, len(sel)}
}

func bruteCost(own model.Labels, others []model.Labels) [2]int {
	best := [2]int{99, 99}
	for mask := 1; mask < 1<<len(own); mask++ {
		var sel []string
		forced := true
		for i, l := range own {
			if mask>>i&1 == 1 {
				sel = append(sel, l)
			} else if rank(key(l)) <= 1 {
				forced = false
			}
		}
		if !forced || slices.ContainsFunc(others, func(o model.Labels) bool { return contains(o, sel) }) {
			continue
		}
		if c := cost(sel); c[0] < best[0] || c[0] == best[0] && c[1] < best[1] {
			best = c
		}
	}
	return best
}
