//go:build conformance

package eval_test

import (
	"fmt"
	"net/netip"
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
)

type clusterPort struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

type clusterPod struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Name            string            `json:"name"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
	Ports           []clusterPort     `json:"ports"`
}

type clusterNode struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Address string            `json:"address"`
}

type clusterConnection struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
}

type clusterWorld struct {
	Pods        []clusterPod        `json:"pods"`
	Nodes       []clusterNode       `json:"nodes"`
	Names       map[string]string   `json:"names"`
	Objects     []string            `json:"objects"`
	Connections []clusterConnection `json:"connections"`
}

type clusterAnswer struct {
	Objects []judgetest.Object
	Allowed []bool
}

// clusterNodes are the nodes of every world.
var clusterNodes = []clusterNode{
	{"n1", map[string]string{"pool": "a", "zone": "x"}, "192.0.2.1"},
	{"n2", map[string]string{"pool": "b"}, "192.0.2.2"},
}

// clusterEnds are pods with ports that have names, nodes, and addresses outside, some with a name.
func clusterEnds() []eval.Facts {
	ends := calicoEnds()[:6]
	for i := range ends {
		ends[i].Address = netip.AddrFrom4([4]byte{10, 1, 2, byte(10 + i)})
		ends[i].Services = nil
	}
	ends[1].NamedPorts = []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 80}, {Name: "sig", Proto: model.SCTP, Port: 8080}}
	for _, n := range clusterNodes {
		ends = append(ends, eval.Facts{Node: true, Entities: model.RemoteNode, Address: netip.MustParseAddr(n.Address), Names: []string{}})
	}
	for _, s := range [][]string{{"203.0.113.9", "www.example.org"}, {"203.0.113.10", "a.b.example.org"}, {"203.0.113.11", "example.org"}, {"198.51.100.7"}} {
		ends = append(ends, eval.Facts{Entities: model.World, Address: netip.MustParseAddr(s[0]), Names: append([]string{}, s[1:]...)})
	}
	return ends
}

// nodeObjects are the nodes as manifests of the cluster have them.
func nodeObjects() []string {
	var out []string
	for _, n := range clusterNodes {
		out = append(out, text(object{"apiVersion": "v1", "kind": "Node", "metadata": object{"name": n.Name, "labels": n.Labels},
			"status": object{"addresses": []object{{"type": "InternalIP", "address": n.Address}}}}))
	}
	return out
}

// clusterWorld returns policies for the ends, without questions.
func (a author) clusterWorld(ends []eval.Facts) clusterWorld {
	w := clusterWorld{Nodes: clusterNodes, Names: map[string]string{}}
	for k := range ends {
		f := &ends[k]
		if f.IsPod {
			p := clusterPod{f.Namespace, judgetest.LabelMap(f.NamespaceLabels), fmt.Sprint("p", k), judgetest.LabelMap(f.Labels), f.Address.String(), nil}
			for _, n := range f.NamedPorts {
				p.Ports = append(p.Ports, clusterPort{n.Name, strings.ToUpper(n.Proto.String()), n.Port})
			}
			w.Pods = append(w.Pods, p)
		}
		if len(f.Names) > 0 {
			w.Names[f.Address.String()] = f.Names[0]
		}
	}
	for k := range 1 + a.IntN(4) {
		w.Objects = append(w.Objects, a.clusterPolicy(k))
	}
	for k := range a.IntN(3) {
		w.Objects = append(w.Objects, a.besideCluster(k))
	}
	return w
}

// besideCluster is a NetworkPolicy, of one direction or of both.
func (a author) besideCluster(k int) string {
	types := choose(a, []string{"Ingress", "Egress"}, []string{"Ingress", "Egress"}, []string{"Ingress"}, []string{"Egress"})
	spec := object{"podSelector": choose(a, object{}, object{"matchLabels": object{"app": "web"}}), "policyTypes": types}
	for _, t := range types {
		list, word := "ingress", "from"
		if t == "Egress" {
			list, word = "egress", "to"
		}
		if a.oneIn(2) {
			spec[list] = []object{{word: []object{{"podSelector": object{"matchLabels": object{"app": choose(a, "web", "cart")}}}}}}
		}
	}
	return text(object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": object{"name": fmt.Sprint("n", k), "namespace": choose(a, "shop", "other")}, "spec": spec})
}

// clusterPolicy is a random ClusterNetworkPolicy.
func (a author) clusterPolicy(i int) string {
	spec := object{"tier": choose(a, "Admin", "Baseline"), "priority": choose(a, 0, 1, 2, 10, 1000), "subject": a.clusterPods()}
	if !a.oneIn(4) {
		spec["ingress"] = several(a, 1, 3, func() object { return a.clusterRule(false) })
	}
	if !a.oneIn(4) {
		spec["egress"] = several(a, 1, 3, func() object { return a.clusterRule(true) })
	}
	return text(object{"apiVersion": "policy.networking.k8s.io/v1beta1", "kind": "ClusterNetworkPolicy", "metadata": object{"name": fmt.Sprint("c", i)}, "spec": spec})
}

func (a author) clusterNamespaces() object {
	return choose(a, object{}, object{"matchLabels": object{"team": choose(a, "blue", "red")}},
		object{"matchExpressions": []object{{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []string{"shop"}}}},
		object{"matchExpressions": []object{{"key": "kubernetes.io/metadata.name", "operator": "Exists"},
			{"key": choose(a, "kubernetes.io/metadata.name", "team"), "operator": "NotIn", "values": []string{"shop", "red"}}}},
		object{"matchExpressions": []object{{"key": "zone", "operator": "DoesNotExist"}}})
}

func (a author) clusterPods() object {
	if a.oneIn(2) {
		return object{"namespaces": a.clusterNamespaces()}
	}
	return object{"pods": object{"namespaceSelector": a.clusterNamespaces(),
		"podSelector": choose(a, object{}, object{"matchLabels": object{"app": choose(a, "web", "cart", "db")}})}}
}

func (a author) clusterRule(egress bool) object {
	r := object{"action": choose(a, "Accept", "Deny", "Pass")}
	word := "from"
	if egress {
		word = "to"
	}
	named := true // the API has names of ports for pods only
	r[word] = several(a, 1, 2, func() object {
		if egress {
			switch a.IntN(7) {
			case 0, 1:
				named = false
				return object{"networks": []string{choose(a, "10.1.2.0/24", "203.0.113.0/24", "0.0.0.0/0", "10.1.2.10/31", "192.0.2.1/32")}}
			case 2:
				named = false
				return object{"nodes": choose(a, object{}, object{"matchLabels": object{"pool": choose(a, "a", "b")}},
					object{"matchExpressions": []object{{"key": "zone", "operator": choose(a, "Exists", "DoesNotExist")}}})}
			case 3:
				named = false
				r["action"] = "Accept" // the API has names for no other
				return object{"domainNames": []string{choose(a, "example.org", "*.example.org", "www.example.org", "*.example.net")}}
			}
		}
		return a.clusterPods()
	})
	if a.oneIn(2) {
		r["protocols"] = several(a, 1, 2, func() object { return a.clusterProtocol(named) })
	}
	return r
}

func (a author) clusterProtocol(named bool) object {
	if named && a.oneIn(4) {
		return object{"destinationNamedPort": choose(a, "http", "dns", "sig", "nosuch")}
	}
	proto := choose(a, "tcp", "udp", "sctp")
	switch a.IntN(4) {
	case 0:
		return object{proto: object{"destinationPort": object{"range": choose(a, object{"start": 50, "end": 80}, object{"start": 80, "end": 443}, object{"start": 444, "end": 65535})}}}
	default:
		return object{proto: object{"destinationPort": object{"number": choose(a, 80, 8080, 53)}}}
	}
}
