package main

import (
	"context"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	npa "sigs.k8s.io/kube-network-policies/plugins/npa-v1alpha2"
	"sigs.k8s.io/network-policy-api/apis/v1alpha2"
	npafake "sigs.k8s.io/network-policy-api/pkg/client/clientset/versioned/fake"
	npainformers "sigs.k8s.io/network-policy-api/pkg/client/informers/externalversions"
	"sigs.k8s.io/yaml"
)

// The engine reads from the stores of informers, which are filled by hand: nobody ever asks these.
var (
	coreClient   = fake.NewClientset()
	policyClient = npafake.NewClientset()
)

// judge builds an engine for the world and asks it everything.
func judge(w *World) (Answer, error) {
	core, policies := informers.NewSharedInformerFactory(coreClient, 0), npainformers.NewSharedInformerFactory(policyClient, 0)
	nodes := core.Core().V1().Nodes()
	var a Answer
	for _, n := range w.Nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels}}
		node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.Address}}
		if err := nodes.Informer().GetStore().Add(node); err != nil {
			return a, err
		}
	}
	for _, text := range w.Objects {
		o, object := read(text)
		a.Objects = append(a.Objects, o)
		if o.Error != "" {
			continue
		}
		store := core.Networking().V1().NetworkPolicies().Informer().GetStore()
		if o.Kind == clusterKind {
			store = policies.Policy().V1alpha2().ClusterNetworkPolicies().Informer().GetStore()
		}
		if err := store.Add(object); err != nil {
			return a, err
		}
	}
	tier := func(t v1alpha2.Tier) api.PolicyEvaluator {
		return npa.NewClusterNetworkPolicy(t, policies.Policy().V1alpha2().ClusterNetworkPolicies(), names(w.Names), nodes.Lister())
	}
	engine := networkpolicy.NewPolicyEngine(podsOf(w), []api.PolicyEvaluator{
		tier(v1alpha2.AdminTier),
		networkpolicy.NewStandardNetworkPolicy("node", core.Core().V1().Namespaces(), core.Core().V1().Pods(),
			core.Networking().V1().NetworkPolicies()),
		tier(v1alpha2.BaselineTier),
	})
	for i, c := range w.Connections {
		p := &network.Packet{ID: uint32(i), Family: corev1.IPv4Protocol, SrcIP: net.ParseIP(c.From), DstIP: net.ParseIP(c.To),
			Proto: corev1.Protocol(c.Protocol), SrcPort: 40000, DstPort: c.Port}
		if p.DstIP.To4() == nil {
			p.Family = corev1.IPv6Protocol
		}
		ok, err := engine.EvaluatePacket(context.Background(), p)
		if err != nil {
			return a, err
		}
		a.Allowed = append(a.Allowed, ok)
	}
	return a, nil
}

// clusterKind is the kind that has a CRD.
const clusterKind = "ClusterNetworkPolicy"

// read decodes an object strictly. The engine knows v1alpha2, which is the same as v1beta1.
func read(text string) (Object, any) {
	var head struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if err := yaml.Unmarshal([]byte(text), &head); err != nil {
		return Object{Error: err.Error()}, nil
	}
	o := Object{Kind: head.Kind, Name: head.Metadata.Name}
	var into any = &networkingv1.NetworkPolicy{}
	if head.Kind == clusterKind {
		into = &v1alpha2.ClusterNetworkPolicy{}
	}
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		o.Error = err.Error()
	}
	return o, into
}

// provider gives pods by their addresses.
type provider map[string]*api.PodInfo

func (p provider) GetPodInfoByIP(address string) (*api.PodInfo, bool) {
	pod, ok := p[address]
	return pod, ok
}

func podsOf(w *World) provider {
	out := provider{}
	for _, p := range w.Pods {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}}
		c := corev1.Container{Name: "c"}
		for _, q := range p.Ports {
			c.Ports = append(c.Ports, corev1.ContainerPort{Name: q.Name, ContainerPort: q.Port, Protocol: corev1.Protocol(q.Protocol)})
		}
		pod.Spec.Containers = []corev1.Container{c}
		labels := map[string]string{"kubernetes.io/metadata.name": p.Namespace}
		for k, v := range p.NamespaceLabels {
			labels[k] = v
		}
		out[p.Address] = api.NewPodInfo(pod, labels, nil, "")
	}
	return out
}

// names resolves the names of a world.
type names map[string]string

func (n names) ContainsIP(domain string, ip net.IP) bool {
	have, ok := n[ip.String()]
	if suffix, wild := strings.CutPrefix(domain, "*"); wild {
		return ok && strings.HasSuffix(have, suffix)
	}
	return ok && have == domain
}
