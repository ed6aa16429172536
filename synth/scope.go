package synth

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/decision"
	"sluice/synth/policy"
)

// dnsPort is where resolvers answer.
const dnsPort = 53

// scope is what one run looks at, and for whom. It is built once and only read.
type scope struct {
	g       *graph.Graph
	cfg     *Config
	cluster string
	in      map[string][]graph.WorkloadID // workloads of the cluster by namespace, sorted
	chosen  map[string]bool               // the namespaces that policies are written for
	own     []bool                        // by peer: policies are written for its pods
	refused map[string]string             // those that were chosen and can have none, and why
	decided decided
	suspect map[graph.EdgeID]string // edges that a person should look at, and why
	nodes   map[nodeEdge]nodesSeen  // what is learned of pods and nodes
}

func newScope(g *graph.Graph, cfg *Config, speech *speech) (*scope, error) {
	s, err := chooseScope(g, cfg, speech)
	if err != nil {
		return nil, err
	}
	s.suspect, s.nodes = suspicions(g, &s.decided), s.nodeEdges()
	return s, nil
}

// chooseScope returns a scope without what takes looking at every edge.
func chooseScope(g *graph.Graph, cfg *Config, speech *speech) (*scope, error) {
	s := &scope{
		g:       g,
		cfg:     cfg,
		cluster: cfg.Cluster,
		in:      map[string][]graph.WorkloadID{},
		chosen:  map[string]bool{},
		refused: map[string]string{},
		decided: decide(g, cfg.Decisions),
	}
	for _, p := range g.AllPeers() {
		if p.Kind != model.KindPod || s.chosen[p.Namespace] || s.refused[p.Namespace] != "" ||
			!cfg.chosen(p.Namespace) {
			continue
		}
		if why := speech.namespace(p.Namespace); why != "" {
			s.refused[p.Namespace] = why
		} else {
			s.chosen[p.Namespace] = true
		}
	}
	if err := s.chooseCluster(); err != nil {
		return nil, err
	}
	s.own = make([]bool, len(g.Peers))
	for i, p := range g.AllPeers() {
		s.own[i] = p.Kind == model.KindPod && s.chosen[p.Namespace] && s.ownCluster(p)
	}
	for i, w := range g.AllWorkloads() {
		if w.Cluster == s.cluster {
			s.in[w.Namespace] = append(s.in[w.Namespace], i)
		}
	}
	return s, nil
}

// chooseCluster fails where subjects lie in several clusters: a bundle is for one.
func (s *scope) chooseCluster() error {
	if s.cluster != "" || s.cfg.Unnamed {
		return nil
	}
	clusters := map[string]bool{}
	for _, w := range s.g.AllWorkloads() {
		if s.cfg.chosen(w.Namespace) {
			clusters[w.Cluster] = true
		}
	}
	names := slices.Sorted(maps.Keys(clusters))
	if len(names) > 1 {
		if names[0] == "" {
			names[0] = "unnamed"
		}
		return fmt.Errorf("the chosen namespaces are in several clusters (%s): choose one with --cluster",
			model.Printable(strings.Join(names, ", ")))
	}
	if len(names) == 1 {
		s.cluster = names[0]
	}
	return nil
}

// subject reports whether policies are written for a workload.
func (s *scope) subject(w graph.WorkloadID) bool {
	return s.chosen[s.g.Workloads[w].Namespace] && s.g.Workloads[w].Cluster == s.cluster
}

// subjectNamespaces returns the namespaces of the workloads that policies are written for.
func (s *scope) subjectNamespaces() []string {
	var out []string
	for i, w := range s.g.AllWorkloads() {
		if s.subject(i) {
			out = append(out, w.Namespace)
		}
	}
	return out
}

func (s *scope) ownCluster(p *graph.Peer) bool {
	return p.Workload < 0 || s.g.Workloads[p.Workload].Cluster == s.cluster
}

// foreign reports whether a peer is a pod of another cluster.
func (s *scope) foreign(p *graph.Peer) bool { return p.Kind == model.KindPod && !s.ownCluster(p) }

// accepted reports whether an edge is to be allowed: by what was seen, or by what people decided.
func (s *scope) accepted(edge graph.EdgeID) bool {
	e := &s.g.Edges[edge]
	if s.decided.on(edge) != nil {
		return s.decided.holds(edge, decision.Accept, decision.Widen)
	}
	return e.State.Worked() || e.State == graph.Denied && s.cfg.LearnDenied
}

// edgeText is "shop/web -> shop/db 5432/tcp".
func (s *scope) edgeText(e *graph.Edge) string {
	return s.g.EdgeText(e)
}

// edgeEnd is one side of an edge that lies in a chosen namespace.
type edgeEnd struct {
	dir       model.Direction
	self      graph.PeerID
	peer      graph.PeerID
	namespace string
}

// ends gives the sides of an edge that policies are written for, egress first.
func (s *scope) ends(e *graph.Edge) iter.Seq[edgeEnd] {
	return func(yield func(edgeEnd) bool) {
		if s.own[e.Src] && !yield(edgeEnd{model.Egress, e.Src, e.Dst, s.g.Peers[e.Src].Namespace}) {
			return
		}
		if s.own[e.Dst] && !e.Proxied {
			yield(edgeEnd{model.Ingress, e.Dst, e.Src, s.g.Peers[e.Dst].Namespace})
		}
	}
}

// nodeEntities are the entities that are a node's addresses.
const nodeEntities = model.Host | model.RemoteNode | model.KubeAPIServer

// otherNodes are the Entities of nodes that are not known to be a pod's own.
const otherNodes = model.RemoteNode | model.KubeAPIServer

// onlyOwnNode reports whether the peer of an edge is the host of the pod's own node, and no other node has the same
// connection with the pod.
func (s *scope) onlyOwnNode(e *graph.Edge, en edgeEnd) bool {
	host := s.g.Peers[en.peer].Entities
	return host&model.Host != 0 && host&otherNodes == 0 && !s.nodes[nodeEdge{en.self, en.dir, e.Proto, e.Port}].other
}

// onlyOtherNodes reports whether a pod connects to another node than its own, and never so to its own: that is another
// entity, which nothing lets pass. What comes in from the own node always may.
func (s *scope) onlyOtherNodes(e *graph.Edge, en edgeEnd) bool {
	return en.dir == model.Egress && s.g.Peers[en.peer].Entities&nodeEntities == model.RemoteNode &&
		!s.nodes[nodeEdge{en.self, en.dir, e.Proto, e.Port}].own
}

// nodeEdge is a connection of a pod with nodes.
type nodeEdge struct {
	self  graph.PeerID
	dir   model.Direction
	proto model.Proto
	port  uint16
}

// nodesSeen says which nodes have a connection with a pod: its own, others.
type nodesSeen struct{ own, other bool }

// nodeEdges are the learned connections of pods with nodes. A node of the API server is named by that.
func (s *scope) nodeEdges() map[nodeEdge]nodesSeen {
	out := map[nodeEdge]nodesSeen{}
	see := func(k nodeEdge, e model.Entities) {
		if e&nodeEntities == 0 {
			return
		}
		seen := out[k]
		seen.own, seen.other = seen.own || e&nodeEntities == model.Host, seen.other || e&otherNodes != 0
		out[k] = seen
	}
	for i, e := range s.g.AllEdges() {
		if s.accepted(i) {
			see(nodeEdge{e.Dst, model.Ingress, e.Proto, e.Port}, s.g.Peers[e.Src].Entities)
			see(nodeEdge{e.Src, model.Egress, e.Proto, e.Port}, s.g.Peers[e.Dst].Entities)
		}
	}
	return out
}

// lastPort is the last port that a rule for an edge names: all of a protocol that has none.
func lastPort(e *graph.Edge) uint16 {
	if e.Proto.Whole() {
		return policy.LastPort
	}
	return e.Port
}
