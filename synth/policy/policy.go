package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"sluice/model"
)

// PolicySet is a proposal or what somebody's files say. Its meaning does not depend on the order of its parts;
// Canonical gives the one order to write and compare in.
type PolicySet struct {
	Policies []Policy
	Tiers    []Tier    // Calico's; the default tier is always there
	Networks []Network // what PeerNetwork can name
	// Manifests are objects beside the policies that tell what these leave to the cluster. They are no part of what the
	// set means: Equal and Canonical leave them out.
	Manifests Manifests
}

// Manifests are what a person's files say of the cluster that the policies are for.
type Manifests struct {
	// Namespaces has all labels of a namespace by its name.
	Namespaces map[string]model.Labels
	// Accounts has all labels of a service account by its name.
	Accounts map[AccountName]model.Labels
	Services []Service
	// Endpoints are the single addresses behind a service, as its endpoints or slices of them list them.
	Endpoints map[ServiceName][]netip.Prefix
	Workloads []Workload
	Routes    []Route
	Gateways  []Gateway
	// Blocks are the networks that pods have their addresses of.
	Blocks []netip.Prefix
	Nodes  []Node
	// APIServer are the addresses of the endpoints of the service default/kubernetes.
	APIServer []netip.Addr
	Plugins   []Plugin // by name
	// ByDNSProxy says that a policy of Cilium sends questions of DNS through its proxy, which alone learns addresses of
	// names.
	ByDNSProxy bool
}

// AccountName is the namespace and the name of a service account.
type AccountName struct{ Namespace, Name string }

// ServiceName is the namespace and the name of a service.
type ServiceName struct{ Namespace, Name string }

// Node is a node and the addresses that it is reached by.
type Node struct {
	Name      string
	Labels    model.Labels
	Addresses []netip.Addr
}

// Workload is an object that makes pods: what their containers are called and under whose account they run.
type Workload struct {
	Namespace, Kind, Name string
	// Selector finds its pods; where it has none of its own, their labels do.
	Selector       model.Labels
	Labels         model.Labels // that its pods get
	ServiceAccount string       // "default" where it names none
	Ports          []NamedPort  // of the containers that have a name
	Probes         []Probe      // by which the kubelet asks its pods over the network
}

// ID is "Deployment shop/web".
func (w *Workload) ID() string { return w.Kind + " " + w.Namespace + "/" + w.Name }

// Probe is a question of the kubelet to a port of a pod: from the host of the node that the pod runs on, over TCP.
type Probe struct {
	Use  string // "readiness", "liveness", "startup", or the hook: "postStart", "preStop"
	Way  string // "http", "tcp", "grpc"
	Port uint16
}

// String is "readiness probe (http 8080/tcp)".
func (p Probe) String() string {
	what := " probe"
	if p.Use == "postStart" || p.Use == "preStop" {
		what = " hook"
	}
	return fmt.Sprintf("%s%s (%s %d/tcp)", p.Use, what, p.Way, p.Port)
}

// NamedPort is a port of a container that has a name.
type NamedPort struct {
	Name  string
	Proto model.Proto
	Port  uint16
}

// Empty reports whether nothing is known.
func (m *Manifests) Empty() bool { return m.Len() == 0 }

// Len is the number of objects that are known.
func (m *Manifests) Len() int {
	n := len(m.Namespaces) + len(m.Accounts) + len(m.Services) + len(m.Endpoints) + len(m.Workloads) + len(m.Routes) +
		len(m.Gateways) + len(m.Blocks) + len(m.Nodes) + len(m.APIServer) + len(m.Plugins)
	for i := range m.Plugins { // a plugin is told of by several objects
		n += len(m.Plugins[i].Versions) + len(m.Plugins[i].Options)
	}
	return n
}

// Join takes in everything of others. Of two objects with one name the later one stays.
func (m *Manifests) Join(o Manifests) {
	m.ByDNSProxy = m.ByDNSProxy || o.ByDNSProxy
	for name, labels := range o.Namespaces {
		if m.Namespaces == nil {
			m.Namespaces = map[string]model.Labels{}
		}
		m.Namespaces[name] = labels
	}
	for name, labels := range o.Accounts {
		if m.Accounts == nil {
			m.Accounts = map[AccountName]model.Labels{}
		}
		m.Accounts[name] = labels
	}
	m.Services = renew(m.Services, o.Services, func(s *Service) [3]string { return [3]string{s.Namespace, s.Name} })
	for name, list := range o.Endpoints { // in as many slices as it takes
		if m.Endpoints == nil {
			m.Endpoints = map[ServiceName][]netip.Prefix{}
		}
		m.Endpoints[name] = sortedSet(append(slices.Clip(m.Endpoints[name]), list...), netip.Prefix.Compare)
	}
	m.Workloads = renew(m.Workloads, o.Workloads, func(w *Workload) [3]string {
		return [3]string{w.Namespace, w.Kind, w.Name}
	})
	m.Routes = renew(m.Routes, o.Routes, func(r *Route) [3]string { return [3]string{r.Namespace, r.Kind, r.Name} })
	m.Gateways = renew(m.Gateways, o.Gateways, func(g *Gateway) [3]string { return [3]string{g.Namespace, g.Name} })
	m.Blocks = append(m.Blocks, o.Blocks...)
	m.Nodes = renew(m.Nodes, o.Nodes, func(n *Node) [3]string { return [3]string{n.Name} })
	m.APIServer = append(m.APIServer, o.APIServer...)
	slices.SortFunc(m.APIServer, netip.Addr.Compare)
	m.APIServer = slices.Compact(m.APIServer)
	for _, p := range o.Plugins {
		m.joinPlugin(p)
	}
}

// renew appends more to a list without what they replace: of two with one name the later one stays.
func renew[T any](list, more []T, name func(*T) [3]string) []T {
	last := make(map[[3]string]int, len(more))
	for i := range more {
		last[name(&more[i])] = i
	}
	if len(more) > 0 {
		list = slices.DeleteFunc(list, func(x T) bool { _, ok := last[name(&x)]; return ok })
	}
	for i := range more {
		if last[name(&more[i])] == i {
			list = append(list, more[i])
		}
	}
	return list
}

// Of returns the workload that a pod with these labels is of, nil where there is none or several say different things
// of its ports.
func (m *Manifests) Of(namespace string, labels model.Labels) *Workload {
	var out *Workload
	for i := range m.Workloads {
		w := &m.Workloads[i]
		if w.Namespace != namespace || len(w.Selector) == 0 ||
			slices.ContainsFunc(w.Selector, func(kv string) bool { return !slices.Contains(labels, kv) }) {
			continue
		}
		if out != nil && !slices.Equal(out.Ports, w.Ports) {
			return nil
		}
		out = w
	}
	return out
}

// Block is the least network that all pods have their addresses of, the zero value where none is known or they are of
// both families.
func (m *Manifests) Block() netip.Prefix {
	var out netip.Prefix
	for _, b := range m.Blocks {
		switch {
		case !out.IsValid():
			out = b.Masked()
		case out.Addr().Is4() != b.Addr().Is4():
			return netip.Prefix{}
		}
		for !out.Contains(b.Addr()) || b.Bits() < out.Bits() {
			out = netip.PrefixFrom(out.Addr(), out.Bits()-1).Masked()
		}
	}
	return out
}

// Policy says for the pods it selects which connections may come in or go out.
type Policy struct {
	Name      string
	Namespace string // "" is cluster-wide
	// Kind is the API kind that it was read from: names are unique for each kind only. No part of its meaning, save that
	// Calico knows no names of ports in an AdminNetworkPolicy.
	Kind string
	// Bundle is that of sluice which its labels say it is of, "" for none. No part of its meaning.
	Bundle string
	// Subject selects pods of Namespace; empty selects all of them.
	Subject Selector
	// SubjectNamespaces narrows a cluster-wide policy to some namespaces; empty is all. Unused in others.
	SubjectNamespaces Selector
	// SubjectEntities are ends that are no pods and that a cluster-wide policy of Cilium selects as well: the proxy of
	// Ingress and Gateway, the health endpoint of a node.
	SubjectEntities model.Entities
	// EntitiesOnly says that it selects no pod at all.
	EntitiesOnly bool
	// Ingress and Egress say which directions the policy isolates: what no rule allows there is denied. Rules of a
	// direction that is not isolated count only where another policy isolates the pod (enableDefaultDeny: false).
	Ingress, Egress bool
	Rules           []Rule
	// Tier and Order are Calico's places in the evaluation: nil is last. Without a tier it is no Calico policy, and
	// Calico takes it as one of the default tier with order 1000. Policies Around those of namespaces have them too.
	Tier  string
	Order *float64
	// Staged says that it is there for its effect to be watched and decides nothing.
	Staged bool
	Source Position // where it was read; no part of its meaning
}

// Isolates reports whether the policy isolates its subject in direction d.
func (p *Policy) Isolates(d model.Direction) bool {
	return d == model.Ingress && p.Ingress || d == model.Egress && p.Egress
}

// Join takes in everything of another set.
func (s *PolicySet) Join(t PolicySet) {
	s.Policies = append(s.Policies, t.Policies...)
	s.Tiers = append(s.Tiers, t.Tiers...)
	s.Networks = append(s.Networks, t.Networks...)
	s.Manifests.Join(t.Manifests)
}

// Apply returns what is in force once another set was applied: of two policies with one kind, namespace and name that
// which was applied stays.
func (s PolicySet) Apply(more PolicySet) PolicySet {
	type name struct{ kind, namespace, name string }
	replaced := map[name]bool{}
	for i := range more.Policies {
		p := &more.Policies[i]
		replaced[name{p.Kind, p.Namespace, p.Name}] = true
	}
	var out PolicySet
	out.Join(s)
	out.Policies = slices.DeleteFunc(slices.Clone(out.Policies), func(p Policy) bool {
		return replaced[name{p.Kind, p.Namespace, p.Name}]
	})
	out.Join(more)
	return out
}

// Add returns the set with more policies.
func (s PolicySet) Add(more ...Policy) PolicySet {
	s.Policies = append(slices.Clip(s.Policies), more...)
	return s
}
