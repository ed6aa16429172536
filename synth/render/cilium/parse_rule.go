package cilium

import (
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// draft is a rule of the API while it is read.
type draft struct {
	policy.Rule
	kinds        []string // the fields that name peers
	nobody       bool     // one of them is an empty list: the rule is for nobody
	ports, icmps bool     // it has such a list
}

// rules adds the rules of one list to the policy, and gives how many items it has: the empty ones isolate too.
func (r reader) rules(n *yaml.Node, field string, d model.Direction, a policy.Action, p *policy.Policy) int {
	if n == nil {
		return 0
	}
	items := r.List(n, "spec."+field)
	for _, item := range items {
		to := draft{Rule: policy.Rule{Direction: d, Action: a, Source: r.Position(item)}}
		r.Fields(item, "spec."+field, r.ruleFields(&to, field))
		if len(to.kinds) > 1 {
			r.Bad(item, "spec.%s: %s cannot stand in one rule", field, strings.Join(to.kinds, " and "))
		}
		if to.ports && to.icmps {
			r.Bad(item, "spec.%s: toPorts and icmps cannot stand in one rule", field)
		}
		if len(to.kinds) == 0 && !to.nobody && (to.ports || to.icmps) {
			to.AnyPeer = true // a rule that has neither peers nor ports matches nothing
		}
		to.AnyPort = !to.ports && !to.icmps
		if !to.nobody && !r.Invalid() {
			p.Rules = append(p.Rules, normal(to.Rule.Canonical())...)
		}
	}
	return len(items)
}

// ruleFields are the fields of a rule of one list.
func (r reader) ruleFields(to *draft, field string) map[string]func(*yaml.Node) {
	word := "from"
	if to.Direction == model.Egress {
		word = "to"
	}
	f := map[string]func(*yaml.Node){}
	peers := func(name string, read func(n *yaml.Node, path string) []policy.Peer) {
		path := field + "." + name
		f[name] = func(v *yaml.Node) {
			if render.IsNull(v) {
				return
			}
			items := r.List(v, path)
			if len(items) == 0 && name != "toFQDNs" {
				to.nobody = true // no names at all are like no list
			}
			if len(items) > 0 {
				to.kinds = append(to.kinds, name)
			}
			for _, item := range items {
				to.Peers = append(to.Peers, read(item, path)...)
			}
		}
	}
	peers(word+"Endpoints", r.endpoints)
	peers(word+"Entities", func(n *yaml.Node, path string) []policy.Peer { return r.entity(n, path, to) })
	peers(word+"CIDR", r.cidr)
	peers(word+"CIDRSet", r.cidrSet)
	for _, name := range []string{"Groups", "Nodes"} {
		f[word+name] = r.unsupported(field + "." + word + name)
	}
	f[word+"Requires"] = func(v *yaml.Node) {
		if !render.IsNull(v) {
			r.Bad(
				v,
				"spec.%s.%sRequires: Cilium 1.20 has no such field, and policies that have it are refused",
				field,
				word,
			)
		}
	}
	if to.Direction == model.Egress {
		peers("toServices", r.service)
		if to.Action == policy.Allow {
			peers("toFQDNs", r.fqdn)
		}
	}
	f["toPorts"] = func(v *yaml.Node) {
		for _, item := range r.List(v, field+".toPorts") {
			to.ports = true
			to.Ports = append(to.Ports, r.portRule(item, field+".toPorts", to.Action)...)
		}
	}
	f["icmps"] = func(v *yaml.Node) {
		for _, item := range r.List(v, field+".icmps") {
			to.icmps = true
			to.Ports = append(to.Ports, r.icmp(item, field+".icmps")...)
		}
	}
	if to.Action == policy.Allow {
		f["authentication"] = func(v *yaml.Node) { r.authentication(v, field+".authentication") }
	}
	return f
}

// authentication reads what both ends have to prove of themselves besides, in the modes of the schema.
func (r reader) authentication(n *yaml.Node, path string) {
	if render.IsNull(n) {
		return
	}
	mode := ""
	r.Fields(n, path, map[string]func(*yaml.Node){"mode": func(v *yaml.Node) { mode, _ = r.Text(v, path+".mode") }})
	switch {
	case r.Invalid() || mode == "disabled":
	case mode == "required":
		r.narrow(n, path, "both ends also have to authenticate")
	case mode == "test-always-fail":
		r.Report(render.Unsupported, n, "%s: %s lets nothing pass that this rule matches, whatever other rules allow", path, mode)
	default:
		r.Bad(n, "%s.mode: %q is none of disabled, required, test-always-fail", path, mode)
	}
}

// unsupported is a field whose meaning only a running agent knows.
func (r reader) unsupported(path string) func(*yaml.Node) {
	return func(v *yaml.Node) {
		if !render.IsNull(v) {
			r.Report(render.Unsupported, v, "%s: only a running agent can tell what it selects", path)
		}
	}
}

func (r reader) entity(n *yaml.Node, path string, to *draft) []policy.Peer {
	s, ok := r.Text(n, path)
	switch s {
	case "all":
		to.AnyPeer = true
		return nil
	case "none":
		return nil
	case "cluster":
		return append(eachEntity(sayable&^model.World), policy.Peer{Kind: policy.PeerPods})
	case "cluster-mesh": // the pods of every cluster: one that names the label of the cluster is for others as well
		everywhere := policy.Selector{{Key: clusterLabel, Op: policy.Exists}}
		return append(eachEntity(sayable&^model.World), policy.Peer{Kind: policy.PeerPods, Pods: everywhere})
	}
	for _, e := range entityNames {
		if e.name == s {
			return eachEntity(e.entity)
		}
	}
	if ok {
		r.Bad(n, "%s: %q is no entity%s", path, s, render.QuoteHint(s))
	}
	return nil
}

// service reads a peer that names a service, or several by their labels. Which pods stand behind it the service's own
// object says (Cilium 1.17 and later).
func (r reader) service(n *yaml.Node, path string) []policy.Peer {
	p := policy.Peer{Kind: policy.PeerService}
	word := func(to *string, path string) func(*yaml.Node) {
		return func(v *yaml.Node) { *to, _ = r.Text(v, path) }
	}
	var selector *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){
		"k8sService": func(v *yaml.Node) {
			path := path + ".k8sService"
			r.Fields(v, path, map[string]func(*yaml.Node){
				"serviceName": word(&p.Name, path+".serviceName"), "namespace": word(&p.Namespace, path+".namespace")})
		},
		"k8sServiceSelector": func(v *yaml.Node) {
			path := path + ".k8sServiceSelector"
			r.Fields(v, path, map[string]func(*yaml.Node){
				"selector": func(v *yaml.Node) { selector = v }, "namespace": word(&p.Namespace, path+".namespace")})
		},
	})
	switch {
	case r.Invalid():
		return nil
	case p.Name == "" && selector == nil:
		r.Report(render.Note, n, "%s: it names no service, and selects nothing", path)
		return nil
	case selector != nil && p.Name != "":
		r.Report(render.Unsupported, n, "%s: k8sService and k8sServiceSelector in one entry", path)
		return nil
	case selector != nil:
		for _, t := range r.selector(selector, path+".k8sServiceSelector.selector") {
			p.Pods = append(p.Pods, t.Requirement)
		}
	}
	return []policy.Peer{p} // without a namespace it is of any
}

func (r reader) cidr(n *yaml.Node, path string) []policy.Peer {
	s, ok := r.Text(n, path)
	if !ok {
		return nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		p := netip.PrefixFrom(a, a.BitLen())
		r.Report(render.Note, n, "%s: read as %s: the agent takes an address, newer API servers refuse it", path, p)
		return []policy.Peer{{Kind: policy.PeerCIDR, CIDR: p}}
	}
	return []policy.Peer{{Kind: policy.PeerCIDR, CIDR: r.Prefix(n, path)}}
}

func (r reader) cidrSet(n *yaml.Node, path string) []policy.Peer {
	p := policy.Peer{Kind: policy.PeerCIDR}
	var except []*yaml.Node
	group := false
	r.Fields(n, path, map[string]func(*yaml.Node){
		"cidr": func(v *yaml.Node) { p.CIDR = r.Prefix(v, path+".cidr") },
		"cidrGroupRef": func(v *yaml.Node) {
			s, ok := r.Text(v, path+".cidrGroupRef")
			if ok && !render.ValidName(s) {
				r.Bad(v, "%s.cidrGroupRef: %q is not a name%s", path, s, render.QuoteHint(s))
			}
			p.Name, group = s, true
		},
		"cidrGroupSelector": func(v *yaml.Node) {
			r.Report(render.Unsupported, v, "%s.cidrGroupSelector: groups are read by name only", path)
		},
		"except": func(v *yaml.Node) { except = r.List(v, path+".except") },
	})
	switch {
	case r.Invalid():
		return nil
	case group == p.CIDR.IsValid():
		r.Bad(n, "%s: want one of cidr and cidrGroupRef", path)
		return nil
	case group && len(except) > 0:
		r.Report(render.Unsupported, except[0], "%s: exceptions of a group", path)
		return nil
	case group:
		p.Kind = policy.PeerNetwork
		return []policy.Peer{p}
	}
	return r.except(p, except, path+".except")
}

// except reads the exceptions of a network; the API wants their addresses inside it.
func (r reader) except(p policy.Peer, list []*yaml.Node, path string) []policy.Peer {
	for _, v := range list {
		x := r.Prefix(v, path)
		if r.Invalid() {
			return nil
		}
		if raw, err := netip.ParsePrefix(v.Value); err != nil || !p.CIDR.Contains(raw.Addr()) {
			r.Bad(v, "%s: %s is not inside %s", path, v.Value, p.CIDR)
			return nil
		}
		p.Except = append(p.Except, x)
	}
	if q, ok := normalCIDR(p); ok {
		return []policy.Peer{q}
	}
	r.Report(render.Note, list[0], "%s: nothing is left of %s", path, p.CIDR)
	return nil
}

func (r reader) fqdn(n *yaml.Node, path string) []policy.Peer {
	var names []string
	read := func(field string, star bool) func(*yaml.Node) {
		return func(v *yaml.Node) {
			s, ok := r.Text(v, path+"."+field)
			if !ok || s == "" {
				return
			}
			s = normalName(s)
			if !validName(s) || !star && strings.Contains(s, "*") {
				r.Bad(v, "%s.%s: %q is no DNS name%s", path, field, v.Value, render.QuoteHint(v.Value))
			}
			names = append(names, s)
		}
	}
	r.Fields(
		n,
		path,
		map[string]func(*yaml.Node){"matchName": read("matchName", false), "matchPattern": read("matchPattern", true)},
	)
	switch {
	case r.Invalid():
	case len(names) != 1:
		r.Bad(n, "%s: want one of matchName and matchPattern", path)
	default:
		return []policy.Peer{{Kind: policy.PeerFQDN, Name: slices.Min(names)}}
	}
	return nil
}
