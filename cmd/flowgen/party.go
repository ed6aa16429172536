package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// party is one end of a connection: a pod, or what stands for an end that is none.
type party struct {
	w        *workload // nil for what is no pod
	pod      bool      // a pod that the CNI manages and that has an address of its own
	name     string
	generate string   // what the names of its replicas have in common; empty for a pod without controller
	labels   []string // the pod's, "key=value", sorted
	hashes   []string // labels of its controllers, which Cilium leaves out of identities
	node     int      // -1: no node of the cluster
	run      int      // which run of a CronJob
	ip, ip6  string

	full  *flowpb.Endpoint // as its own node reports it
	peer  *flowpb.Endpoint // as other nodes do: no endpoint ID, no workload
	proxy *flowpb.Endpoint // behind the proxy or on the overlay: no namespace, no pod name
	stray *flowpb.Endpoint // by the name of the pod and the identity of the world
}

// seen is the endpoint in records of a node.
func (p *party) seen(node int) *flowpb.Endpoint {
	if p.node == node {
		return p.full
	}
	return p.peer
}

// address is the party's in the family.
func (p *party) address(v6 bool) string {
	if v6 && p.ip6 != "" {
		return p.ip6
	}
	return p.ip
}

// hash makes the suffixes that controllers give to names, of their own alphabet.
func hash(r *rand.Rand, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// named returns a pod its name, and the labels that its controllers add.
func (p *party) named(r *rand.Rand, revision string, replica, firstRun int) {
	w := p.w
	switch w.Kind {
	case "StatefulSet":
		p.generate = w.Name + "-"
		p.name = fmt.Sprintf("%s-%d", w.Name, replica)
		p.hashes = []string{
			"apps.kubernetes.io/pod-index=" + fmt.Sprint(replica),
			"controller-revision-hash=" + w.Name + "-" + revision,
			"statefulset.kubernetes.io/pod-name=" + p.name,
		}
	case "DaemonSet":
		p.generate = w.Name + "-"
		p.name = p.generate + hash(r, 5)
		p.hashes = []string{"controller-revision-hash=" + revision, "pod-template-generation=1"}
	case "CronJob":
		job := fmt.Sprintf("%s-%d", w.Name, firstRun+10*p.run)
		p.generate = job + "-"
		p.name = p.generate + hash(r, 5)
		uid := fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32())
		p.labels = append(p.labels, "batch.kubernetes.io/job-name="+job, "job-name="+job)
		p.hashes = []string{"batch.kubernetes.io/controller-uid=" + uid, "controller-uid=" + uid}
	case "Pod":
		p.name = w.Name
	default:
		p.generate = w.Name + "-" + revision + "-"
		p.name = p.generate + hash(r, 5)
		p.hashes = []string{"pod-template-hash=" + revision}
	}
	slices.Sort(p.labels)
}

// cast makes the parties. Their names come from a generator of their own, so that they do not depend on the records.
func cast(s *scenario, rollout bool) map[string][]*party {
	parties := map[string][]*party{}
	version, seed, firstRun := "v1", uint64(3), 29_000_000
	if rollout {
		version, seed, firstRun = "v2", 4, 29_010_000
	}
	r := rand.New(rand.NewPCG(seed, 5))
	for i := range s.Workloads {
		w := &s.Workloads[i]
		revision := hash(r, 10)
		pods := max(w.Replicas, 1)
		if w.Kind == "CronJob" {
			pods = max(w.Runs, 1)
		}
		for n := range pods {
			p := &party{
				w:    w,
				pod:  true,
				node: (i + n) % s.Nodes,
				run:  n,
				ip:   fmt.Sprintf("10.%d.%d.%d", 1+i/250%250, i%250, 2+n%250),
			}
			if w.Node > 0 {
				p.node = (w.Node - 1) % s.Nodes
			}
			if s.DualStack {
				p.ip6 = fmt.Sprintf("fd00:10:%x::%x", i, 2+n)
			}
			for k, v := range w.Labels {
				p.labels = append(p.labels, k+"="+v)
			}
			for k, v := range w.PerRollout {
				p.labels = append(p.labels, k+"="+strings.ReplaceAll(v, "%s", version))
			}
			p.named(r, revision, n, firstRun)
			id := uint32(1 + r.IntN(4000))
			identity := uint32(20_000 + i)
			if w.Kind == "CronJob" {
				identity = uint32(50_000 + 32*i + n)
			}
			switch {
			case w.HostNetwork:
				p.onNode()
			case n < w.Unmanaged:
				p.pod = false
				p.sameEverywhere(
					&flowpb.Endpoint{
						Identity:  3,
						Namespace: w.Namespace,
						Labels:    []string{"reserved:unmanaged"},
						PodName:   p.name,
					},
				)
			default:
				p.identify(cmp.Or(w.Cluster, s.Cluster), identity, id)
				if w.Cluster != "" {
					p.pod, p.node = false, -1
					p.sameEverywhere(p.peer)
				}
			}
			parties[w.id()] = append(parties[w.id()], p)
		}
	}
	outside(s, parties)
	return parties
}

// identify makes the endpoints of a pod that the CNI manages.
func (p *party) identify(cluster string, identity, id uint32) {
	w := p.w
	labels := []string{
		"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=" + w.Namespace,
		"k8s:io.cilium.k8s.policy.cluster=" + cluster,
		"k8s:io.cilium.k8s.policy.serviceaccount=" + cmp.Or(
			w.ServiceAccount,
			"default",
		),
		"k8s:io.kubernetes.pod.namespace=" + w.Namespace,
	}
	for _, l := range p.labels {
		labels = append(labels, "k8s:"+l)
	}
	slices.Sort(labels)
	base := func() *flowpb.Endpoint {
		return &flowpb.Endpoint{
			Identity:    identity,
			ClusterName: cluster,
			Namespace:   w.Namespace,
			Labels:      labels,
			PodName:     p.name,
		}
	}
	p.full, p.peer = base(), base()
	p.proxy = &flowpb.Endpoint{Identity: identity, ClusterName: cluster, Labels: labels}
	p.stray = &flowpb.Endpoint{
		Identity:    2,
		ClusterName: cluster,
		Namespace:   w.Namespace,
		Labels:      []string{"reserved:world"},
		PodName:     p.name,
	}
	p.full.ID = id
	if w.Kind != "Pod" {
		p.full.Workloads = []*flowpb.Workload{{Name: w.Name, Kind: cmp.Or(w.Kind, "Deployment")}}
	}
}

// onNode makes the endpoints of a hostNetwork pod: the node's identity, the pod's name.
func (p *party) onNode() {
	p.pod = false
	p.ip, p.ip6 = fmt.Sprintf("192.168.7.%d", 10+p.node), ""
	p.full = &flowpb.Endpoint{Identity: 1, Namespace: p.w.Namespace, Labels: []string{"reserved:host"}, PodName: p.name}
	p.peer = &flowpb.Endpoint{
		Identity:  6,
		Namespace: p.w.Namespace,
		Labels:    []string{"reserved:remote-node"},
		PodName:   p.name,
	}
	p.proxy, p.stray = p.peer, p.peer
}

func (p *party) sameEverywhere(e *flowpb.Endpoint) { p.full, p.peer, p.proxy, p.stray = e, e, e, e }

// outside makes what is no pod.
func outside(s *scenario, parties map[string][]*party) {
	reserved := func(key, ip string, identity uint32, labels ...string) {
		p := &party{ip: ip, node: -1}
		p.sameEverywhere(&flowpb.Endpoint{Identity: identity, Labels: labels})
		parties[key] = []*party{p}
	}
	reserved("host", "192.168.7.10", 1, "reserved:host")
	reserved("node", "192.168.7.11", 6, "reserved:remote-node")
	reserved("apiserver", "192.168.7.2", 7, "reserved:kube-apiserver", "reserved:remote-node")
	reserved("apiserver-outside", "192.0.2.9", 16777217, "reserved:kube-apiserver", "reserved:world")
	reserved("health", "10.0.0.9", 4, "reserved:health")
	reserved("ingress", "10.0.0.8", 8, "reserved:ingress")
	reserved("multicast", "ff02::2", 0, "reserved:unknown")
	for _, e := range slices.Concat(s.Edges, s.Noise) {
		for _, end := range []string{e.From, e.To} {
			a, ok := strings.CutPrefix(end, "world:")
			switch {
			case ok && s.CIDRIdentities:
				// Numbers of local scope: every node counts for itself, so that one number has several addresses.
				reserved(end, a, 1<<24|uint32(len(parties)%7), cidrLabel(a), "reserved:world")
			case ok:
				reserved(end, a, 2, "reserved:world")
			}
		}
	}
}

// cidrLabel is the label of an address, in which Cilium writes the colons of IPv6 as dashes.
func cidrLabel(address string) string {
	if strings.Contains(address, ":") {
		return "cidr:" + strings.ReplaceAll(address, ":", "-") + "/128"
	}
	return "cidr:" + address + "/32"
}
