//go:build conformance

package eval_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/ciliumtest"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// clusterCiliumEnds are the pods of other worlds, a server of names, a pod of another cluster, what else is known by an
// entity, and addresses outside. Nodes of which more is known are left out: only the agent gives their identities labels.
func clusterCiliumEnds() []eval.Facts {
	var ends []eval.Facts
	for _, f := range clusterEnds() {
		if f.IsPod {
			f.Cluster = "default"
		}
		if !f.Node {
			ends = append(ends, f)
		}
	}
	names := in(pod("kube-system", "k8s-app=kube-dns"), "team=blue")
	names.Cluster, names.NamedPorts = "default", []eval.NamedPort{{Name: "dns", Proto: model.UDP, Port: 53}, {Name: "dns-tcp", Proto: model.TCP, Port: 53}}
	west := of(in(pod("shop", "app=web"), "team=blue"), "west")
	west.NamedPorts = []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 80}}
	ends = append([]eval.Facts{names, west}, ends...)
	for _, e := range []model.Entities{model.Host, model.RemoteNode, model.KubeAPIServer | model.RemoteNode, model.HealthEndpoint, model.IngressEntity,
		model.Unmanaged, model.Init} {
		ends = append(ends, eval.Facts{Entities: e})
	}
	return ends
}

// judgedAround are the worlds for Cilium's reading of ClusterNetworkPolicies.
func judgedAround(ends []eval.Facts) []ciliumtest.World {
	worlds := make([]ciliumtest.World, 3_000)
	if os.Getenv("SLUICE_LONG") != "" {
		worlds = make([]ciliumtest.World, 10_000)
	}
	for i := range worlds {
		a := author{rand.New(rand.NewPCG(uint64(i), 20))}
		w := &worlds[i]
		*w = ciliumtest.World{Ends: ends, Objects: a.clusterWorld(ends).Objects}
		labelled := strings.Contains(strings.Join(w.Objects, ""), `"nodes"`)
		for len(w.Connections) < 20 {
			c := ciliumtest.Connection{From: a.IntN(len(ends)), To: a.IntN(len(ends)), Proto: choose(a, model.TCP, model.TCP, model.UDP),
				Port: choose[uint16](a, 80, 8080, 53, 443)}
			const nodes = model.Host | model.RemoteNode
			if labelled && (ends[c.From].Entities|ends[c.To].Entities)&nodes != 0 {
				continue // to have rules for nodes, Cilium has to be told to give them labels
			}
			w.Connections = append(w.Connections, c)
		}
	}
	return worlds
}

// TestClusterPolicyCilium: Cilium's converter of ClusterNetworkPolicies and its engine decide about random worlds as eval
// does.
func TestClusterPolicyCilium(t *testing.T) {
	ends := clusterCiliumEnds()
	judgeWorlds(t, ends, judgedAround(ends))
}

func judgeWorlds(t *testing.T, ends []eval.Facts, worlds []ciliumtest.World) {
	t.Helper()
	asked := make([]ciliumtest.World, len(worlds))
	for i, w := range worlds {
		asked[i] = w
		asked[i].Ends = unnamed(ends)
	}
	refused, compared, differ, apart, count := 0, 0, 0, 0, map[string]int{}
	for i, answer := range ciliumtest.Ask(t, asked) {
		w := &worlds[i]
		set, problems := render.Parse(strings.NewReader(strings.Join(w.Objects, "\n---\n")), "w", all.Kinds()...)
		if refusedByOne(t, i, w.Objects, answer.Objects, problems, &refused) {
			continue
		}
		ours, theirs, spec := verdicts(w, set), answer.Verdicts, eval.New(set, eval.Spec)
		for j, c := range w.Connections {
			d := spec.Decide(spec.End(ends[c.From]), spec.End(ends[c.To]), c.Proto, c.Port)
			for side, word := range []string{theirs[j].Egress, theirs[j].Ingress} {
				if ours[j][side] == "" {
					continue
				}
				compared++
				want := map[string]string{"allow": "allowed", "deny": "denied"}[word]
				count[want]++
				if by := []eval.Part{d.Egress, d.Ingress}[side]; by.Outcome != eval.Unknown && by.Outcome.String() != want {
					apart++
				}
				if ours[j][side] != want {
					if differ++; differ < 6 {
						t.Errorf("world %d: %s of %s -> %s %d/%s: eval says %s, Cilium %s\n%s", i, [2]string{"egress", "ingress"}[side],
							nameOf(&ends[c.From]), nameOf(&ends[c.To]), c.Port, c.Proto, ours[j][side], want, strings.Join(w.Objects, "\n"))
					}
				}
			}
		}
	}
	if apart == 0 || count["allowed"] < len(worlds) || count["denied"] < len(worlds) {
		t.Errorf("the worlds say little: %v, %d otherwise than the API", count, apart)
	}
	t.Logf("%d worlds, %d refused by both, %d verdicts compared: %v, %d differ; %d are others than the API's", len(worlds), refused, compared, count, differ, apart)
}
