// Package applytest plays kubectl on the files of a bundle: it carries out the commands that the bundle tells a
// person to type, every one in all its halves, and asks the evaluator after each what still works. It is for tests
// only, and knows of kubectl what those commands need.
package applytest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/model/graph"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Run types what the bundle in dir says to type, into a cluster that may have an earlier one in force. A command is a
// set of changes, and what worked before it must work whichever of them have happened. When it comes to the step that
// enforces, nothing must be denied in namespaces that nothing isolates today. In the end the cluster has the policies
// that the bundle is verified by, and the commands that undo open each namespace again.
func Run(t *testing.T, c Cluster, dir string, g *graph.Graph, sem eval.Semantics, d render.Dialect) {
	t.Helper()
	m, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{
		t:     t,
		m:     m,
		how:   d.Rollout(),
		kinds: d.Kinds(),
		sem:   sem,
		state: maps.Clone(c),
		rnd:   rand.New(rand.NewPCG(1, 1)),
	}
	if r.state == nil {
		r.state = Cluster{}
	}
	end, problems, err := bundle.Policies(dir, bundle.Enforced, r.kinds)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	r.see(g, end)
	way, undo, remove := commands(bundle.Next(m, r.how, dir, bundle.Again{}))
	if len(undo) == 0 {
		t.Log("nothing to enforce")
		return
	}
	for _, command := range way {
		r.early(undo, command)
		r.command(command)
	}
	r.complete(end)
	if c != nil {
		clear(c)
		maps.Copy(c, r.state)
	}
	for _, command := range undo {
		r.command(command)
	}
	r.undone(undo)
	for _, command := range remove {
		r.command(command)
	}
	r.removed(undo)
	t.Logf("%d commands, %d states, %d connections", r.typed, r.states, len(r.connections))
}

// commands are those of a text: of the way into the cluster, of the undo, and of what takes away the rest.
func commands(text string) (way, undo, remove []string) {
	list := &way
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "     "); ok {
			*list = append(*list, strings.TrimSuffix(command, " &&"))
			continue
		}
		switch _, what, _ := strings.Cut(line, ". "); {
		case strings.HasPrefix(what, "Undo: "):
			list = &undo
		case strings.HasPrefix(what, "Remove "):
			list = &remove
		}
	}
	return way, undo, remove
}

// early wants that the undo does its work as well where a command of the way is half through.
func (r *run) early(undo []string, command string) {
	r.t.Helper()
	lists, err := r.changes(command)
	if err != nil {
		r.t.Fatalf("%s: %v", command, err)
	}
	before := r.state
	defer func() { r.state = before }()
	for _, list := range lists {
		half := list[:(len(list)+1)/2]
		if len(half) == 0 {
			continue
		}
		r.state = maps.Clone(before)
		for i := range half {
			half[i].make(r.state)
		}
		for _, c := range undo {
			lists, err := r.changes(c)
			if err != nil {
				r.t.Fatalf("after half of %s, %s: %v", command, c, err)
			}
			for _, ch := range slices.Concat(lists...) {
				ch.make(r.state)
			}
		}
		r.undone(undo)
	}
}

// run is one way into a cluster.
type run struct {
	t     *testing.T
	m     *bundle.Manifest
	how   render.Rollout
	kinds render.Kinds
	sem   eval.Semantics
	state Cluster
	rnd   *rand.Rand

	facts       []eval.Facts
	connections []connection // that worked
	strangers   []stranger   // that nobody saw
	enforced    bool
	typed       int
	states      int
}

// command carries out one, in all its halves.
func (r *run) command(command string) {
	r.t.Helper()
	r.typed++
	lists, err := r.changes(command)
	if err != nil {
		r.t.Fatalf("%s: %v", command, err)
	}
	enforces := r.enforces(command)
	undoes := strings.HasPrefix(command, "kubectl delete ") && !enforces
	for _, list := range lists {
		r.opensNone(list)
		if enforces && !r.enforced {
			r.open(command)
		}
		r.enforced = r.enforced || enforces
		worked := r.look(r.state)
		for _, some := range r.halves(len(list)) {
			state := maps.Clone(r.state)
			for _, i := range some {
				list[i].make(state)
			}
			r.states++
			if i := r.worse(worked, r.look(state)); i >= 0 && !(undoes && r.isolated(command)) {
				r.t.Errorf("%s: with %s of it, %s is denied", command, names(list, some), r.text(i))
				break
			}
		}
		for i := range list {
			list[i].make(r.state)
		}
	}
}

// opensNone wants that nothing opens a namespace which is isolated today.
func (r *run) opensNone(list []change) {
	r.t.Helper()
	for _, n := range r.m.Namespaces {
		if n.IsolatedToday && slices.ContainsFunc(list, func(ch change) bool {
			return ch.key.Namespace == n.Name && ch.key.Name == policy.OpenName && ch.object != nil
		}) {
			r.t.Errorf("%s opens %s, which is isolated today", policy.OpenName, n.Name)
		}
	}
}

// open wants that up to here nothing denies what nobody saw, where nothing is isolated today.
func (r *run) open(command string) {
	r.t.Helper()
	for i, ok := range r.look(r.state) {
		if !ok {
			r.t.Errorf("before %s, %s is denied", command, r.text(i))
			return
		}
	}
}

// worse returns the first that was allowed and is not any more, -1 for none. What nobody saw counts until it is
// enforced.
func (r *run) worse(before, now []bool) int {
	for i, ok := range before {
		if ok && !now[i] && (i < len(r.connections) || !r.enforced) {
			return i
		}
	}
	return -1
}

// enforces reports whether a command is the one that is said to deny.
func (r *run) enforces(command string) bool {
	f := strings.Fields(command)
	if len(f) < 4 || f[0] != "kubectl" || f[2] != "-k" {
		return false
	}
	last := f[3][strings.LastIndex(f[3], "/")+1:]
	return r.how.Additive && f[1] == "apply" && last == "deny" ||
		!r.how.Additive && f[1] == "delete" && last == "open" ||
		f[1] == "apply" && last == render.ClusterDir
}

// isolated reports whether a command undoes what was done to a namespace that is isolated today: it gives that back to
// the policies that were there before, whose work is not to be seen here.
func (r *run) isolated(command string) bool {
	return slices.ContainsFunc(r.m.Namespaces, func(n bundle.Namespace) bool {
		return n.IsolatedToday && strings.Contains(command, " -n "+n.Name+" ")
	})
}

// halves are sets of indices below n: all of them up to 8, else all beginnings, each one left out, each one alone, and
// some by chance.
func (r *run) halves(n int) [][]int {
	var out [][]int
	if n <= 8 {
		for bits := range 1 << n {
			var some []int
			for i := range n {
				if bits&(1<<i) != 0 {
					some = append(some, i)
				}
			}
			out = append(out, some)
		}
		return out
	}
	const most, decisions = 120, 120_000
	budget := max(8, min(most, decisions/max(1, len(r.connections))))
	for k := range n + 1 {
		var first, alone, without []int
		for i := range n {
			if i < k {
				first = append(first, i)
			}
			if i == k {
				alone = append(alone, i)
			} else {
				without = append(without, i)
			}
		}
		out = append(out, first, alone, without)
	}
	for range n + 1 {
		var some []int
		p := r.rnd.Float64()
		for i := range n {
			if r.rnd.Float64() < p {
				some = append(some, i)
			}
		}
		out = append(out, some)
	}
	r.rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), budget)]
}

func names(list []change, some []int) string {
	var out []string
	for _, i := range some {
		out = append(out, list[i].key.String())
	}
	const most = 6
	if len(out) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:most], ", "), len(out)-most)
	}
	return cmp.Or(strings.Join(out, ", "), "nothing")
}

// complete wants the policies that the bundle is verified by.
func (r *run) complete(want policy.PolicySet) {
	r.t.Helper()
	if got := r.set(want.Networks); !got.Equal(want) {
		var have []string
		for _, p := range got.Canonical().Policies {
			have = append(have, p.Namespace+"/"+p.Name)
		}
		r.t.Errorf("in the end there are %v", have)
	}
	for i, ok := range r.look(r.state) {
		if !ok && i < len(r.connections) {
			r.t.Errorf("in the end %s is denied", r.text(i))
			return
		}
	}
}

// set is everything that decides; where the bundle is not for all namespaces, of its own ones and with some networks.
func (r *run) set(networks []policy.Network) policy.PolicySet {
	if r.m.Options.All {
		return r.state.set()
	}
	c := maps.Clone(r.state)
	maps.DeleteFunc(c, func(k Key, o Object) bool {
		ours := func(n bundle.Namespace) bool { return n.Name == k.Namespace }
		return k.Namespace != "" && !slices.ContainsFunc(r.m.Namespaces, ours)
	})
	set := c.set()
	set.Networks = slices.DeleteFunc(set.Networks, func(n policy.Network) bool {
		return !slices.ContainsFunc(networks, func(m policy.Network) bool { return m.Name == n.Name })
	})
	return set
}

// undone wants that every namespace that a command was for denies nothing any more, and that one which was isolated
// before has nothing of the bundle.
func (r *run) undone(commands []string) {
	r.t.Helper()
	for i, ok := range r.look(r.state)[len(r.connections):] {
		if s := &r.strangers[i]; !ok && isFor(commands, s.namespace) {
			r.t.Errorf("after the undo of %s %s is denied", s.namespace, s.text)
			return
		}
	}
	if r.how.Additive {
		return
	}
	for k := range r.state {
		if !strings.HasPrefix(k.Kind, "Staged") && slices.ContainsFunc(r.m.Namespaces, func(n bundle.Namespace) bool {
			return n.Name == k.Namespace && n.IsolatedToday && isFor(commands, n.Name)
		}) {
			r.t.Errorf("after the undo of %s there is %s", k.Namespace, k)
			return
		}
	}
}

// isFor reports whether one of some commands is for a namespace.
func isFor(commands []string, namespace string) bool {
	return slices.ContainsFunc(commands, func(c string) bool {
		return strings.Contains(c+" ", "/"+namespace+" ") || strings.Contains(c, " -n "+namespace+" ")
	})
}

// removed wants that of the bundle nothing is left in the namespaces that a command was for.
func (r *run) removed(undo []string) {
	r.t.Helper()
	for k := range r.state {
		if k.Namespace != "" && isFor(undo, k.Namespace) {
			r.t.Errorf("after all of %s was removed there is %s", k.Namespace, k)
			return
		}
	}
}
