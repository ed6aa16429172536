package eval_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/ciliumtest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
)

type object = map[string]any

// author writes random policies as people might: few labels, ports and addresses, so that rules meet connections.
type author struct{ *rand.Rand }

func choose[T any](a author, list ...T) T { return list[a.IntN(len(list))] }
func (a author) oneIn(n int) bool         { return a.IntN(n) == 0 }

func several[T any](a author, least, most int, f func() T) []T {
	out := []T{}
	for range least + a.IntN(most-least+1) {
		out = append(out, f())
	}
	return out
}

// ciliumEnds are the ends that the connections are between: pods that labels tell apart, one of them of another
// cluster, every entity, and addresses with and without names.
func ciliumEnds() []eval.Facts {
	outside := func(a string, e model.Entities, names ...string) eval.Facts {
		return eval.Facts{Entities: model.World | e, Address: netip.MustParseAddr(a), Names: append([]string{}, names...)}
	}
	ported := func(f eval.Facts) eval.Facts {
		f.NamedPorts = []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 8080}, {Name: "dns", Proto: model.UDP, Port: 53}}
		return f
	}
	ends := []eval.Facts{
		in(pod("shop", "app=web", "tier=front"), "team=blue"), in(pod("shop", "app=cart"), "team=blue"), in(pod("shop", "app=web", "canary="), "team=blue"),
		in(pod("other", "app=web"), "team=red"), pod("other", "app=db", "tier=back"), in(pod("shop"), "team=blue"),
		of(in(pod("shop", "app=web", "tier=front"), "team=blue"), "west"),
	}
	for i := range ends {
		ends[i] = ported(ends[i])
		ends[i].ServiceAccount = []string{"default", "web"}[i%2]
		if ends[i].Cluster == "" {
			ends[i].Cluster = "default"
		}
	}
	for _, e := range []model.Entities{model.Host, model.RemoteNode, model.KubeAPIServer | model.RemoteNode, model.HealthEndpoint, model.IngressEntity,
		model.Unmanaged, model.Init} {
		ends = append(ends, eval.Facts{Entities: e})
	}
	return append(ends, outside("10.1.2.3", 0, "db.example.org"), outside("10.9.9.9", 0), outside("203.0.113.9", 0, "example.org", "www.example.net"),
		outside("2001:db8::7", 0, "a.b.example.org"), outside("203.0.113.10", model.KubeAPIServer), outside("198.51.100.7", 0, "EXAMPLE.org"))
}

// world returns random policies for shop, of the cluster and for both, and connections that begin or end at a pod.
func (a author) world(ends []eval.Facts) ciliumtest.World {
	w := ciliumtest.World{Ends: ends}
	for i := range 1 + a.IntN(4) {
		w.Objects = append(w.Objects, a.policy(i))
	}
	w.Objects = append(w.Objects, text(object{"apiVersion": "cilium.io/v2", "kind": "CiliumCIDRGroup", "metadata": object{"name": "office"},
		"spec": object{"externalCIDRs": []string{choose(a, "10.0.0.0/8", "10.1.0.0/16", "203.0.113.9/32"), "2001:db8::/32"}}}))
	for range 12 {
		c := ciliumtest.Connection{From: a.IntN(len(ends)), To: a.IntN(len(ends))}
		switch a.IntN(3) {
		case 0:
			c.From = a.IntN(7)
		case 1:
			c.To = a.IntN(7)
		default:
			c.From, c.To = a.IntN(7), a.IntN(7)
		}
		c.Proto = choose(a, model.TCP, model.TCP, model.TCP, model.UDP, model.UDP, model.SCTP, model.ICMP, model.ICMPv6, 112)
		c.Port = choose[uint16](a, 80, 8080, 53, 443, 8085, 9000)
		switch c.Proto {
		case model.ICMP, model.ICMPv6:
			c.Port = choose[uint16](a, 8, 128, 3)
		case 112:
			c.Port = 1
		default:
		}
		w.Connections = append(w.Connections, c)
	}
	return w
}

func text(o any) string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (a author) policy(i int) string {
	name := fmt.Sprintf("p%d", i)
	namespace := choose(a, "shop", "shop", "other")
	switch a.IntN(4) {
	case 0:
		return text(object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": object{"name": name, "namespace": namespace}, "spec": a.plain()})
	case 1:
		return text(object{"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy", "metadata": object{"name": name}, "spec": a.spec(true)})
	}
	return text(object{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": object{"name": name, "namespace": namespace}, "spec": a.spec(false)})
}

// plain is the spec of a NetworkPolicy.
func (a author) plain() object {
	spec := object{"podSelector": a.labels("")}
	list := func(word string) []object {
		return several(a, 0, 2, func() object {
			r := object{}
			if !a.oneIn(4) {
				r[word] = several(a, 0, 2, a.plainPeer)
			}
			if !a.oneIn(3) {
				r["ports"] = several(a, 0, 3, a.plainPort)
			}
			return r
		})
	}
	types := choose(a, nil, []string{"Ingress"}, []string{"Egress"}, []string{"Ingress", "Egress"})
	if types != nil {
		spec["policyTypes"] = types
	}
	if types == nil || slices.Contains(types, "Ingress") {
		spec["ingress"] = list("from")
	}
	if types == nil || slices.Contains(types, "Egress") {
		spec["egress"] = list("to") // rules of a direction that types leave out are in force in Cilium, against the API
	}
	return spec
}

func (a author) plainPeer() object {
	p := object{}
	if a.oneIn(3) {
		p["ipBlock"] = a.block("cidr", "except")
		return p
	}
	if a.oneIn(2) {
		p["namespaceSelector"] = choose(a, object{}, object{"matchLabels": object{"kubernetes.io/metadata.name": choose(a, "shop", "other")}},
			object{"matchLabels": object{"team": choose(a, "blue", "red")}},
			object{"matchExpressions": []object{{"key": "team", "operator": choose(a, "Exists", "DoesNotExist")}}},
			object{"matchExpressions": []object{{"key": "kubernetes.io/metadata.name", "operator": choose(a, "In", "NotIn"), "values": []string{"shop"}}}})
	}
	if len(p) == 0 || a.oneIn(2) {
		p["podSelector"] = a.labels("")
	}
	return p
}

func (a author) plainPort() object {
	p := object{}
	if !a.oneIn(4) {
		p["protocol"] = choose(a, "TCP", "UDP", "SCTP")
	}
	switch a.IntN(6) {
	case 0:
	case 1:
		p["port"] = choose(a, "http", "dns", "nosuch")
		if p["protocol"] == "SCTP" {
			delete(p, "protocol")
		}
	case 2:
		p["port"], p["endPort"] = choose(a, 80, 8000, 8080), choose(a, 8080, 8085, 9000)
	default:
		p["port"] = choose(a, 80, 8080, 53, 443)
	}
	return p
}

// labels is a selector of pods, its keys after a source.
func (a author) labels(source string) object {
	switch a.IntN(6) {
	case 0:
		return object{}
	case 1:
		return object{"matchExpressions": []object{{"key": source + choose(a, "app", "tier", "canary"), "operator": choose(a, "Exists", "DoesNotExist")}}}
	case 2:
		return object{"matchExpressions": []object{{"key": source + choose(a, "app", "tier"), "operator": choose(a, "In", "NotIn"), "values": choose(a, []string{"web"}, []string{"web", "back"}, []string{"db", "front"})}}}
	case 3:
		return object{"matchLabels": object{source + "app": choose(a, "web", "cart"), source + "tier": choose(a, "front", "back")}}
	case 4:
		return object{"matchLabels": object{source + "canary": ""}}
	}
	return object{"matchLabels": object{source + "app": choose(a, "web", "web", "cart", "db")}}
}

func (a author) block(cidr, except string) object {
	b := object{cidr: choose(a, "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "203.0.113.0/24", "203.0.113.9/32", "::/0", "2001:db8::/32", "192.0.2.0/24")}
	if a.oneIn(2) {
		switch b[cidr] {
		case "0.0.0.0/0":
			b[except] = choose(a, []string{"10.0.0.0/8"}, []string{"203.0.113.0/24", "10.1.0.0/16"})
		case "10.0.0.0/8":
			b[except] = choose(a, []string{"10.1.0.0/16"}, []string{"10.9.9.9/32", "10.200.0.0/16"})
		case "::/0":
			b[except] = []string{"2001:db8::/32"}
		}
	}
	return b
}

// setOf reads the objects of a world.
func setOf(w *ciliumtest.World) (policy.PolicySet, []render.Problem) {
	return render.Parse(strings.NewReader(strings.Join(w.Objects, "\n---\n")), "world", kubernetes.Dialect{}.Kinds(), cilium.Dialect{}.Kinds())
}

// local reports whether policies can be about an end: the pods of another cluster have their own.
func local(e *eval.End) bool { return e.IsPod && e.Cluster == "default" }

// verdicts are what eval says of a world's connections: for each end that policies can be about the outcome, else "".
func verdicts(w *ciliumtest.World, set policy.PolicySet) [][2]string {
	e := eval.New(set, eval.Cilium)
	ends := make([]*eval.End, len(w.Ends))
	for i := range w.Ends {
		ends[i] = e.End(w.Ends[i])
	}
	out := make([][2]string, len(w.Connections))
	for i, c := range w.Connections {
		d := e.Decide(ends[c.From], ends[c.To], c.Proto, c.Port)
		if local(ends[c.From]) {
			out[i][0] = d.Egress.Outcome.String()
		}
		if local(ends[c.To]) {
			out[i][1] = d.Ingress.Outcome.String()
		}
	}
	return out
}
