//go:build conformance

package eval_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

type clusterPod struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Name            string            `json:"name"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
}

type clusterConnection struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
}

type clusterWorld struct {
	Pods        []clusterPod        `json:"pods"`
	Objects     []string            `json:"objects"`
	Connections []clusterConnection `json:"connections"`
}

type clusterAnswer struct {
	Objects []judgetest.Object
	Allowed []bool
}

// clusterPolicy is a random ClusterNetworkPolicy.
func (a author) clusterPolicy(i int) string {
	labels := func() object {
		return choose(a, object{}, object{"matchLabels": object{"team": choose(a, "blue", "red")}},
			object{"matchExpressions": []object{{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []string{"shop"}}}})
	}
	pods := func() object {
		if a.oneIn(2) {
			return object{"namespaces": labels()}
		}
		return object{"pods": object{"namespaceSelector": labels(), "podSelector": choose(a, object{}, object{"matchLabels": object{"app": choose(a, "web", "cart", "db")}})}}
	}
	rule := func(egress bool) object {
		r := object{"action": choose(a, "Accept", "Deny", "Pass")}
		peers := several(a, 1, 2, func() object {
			if egress && a.oneIn(3) {
				return object{"networks": []string{choose(a, "10.1.2.0/24", "203.0.113.0/24", "0.0.0.0/0", "10.1.2.10/31")}}
			}
			return pods()
		})
		r[map[bool]string{true: "to", false: "from"}[egress]] = peers
		if a.oneIn(2) {
			r["protocols"] = several(a, 1, 2, func() object {
				port := object{"number": choose(a, 80, 8080, 53)}
				return object{choose(a, "tcp", "udp", "sctp"): object{"destinationPort": port}}
			})
		}
		return r
	}
	spec := object{"tier": choose(a, "Admin", "Baseline"), "priority": choose(a, 0, 1, 2, 10, 1000), "subject": pods()}
	if !a.oneIn(4) {
		spec["ingress"] = several(a, 1, 3, func() object { return rule(false) })
	}
	if !a.oneIn(4) {
		spec["egress"] = several(a, 1, 3, func() object { return rule(true) })
	}
	return text(object{"apiVersion": "policy.networking.k8s.io/v1beta1", "kind": "ClusterNetworkPolicy", "metadata": object{"name": fmt.Sprint("c", i)}, "spec": spec})
}

// TestClusterPolicyEngine: for random policies and connections the engine of kube-network-policies decides as eval does,
// where the order of policies of one priority leaves nothing open.
func TestClusterPolicyEngine(t *testing.T) {
	ends := calicoEnds()[:6]
	for i := range ends {
		ends[i].Address = netip.AddrFrom4([4]byte{10, 1, 2, byte(10 + i)})
		ends[i].Services = nil
	}
	for _, s := range []string{"203.0.113.9", "198.51.100.7"} {
		ends = append(ends, eval.Facts{Entities: model.World, Address: netip.MustParseAddr(s), Names: []string{}})
	}
	worlds := 4_000
	if os.Getenv("SLUICE_LONG") != "" {
		worlds = 10_000
	}
	questions := make([]clusterWorld, worlds)
	type ask struct {
		from, to int
		proto    model.Proto
		port     uint16
	}
	asked := make([][]ask, worlds)
	for i := range questions {
		a := author{rand.New(rand.NewPCG(uint64(i), 15))}
		w := &questions[i]
		for k := range ends {
			if f := &ends[k]; f.IsPod {
				w.Pods = append(w.Pods, clusterPod{f.Namespace, judgetest.LabelMap(f.NamespaceLabels), fmt.Sprint("p", k), judgetest.LabelMap(f.Labels), f.Address.String()})
			}
		}
		for k := range 1 + a.IntN(4) {
			w.Objects = append(w.Objects, a.clusterPolicy(k))
		}
		for k := range a.IntN(3) {
			both := object{"podSelector": choose(a, object{}, object{"matchLabels": object{"app": "web"}}), "policyTypes": []string{"Ingress", "Egress"}}
			for _, d := range [][2]string{{"ingress", "from"}, {"egress", "to"}} {
				if a.oneIn(2) {
					both[d[0]] = []object{{d[1]: []object{{"podSelector": object{"matchLabels": object{"app": choose(a, "web", "cart")}}}}}}
				}
			}
			w.Objects = append(w.Objects, text(object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
				"metadata": object{"name": fmt.Sprint("n", k), "namespace": choose(a, "shop", "other")}, "spec": both}))
		}
		for len(asked[i]) < 20 {
			x := ask{a.IntN(len(ends)), a.IntN(len(ends)), choose(a, model.TCP, model.TCP, model.UDP, model.SCTP), choose[uint16](a, 80, 8080, 53, 443)}
			asked[i] = append(asked[i], x)
			w.Connections = append(w.Connections, clusterConnection{ends[x.from].Address.String(), ends[x.to].Address.String(), strings.ToUpper(x.proto.String()), int(x.port)})
		}
	}
	differ, open, count := 0, 0, map[bool]int{}
	for i, answer := range judgetest.Ask[clusterAnswer](t, "SLUICE_CLUSTERPOLICY_ENGINE", questions) {
		set, problems := render.Parse(strings.NewReader(strings.Join(questions[i].Objects, "\n---\n")), "w", all.Kinds()...)
		if render.Incomplete(problems) || judgetest.Refused(answer.Objects) != "" {
			t.Fatal(problems, answer.Objects)
		}
		e := eval.New(set, eval.Spec)
		for k, x := range asked[i] {
			d := e.Decide(e.End(ends[x.from]), e.End(ends[x.to]), x.proto, x.port)
			switch {
			case d.Unknown:
				open++
			case d.Allowed != answer.Allowed[k]:
				if differ++; differ < 5 {
					t.Errorf("world %d: %v -> %v %v %d: eval %s, engine %v\n%s", i, nameOf(&ends[x.from]), nameOf(&ends[x.to]), x.proto, x.port, e.Why(d), answer.Allowed[k], strings.Join(questions[i].Objects, "\n"))
				}
			default:
				count[d.Allowed]++
			}
		}
	}
	if count[true] < worlds || count[false] < worlds {
		t.Errorf("the worlds say little: %d allowed, %d denied", count[true], count[false])
	}
	t.Logf("%d worlds: %d allowed, %d denied, %d open by one priority, %d differ", worlds, count[true], count[false], open, differ)
}
