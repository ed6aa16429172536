//go:build conformance

package cli

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/eval/calicotest"
	"sluice/synth/eval/judgetest"
	"sluice/synth/verify"
)

// TestCalicoBundles: Calico's validator takes every file of the bundles of its records, and its engine decides what they
// enforce and stage as eval does, for every connection in the log and for random ones between everything in it.
func TestCalicoBundles(t *testing.T) {
	g := newGenerator(t)
	for _, c := range []struct {
		scenario, format string
		namespaces       []string
	}{
		{"online-boutique", "goldmane", []string{"default"}}, {"argo-cd", "goldmane", []string{"argocd"}},
		{"standard", "enterprise", []string{"shop", "ci"}}, {"features", "emitter", []string{"shop", "batch"}}, {"features", "enterprise", nil}, {"sixty", "goldmane", nil},
	} {
		flows := g.file(t, c.scenario, ".judged."+c.format, "-format", c.format)
		for _, dialect := range []string{"kubernetes", "calico"} {
			t.Run(fmt.Sprint(c.scenario, "/", dialect, c.namespaces), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "bundle")
				learnBundle(t, dir, flows, dialect, "", c.namespaces)
				judgeCalico(t, flows, dir, "", "open", "allow", "deny")
				judgeCalico(t, flows, dir, "", "allow", "deny")
				if dialect == "calico" {
					judgeCalico(t, flows, dir, "", "stage")
				}
			})
		}
	}
}

// judgeCalico compares verdicts on what some directories of a bundle hold together.
func judgeCalico(t *testing.T, flows, dir, own string, forms ...string) {
	t.Helper()
	var w calicotest.World
	objects, set, g := formsAndFlows(t, flows, dir, forms)
	w.Objects = objects
	facts, log := calicoEnds(g, own, &w)
	r := rand.New(rand.NewPCG(7, 11))
	asked := log
	for range max(len(log), min(1500, 1500*len(log))) {
		c := log[r.IntN(len(log))]
		c.from, c.to = r.IntN(len(facts)), r.IntN(len(facts))
		asked = append(asked, c)
	}
	for _, c := range asked {
		w.Ask(&facts[c.from], &facts[c.to], c.proto, c.port)
	}
	answer := calicotest.Run(t, []calicotest.World{w})[0]
	if why := judgetest.Refused(answer.Objects); why != "" {
		t.Error(why)
	}
	ev := eval.New(set, eval.Calico)
	ends := make([]*eval.End, len(facts))
	for i := range facts {
		ends[i] = ev.End(facts[i])
	}
	compared, denied, differ := 0, 0, 0
	var logged []int
	var allowed []bool
	for i, c := range asked {
		d, v := ev.Decide(ends[c.from], ends[c.to], c.proto, c.port), answer.Verdicts[i]
		if i < len(log) {
			logged, allowed = append(logged, c.logged), append(allowed, v.Egress != "deny" && v.Ingress != "deny")
		}
		for side, word := range []string{v.Egress, v.Ingress} {
			if word == "" {
				continue
			}
			part := [2]eval.Part{d.Egress, d.Ingress}[side]
			if compared++; word == "deny" {
				denied++
			}
			if want := map[string]eval.Outcome{"allow": eval.Allowed, "deny": eval.Denied}[word]; part.Outcome != want {
				if differ++; differ < 4 {
					t.Errorf("%v: %+v -> %+v %d/%s: eval says %s, the engine %s", forms, facts[c.from], facts[c.to], c.port, c.proto, ev.Why(d), word)
				}
			}
		}
	}
	if compared == 0 {
		t.Errorf("%v: nothing was compared", forms)
	}
	judgeReplay(t, g, set, verify.Config{Semantics: eval.Calico, Cluster: own}, logged, allowed)
	t.Logf("%v: %d policies, %d ends, %d verdicts compared, %d denied, %d differ", forms, len(set.Policies), len(facts), compared, denied, differ)
}

type calicoAsked struct {
	from, to int
	proto    model.Proto
	port     uint16
	logged   int // its index in the log
}

// calicoEnds takes the pods and the addresses of IPv4 of a log into a world, a pod with an address of its own, and gives the
// connections between them.
func calicoEnds(g *graph.Graph, own string, w *calicotest.World) ([]eval.Facts, []calicoAsked) {
	at := map[model.EndpointID]int{}
	var facts []eval.Facts
	add := func(id model.EndpointID) (int, bool) {
		if i, ok := at[id]; ok {
			return i, i >= 0
		}
		f := eval.FactsOf(g.Tables.Endpoints.Get(id))
		foreign := f.Cluster != "" && own != "" && f.Cluster != own
		unfit := f.IsPod && (f.LabelsUnknown || f.Namespace == "" || foreign)
		if unfit || !f.IsPod && !f.Address.Is4() || masked(g, id) {
			at[id] = -1 // a node, or what the log does not tell: the engine cannot be asked
			return 0, false
		}
		i := len(facts)
		at[id] = i
		if f.IsPod {
			f.Address = netip.AddrFrom4([4]byte{10, 200, byte(i >> 8), byte(i)})
			f.NamespaceLabels, f.NamedPorts, f.ServiceAccount = model.Labels{}, []eval.NamedPort{}, "default"
			w.Add(fmt.Sprint("pod", i), &f)
		}
		facts = append(facts, f)
		return i, true
	}
	var log []calicoAsked
	for i, c := range g.Connections {
		from, ok := add(c.Src)
		to, also := add(c.Dst)
		if c.Proto == model.ICMPv6 {
			continue // the pods have addresses of IPv4 here
		}
		if ok && also && c.Proto != 0 && (c.Port != 0 || !c.Proto.HasPorts()) && len(log) < 1500 {
			log = append(log, calicoAsked{from, to, c.Proto, c.Port, i})
		}
	}
	return facts, log
}
