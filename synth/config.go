// Package synth learns allow policies out of a graph: for every workload of the chosen namespaces the rules that its
// accepted edges ask for, and nothing else. What cannot be learned or written becomes a finding with its
// consequence. It refuses to guess: no rule without an edge, no widening that was not named. The result depends on
// the graph and the configuration only.
package synth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Config says for whom policies are learned, and how far.
type Config struct {
	Namespaces       []string // subjects are the workloads of these
	All              bool     // ... and of every namespace that is no system namespace
	SystemNamespaces []string // nil: DefaultSystemNamespaces
	Cluster          string   // needed where the log has several clusters
	Unnamed          bool     // Cluster is "" because the cluster has no name, not because nobody chose
	Dialect          render.Dialect
	LearnDenied      bool     // edges that policy denied are learned too
	Widen            []string // widenings that are asked for beside those on by default
	EnforceAnyway    bool     // default deny even where it cuts edges that worked
	GlobalDeny       bool     // with All: a default deny for all namespaces at once, those to come among them
	NamePrefix       string   // begins the name of every policy but those that go again
	// Base are the policies of the former bundle: of equally few rules those nearest to it are chosen.
	Base policy.PolicySet
	// AllowWaste is how many addresses never seen one CIDR may take in, where Widen has WidenCIDR.
	AllowWaste int
	// Networks are allowed whole where an address of them is needed; the first one that has it counts.
	Networks []Network
	// Places are addresses that are the cluster's own and no pod's, as its objects tell. No rule has one of them: it is
	// allowed with a network that has it.
	Places map[netip.Addr]Place
	// ByIdentity says that the log is of Cilium: what a node masquerades comes in as the world, and by no address.
	ByIdentity bool
	// Declared are the workloads of manifests, with the ports at which the kubelet probes them.
	Declared []policy.Workload
	// MinWatch is how long the pods of a namespace must have been watched before it may be denied by default. One that
	// was never watched never is.
	MinWatch time.Duration
	// Blind is what the log cannot show, since it was filtered: where it is, nothing is denied.
	Blind []Blind
	// Resolver is what pods ask for names that were not seen asking, nil where nobody said.
	Resolver *Resolver
	// Decisions are what people said of edges, nil for nothing.
	Decisions *decision.Book
	// HoldSuspect leaves out what looks like a scan, a test or what nobody meant, and holds its workload open, until it is
	// decided about. Otherwise it is learned, and a finding.
	HoldSuspect bool
	// Granted says of every edge of the graph at which end policies in force isolate the pod and let it pass by a rule:
	// only what they lack is learned. nil: none are known.
	Granted []policy.ByDirection[bool]
	// Kept are the edges, as "SRC -> DST PORT/PROTO", that only a former bundle has evidence of, Pruned those that were
	// left out for their age.
	Kept, Pruned []string
}

// The widenings that can be asked for.
const (
	WidenRanges   = "ranges"   // ports between those that a pair was seen picking
	WidenDNS      = "dns"      // the resolver for all pods of a namespace, once its egress is denied
	WidenCIDR     = "cidr"     // CIDRs that take in some addresses never seen
	WidenProducts = "products" // peers of several namespaces that share a selector, also where some were never seen
	WidenNodes    = "nodes"    // the addresses of all nodes of the cluster, as its objects tell them
	WidenAPI      = "api"      // the addresses of the API server, likewise
	WidenSuffixes = "suffixes" // every name next to several that a workload asked for: *.example.com
	WidenAnywhere = "anywhere" // every outside address where one was seen
)

// WidenFloor is the widening that comes with a floor below the policies of namespaces: pods of namespaces to come may
// ask a resolver.
const WidenFloor = "floor-dns"

// Widenings lists what Config.Widen can have.
func Widenings() []string {
	return []string{WidenAnywhere, WidenAPI, WidenCIDR, WidenDNS, WidenNodes, WidenProducts, WidenRanges, WidenSuffixes}
}

func (c *Config) widens(kind string) bool { return slices.Contains(c.Widen, kind) }

// granted reports whether policies in force let an edge pass at an end, where no rule is learned then.
func (c *Config) granted(e graph.EdgeID, d model.Direction) bool {
	return len(c.Granted) > 0 && *c.Granted[e].At(d)
}

// DefaultSystemNamespaces are the namespaces that All leaves out: those that the cluster itself runs in.
func DefaultSystemNamespaces() []string {
	return []string{"calico-apiserver", "calico-system", "cilium", "cilium-secrets", "gatekeeper-system",
		"gke-managed-system", "istio-system", "kube-node-lease", "kube-public", "kube-system", "local-path-storage",
		"tigera-operator"}
}

// maxPrefix leaves most of a name to what it says.
const maxPrefix = 30

func (c *Config) check() error {
	if len(c.Namespaces) == 0 && !c.All {
		return fmt.Errorf("no namespace chosen to learn policies for")
	}
	if c.Dialect == nil {
		return fmt.Errorf("no dialect chosen to write policies in")
	}
	if c.GlobalDeny && !c.All {
		return fmt.Errorf(
			"a default deny for all namespaces would cut those that nothing was learned for: learn for all of them",
		)
	}
	if c.GlobalDeny && !ForAll(c.Dialect) {
		return fmt.Errorf("the dialect %s has no policy for all namespaces", c.Dialect.Name())
	}
	for _, w := range c.Widen {
		if !slices.Contains(Widenings(), w) {
			return fmt.Errorf(
				"there is no widening %q (%s); TCP 53 beside UDP 53 is always opened",
				w,
				strings.Join(Widenings(), ", "),
			)
		}
	}
	if c.widens(WidenCIDR) && c.AllowWaste == 0 {
		return fmt.Errorf("the widening %s opens nothing: allowWaste in the configuration is 0; "+
			"write how many addresses never seen one CIDR may take in, such as allowWaste: 16", WidenCIDR)
	}
	for _, o := range ofCluster {
		if c.widens(o.widening) && !slices.ContainsFunc(c.Networks, func(n Network) bool { return n.Name == o.network }) {
			return fmt.Errorf("the widening %s opens nothing: nobody says what they are", o.widening)
		}
	}
	if p := c.NamePrefix; p != "" && (len(p) > maxPrefix || !render.ValidNamespace(p+"x")) {
		return fmt.Errorf("the prefix %q of names: want lower-case letters, digits and -, %d at most", p, maxPrefix)
	}
	if c.AllowWaste < 0 {
		return fmt.Errorf("allowed waste %d is negative", c.AllowWaste)
	}
	return nil
}

// ForAll reports whether a dialect has a policy that closes all namespaces, those to come among them.
func ForAll(d render.Dialect) bool {
	_, global := d.(render.Global)
	_, below := d.(render.Below)
	return global || below
}

// chosen reports whether the workloads of a namespace are subjects. A system namespace is one only by its name.
func (c *Config) chosen(namespace string) bool {
	return slices.Contains(c.Namespaces, namespace) || c.All && !slices.Contains(c.system(), namespace)
}

func (c *Config) system() []string {
	if c.SystemNamespaces != nil {
		return c.SystemNamespaces
	}
	return DefaultSystemNamespaces()
}

// Network is a named part of the address space. What lies in it is allowed whole where any of it is needed; "pub" and
// "pvt" stand for what Calico's aggregated flows call so.
type Network struct {
	Name  string // NAMESPACE/NAME of a network set of a namespace
	CIDRs []netip.Prefix
}

// NodesNetwork is the name of the network that stands for the nodes of the cluster, where the log calls them by name
// only (Calico's HostEndpoints). No rule ever has the address of one node.
const NodesNetwork = "nodes"

// APINetwork is the name of the network that stands for the API server.
const APINetwork = "kube-apiserver"

// Place is what an address of the cluster's own is.
type Place struct {
	What    string // "node n1", "the API server"
	Network string // the name of the network that it can be allowed with
}

// ofCluster are the widenings to a network whose addresses the objects of the cluster tell.
var ofCluster = []struct{ widening, network, text string }{
	{WidenAPI, APINetwork, "the addresses of the API server, seen or not"},
	{WidenNodes, NodesNetwork, "the addresses of all nodes, seen or not"},
}

// toAllow says how an address of the cluster's own can be allowed.
func toAllow(network string) string {
	for _, o := range ofCluster {
		if o.network == network {
			return "name the CIDRs as network " + network + " in the configuration, or give --widen " + o.widening +
				" and the objects of the cluster with --manifests"
		}
	}
	return ""
}

// Resolver is what the pods ask for names that were not seen asking for any.
type Resolver struct {
	None      bool   // they ask nobody: that is known, and no obstacle
	Namespace string // of its pods
	Workload  string // the name of its workload, which must have been seen; or
	Labels    map[string]string
}
