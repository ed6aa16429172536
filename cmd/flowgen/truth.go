package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// truth is what the scenario says of its connections, in the words of a kind of log: Hubble knows entities and
// addresses where Calico knows public and private networks alone.
type truth struct {
	// Edges are what the application needs.
	Edges []link
	// Tests are connections that worked and that nobody needs: people's own, which only people can tell.
	Tests []link
	// Denied are connections that policies dropped; a scanner's port is "*".
	Denied []link
	// Refused are needed as well, but the log does not say of whom to learn them.
	Refused []link
}

type link struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
}

// truthOf returns the truth of a scenario as a format tells it.
func truthOf(s *scenario, format string) truth {
	var t truth
	if format == "hubble-masked" {
		return t // nothing can be learned
	}
	n := narrator{s: s, parties: cast(s, false), format: format, calico: calicoFormats[format],
		mesh: slices.ContainsFunc(s.Workloads, func(w workload) bool { return w.Cluster != "" })}
	for _, e := range s.Edges {
		list := &t.Edges
		if n.nameless(e.From) || n.nameless(e.To) {
			list = &t.Refused
		}
		*list = append(*list, n.links(&e)...)
	}
	for _, e := range s.Noise {
		switch e.Kind {
		case "test":
			t.Tests = append(t.Tests, n.links(&e)...)
		case "denied", "scan":
			t.Denied = append(t.Denied, n.links(&e)...)
		}
	}
	// What a log gives one name may work and be denied: then it worked.
	t.Denied = slices.DeleteFunc(
		t.Denied,
		func(l link) bool { return slices.Contains(t.Edges, l) || slices.Contains(t.Tests, l) },
	)
	for _, list := range []*[]link{&t.Edges, &t.Tests, &t.Denied, &t.Refused} {
		slices.SortFunc(*list, func(a, b link) int {
			return cmp.Or(
				strings.Compare(a.Source, b.Source),
				strings.Compare(a.Destination, b.Destination),
				strings.Compare(a.Port, b.Port),
			)
		})
		*list = slices.Compact(*list)
	}
	return t
}

// narrator tells edges in the words of a format.
type narrator struct {
	s       *scenario
	parties map[string][]*party
	format  string
	calico  *calicoFormat // nil: Hubble
	mesh    bool          // several clusters: names begin with theirs
}

// nameless reports whether the format tells nothing of an end that a policy could select: a workload that is unmanaged
// as a whole (one managed replica is enough to know it by), and in Whisker, which gives no types, a NetworkSet with a
// namespace, since it looks like a pod without labels.
func (n *narrator) nameless(end string) bool {
	list := n.parties[end]
	if n.calico != nil {
		return n.typeless() && n.posing(list[0])
	}
	w := list[0].w
	return w != nil && w.Unmanaged >= len(list)
}

// typeless reports whether the format leaves out what kind an end is.
func (n *narrator) typeless() bool { return strings.HasPrefix(n.format, "whisker") }

func (n *narrator) posing(p *party) bool {
	set := networkOf(n.s.Networks, p.ip)
	return !endpoint(p) && set != nil && set.Namespace != "" && len(set.Labels) == 0
}

// links are the edges that a dependency shows as: several where an end is a hostNetwork pod, on the node of the other
// and on others; none where the log leaves it out.
func (n *narrator) links(e *edge) []link {
	var out []link
	froms, tos := n.parties[e.From], n.parties[e.To]
	if !onHost(froms[0]) && !onHost(tos[0]) {
		froms, tos = froms[:1], tos[:1] // all show alike
	}
	for _, from := range froms {
		for _, to := range tos {
			near := from.node == to.node
			if near && onHost(from) || n.calico != nil && e.From == "host" {
				continue // a node reaching its own pods is no dependency
			}
			for _, v6 := range families(from, to) {
				addressed := n.calico != nil && n.calico.enterprise &&
					e.Kind == "denied" // its default: addresses of what was denied alone
				out = append(
					out,
					link{
						n.end(e.From, from, near, addressed, v6),
						n.end(e.To, to, near, addressed, v6),
						portName(e, v6),
					},
				)
			}
		}
	}
	return out
}

// families are those that two ends can talk in. Only pings look different.
func families(from, to *party) []bool {
	switch {
	case strings.Contains(from.ip+to.ip, ":"):
		return []bool{true}
	case from.ip6 != "" && to.ip6 != "":
		return []bool{false, true}
	}
	return []bool{false}
}

func portName(e *edge, v6 bool) string {
	proto := cmp.Or(e.Proto, "tcp")
	switch {
	case e.Kind == "scan":
		return "*"
	case proto == "icmp" && v6:
		return "128/icmpv6"
	case proto == "icmp":
		return "8/icmp"
	}
	return fmt.Sprintf("%d/%s", e.Port, proto)
}

// end is what the format calls an end.
func (n *narrator) end(end string, p *party, near, addressed, v6 bool) string {
	switch {
	case endpoint(p) && n.nameless(end):
		return p.w.Namespace + "/pod:" + p.name
	case n.calico != nil && endpoint(p):
		return end
	case n.calico != nil:
		return n.network(p, addressed, v6)
	case p.w != nil && !p.w.HostNetwork && n.mesh:
		return cmp.Or(p.w.Cluster, n.s.Cluster) + "/" + end
	case p.w != nil && !p.w.HostNetwork:
		return end
	case p.w != nil && near:
		return "entity:host"
	case p.w != nil:
		return "entity:remote-node"
	case strings.HasPrefix(end, "world:"):
		return end
	}
	return "entity:" + map[string]string{"node": "remote-node", "host": "host", "ingress": "ingress", "multicast": "unknown",
		"apiserver": "remote-node+kube-apiserver", "apiserver-outside": "kube-apiserver+world"}[end]
}

// network is Calico's word for an address that is no pod's.
func (n *narrator) network(p *party, addressed, v6 bool) string {
	set := networkOf(n.s.Networks, p.address(v6))
	switch {
	case set != nil && n.typeless() && n.posing(p):
		return set.Namespace + "/pod:" + set.Name
	case set != nil && set.Namespace != "":
		return "networkset:" + set.Namespace + "/" + set.Name
	case set != nil:
		return "networkset:" + set.Name
	case addressed:
		return "world:" + p.address(v6)
	}
	return "network:" + publicOrPrivate(p.address(v6))
}

// writeTruth writes the truth, sorted, as JSON with an edge a line.
func writeTruth(w io.Writer, s *scenario, format string) error {
	t := truthOf(s, format)
	var b strings.Builder
	b.WriteString("{")
	for i, list := range []struct {
		name  string
		links []link
	}{{"edges", t.Edges}, {"tests", t.Tests}, {"denied", t.Denied}, {"refused", t.Refused}} {
		if i > 0 && len(list.links) == 0 {
			continue
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "%q:[", list.name)
		for j, l := range list.links {
			if j > 0 {
				b.WriteString(",")
			}
			text, err := json.Marshal(l)
			if err != nil {
				return err
			}
			b.WriteString("\n")
			b.Write(text)
		}
		b.WriteString("\n]")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}
