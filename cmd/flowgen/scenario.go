package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// scenario says what runs in a cluster and who needs whom.
type scenario struct {
	Cluster   string     `json:"cluster"`
	Minutes   int        `json:"minutes"` // how long the capture is
	Records   int        `json:"records"`
	Nodes     int        `json:"nodes"`
	Shuffle   float64    `json:"shuffle"` // share of lines with their keys in another order
	Workloads []workload `json:"workloads"`
	Edges     []edge     `json:"edges"` // what the application needs
	Noise     []edge     `json:"noise"` // what is in the log as well: attackers, people's own tests, probes
	// Resolver is who answers DNS, and Users who asks: "namespace/name", or "namespace/*".
	Resolver string   `json:"resolver"`
	Users    []string `json:"resolverUsers"`
	// DNSWeight is how often each user asks, in the weights of edges; 1 if absent.
	DNSWeight int `json:"dnsWeight"`
	// DNSProxy sends queries through the proxy, which reports what was asked and answered.
	DNSProxy  bool `json:"dnsProxy"`
	DualStack bool `json:"dualStack"` // pods have an IPv6 address as well
	// Versions are the Cilium versions of the nodes, in turn ("1.10", "1.19"); the newest fields if absent.
	Versions []string `json:"versions"`
	// CIDRIdentities gives addresses outside identities of their own, as policies that name them do.
	CIDRIdentities bool `json:"cidrIdentities"`
	// Health is the share of connections that cilium-health makes.
	Health float64 `json:"health"`
	// Events is the share of lines that are no flows: agent events, debug events, counts of lost events.
	Events float64 `json:"events"`
	// Staged are the namespaces with a staged default deny: Calico says of every connection there what it would do.
	Staged []string `json:"staged"`
	// Networks are the NetworkSets of Calico; Hubble knows nothing of them.
	Networks []network `json:"networks"`
	Load     *load     `json:"load"` // workloads and edges made by the number
}

type workload struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Kind      string `json:"kind"` // Deployment if empty; StatefulSet, DaemonSet, CronJob, Pod
	Replicas  int    `json:"replicas"`
	// Runs is how often a CronJob runs during the capture, each time as a pod of its own.
	Runs           int               `json:"runs"`
	ServiceAccount string            `json:"serviceAccount"`
	Labels         map[string]string `json:"labels"`
	// PerRollout are labels whose value changes with every rollout; %s stands for the version.
	PerRollout map[string]string `json:"perRollout"`
	// HostNetwork pods have their node's address and identity.
	HostNetwork bool `json:"hostNetwork"`
	// Unmanaged is how many replicas were there before the CNI, which knows their names alone.
	Unmanaged int `json:"unmanaged"`
	// Cluster is where the pods run, if not in the one whose nodes write the log.
	Cluster string `json:"cluster"`
	// Node pins the pods to one node, counted from 1; 0 spreads them.
	Node int `json:"node"`
}

func (w *workload) id() string { return w.Namespace + "/" + w.Name }

// edge is a dependency. An end is "namespace/name", "world:ADDRESS", or one of ends.
type edge struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Port     uint32   `json:"port"`
	Proto    string   `json:"proto"` // tcp if empty, udp, sctp, icmp
	Weight   int      `json:"weight"`
	Names    []string `json:"names"`    // DNS names of an outside destination
	Kind     string   `json:"kind"`     // of noise, see kinds
	L7       bool     `json:"l7"`       // through the proxy, which reports requests
	Requests bool     `json:"requests"` // only requests are reported, by a proxy that does not redirect
	Old      bool     `json:"old"`      // connections older than the capture: never a SYN
	Service  bool     `json:"service"`  // the client's node also reports the service address, before translation
	Audit    bool     `json:"audit"`    // policy audit mode let it through
	WorldPod bool     `json:"worldPod"` // some records give the server the identity of the world
	// DeniedFrom is when a policy begins to deny it, as a share of the capture; 0 is never. What worked is needed all
	// the same.
	DeniedFrom float64 `json:"deniedFrom"`
	OneWay     bool    `json:"oneWay"` // datagrams that nobody answers, and that are needed all the same
	// Once makes one connection of it in the whole capture, and Dated is by how many minutes the times of its records
	// lie. Calico's have those of the node.
	Once  bool `json:"once"`
	Dated int  `json:"dated"`
	DNS   bool `json:"-"` // a query that the proxy reports
}

// ends are what an edge can end at beside workloads and addresses: another node, the pod's own node, the apiserver
// on a node or outside the cluster, an ingress of Cilium's, and all routers (ff02::2).
var ends = []string{"node", "host", "apiserver", "apiserver-outside", "ingress", "multicast"}

// kinds are what noise can be. Only test leaves edges behind: connections that worked although nobody needs them. The
// scans go to one closed port after the other, and nothing denies them; unanswered has a server that is down, and
// unasked is the answer to a question that was none.
var kinds = slices.Concat(
	[]string{"probe", "test", "denied", "scan", "icmp-error", "solicitation", "drop", "unanswered", "unasked"},
	scans,
)

var scans = []string{"syn-scan", "ack-scan", "fin-scan", "udp-scan"}

// network is a NetworkSet, a GlobalNetworkSet without namespace.
type network struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	CIDRs     []string          `json:"cidrs"`
}

// networkOf returns the network that an address is in, nil if it is in none.
func networkOf(list []network, address string) *network {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	for i := range list {
		for _, c := range list[i].CIDRs {
			if p, err := netip.ParsePrefix(c); err == nil && p.Contains(a) {
				return &list[i]
			}
		}
	}
	return nil
}

func readScenario(file string) (*scenario, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &scenario{Cluster: "default", Minutes: 20, Nodes: 3, DNSWeight: 1, Health: 1. / 400}
	if err := yaml.UnmarshalStrict(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if s.Load != nil {
		s.generate()
	}
	s.queries()
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// queries adds what the users ask the resolver.
func (s *scenario) queries() {
	for _, u := range s.Users {
		for _, w := range s.Workloads {
			if id := w.id(); id == u || u == w.Namespace+"/*" && id != s.Resolver {
				s.Edges = append(
					s.Edges,
					edge{From: id, To: s.Resolver, Port: 53, Proto: "udp", Weight: s.DNSWeight, DNS: s.DNSProxy},
				)
			}
		}
	}
}

func (s *scenario) check() error {
	pod, replicas := map[string]bool{}, map[string]int{}
	for _, w := range s.Workloads {
		pod[w.id()], replicas[w.id()] = !w.HostNetwork && w.Cluster == "", w.Replicas
	}
	for _, e := range slices.Concat(s.Edges, s.Noise) {
		for _, end := range []string{e.From, e.To} {
			if _, ok := pod[end]; !ok && !slices.Contains(ends, end) && !strings.HasPrefix(end, "world:") {
				return fmt.Errorf("edge %s -> %s: there is no workload %s", e.From, e.To, end)
			}
		}
		if e.From == e.To && replicas[e.From] < 2 {
			return fmt.Errorf("edge %s -> %s: a pod alone has nobody to talk to", e.From, e.To)
		}
		if !pod[e.From] && !pod[e.To] {
			return fmt.Errorf("edge %s -> %s: neither end is a pod of its own address", e.From, e.To)
		}
	}
	for _, e := range s.Noise {
		if !slices.Contains(kinds, e.Kind) {
			return fmt.Errorf("noise %s -> %s: %q is no kind of noise %q", e.From, e.To, e.Kind, kinds)
		}
	}
	return nil
}
