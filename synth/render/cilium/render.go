package cilium

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// writer makes API objects. watch says that answers of resolvers have to be watched.
type writer struct {
	watch  bool
	labels map[string]string
}

func (w writer) object(p *policy.Policy) networkPolicy {
	o := w.head(p)
	o.Spec = w.spec(p)
	return o
}

// head is an object that says nothing yet.
func (w writer) head(p *policy.Policy) networkPolicy {
	o := networkPolicy{APIVersion: apiVersion, Kind: kindNamespaced, Metadata: metadata{p.Name, p.Namespace, w.labels}}
	if p.Namespace == "" {
		o.Kind = kindClusterWide
	}
	return o
}

func (w writer) spec(p *policy.Policy) *spec {
	s := &spec{EndpointSelector: subjectOf(p.Subject)}
	if p.Namespace == "" {
		s.EndpointSelector = selectorOf(p.SubjectNamespaces, p.Subject)
	}
	for i, r := range p.Rules {
		to := w.rule(p.Namespace, r)
		to.Note = render.NoteOf(p, i)
		switch {
		case r.Direction == model.Ingress && r.Action == policy.Deny:
			s.IngressDeny = append(s.IngressDeny, to)
		case r.Direction == model.Ingress:
			s.Ingress = append(s.Ingress, to)
		case r.Action == policy.Deny:
			s.EgressDeny = append(s.EgressDeny, to)
		default:
			s.Egress = append(s.Egress, to)
		}
	}
	isolate(s, p)
	return s
}

// nothing is said of a rule that names nothing.
const nothing render.Remark = "allows nothing, so that all is denied"

// isolate writes which directions the policy isolates. A direction with rules does unless told otherwise; one without
// does by a rule that names nothing.
func isolate(s *spec, p *policy.Policy) {
	if p.Ingress && len(s.Ingress)+len(s.IngressDeny) == 0 {
		s.Ingress = []rule{{Note: nothing}}
	}
	if p.Egress && len(s.Egress)+len(s.EgressDeny) == 0 {
		s.Egress = []rule{{Note: nothing}}
	}
	no := false
	d := defaultDeny{}
	if !p.Ingress && (len(s.Ingress)+len(s.IngressDeny) > 0 || !p.Egress) {
		d.Ingress = &no
	}
	if !p.Egress && (len(s.Egress)+len(s.EgressDeny) > 0 || !p.Ingress) {
		d.Egress = &no
	}
	if d != (defaultDeny{}) {
		s.EnableDefaultDeny = &d
	}
}

// subjectOf is a selector within the namespace of the policy, which Cilium adds itself.
func subjectOf(pods policy.Selector) render.LabelSelector {
	s := selectorOf(policy.Namespace("x"), pods)
	s.MatchLabels.Drop(source + namespaceLabel)
	return s
}

func (w writer) rule(namespace string, r policy.Rule) rule {
	var out rule
	var endpoints []render.LabelSelector
	var entities, cidrs []string
	var sets []cidrRule
	if r.AnyPeer {
		entities = []string{"all"}
	}
	for _, p := range r.Peers {
		switch p.Kind {
		case policy.PeerPods:
			if p.Within(namespace) {
				endpoints = append(endpoints, subjectOf(p.Pods))
			} else {
				endpoints = append(endpoints, selectorOf(p.Namespaces, p.Pods))
			}
		case policy.PeerCIDR:
			cidrs = append(cidrs, p.CIDR.String())
			sets = append(sets, cidrRule{CIDR: p.CIDR.String(), Except: texts(p.Except)})
		case policy.PeerNetwork:
			sets = append(sets, cidrRule{CIDRGroupRef: p.Name})
		case policy.PeerEntities:
			entities = append(entities, nameOf(p.Entities))
		case policy.PeerFQDN:
			out.ToFQDNs = append(out.ToFQDNs, fqdnOf(p.Name))
		default:
		}
	}
	if slices.ContainsFunc(sets, func(s cidrRule) bool { return s.CIDR == "" || len(s.Except) > 0 }) {
		cidrs = nil
	} else {
		sets = nil
	}
	if r.Direction == model.Ingress {
		out.FromEndpoints, out.FromEntities, out.FromCIDR, out.FromCIDRSet = endpoints, entities, cidrs, sets
	} else {
		out.ToEndpoints, out.ToEntities, out.ToCIDR, out.ToCIDRSet = endpoints, entities, cidrs, sets
	}
	if len(r.Ports) > 0 && isICMP(r.Ports[0].Proto) {
		out.ICMPs = messagesOf(r.Ports)
	} else {
		watch := w.watch && r.Direction == model.Egress && r.Action == policy.Allow && len(out.ToFQDNs) == 0
		out.ToPorts = portsOf(r.Ports, watch)
	}
	return out
}

func nameOf(e model.Entities) string {
	for _, n := range entityNames {
		if n.entity == e {
			return n.name
		}
	}
	return ""
}

func fqdnOf(name string) fqdn {
	if strings.Contains(name, "*") {
		return fqdn{MatchPattern: name}
	}
	return fqdn{MatchName: name}
}

// portsOf writes ports, those of DNS apart where answers are to be watched: all names may be asked.
func portsOf(ports []policy.Port, watch bool) []portRule {
	var plain, dns []port
	for _, p := range ports {
		q := port{Protocol: protocols[p.Proto]}
		switch {
		case p.Name != "":
			q.Port = p.Name
		case !p.Whole():
			q.Port = strconv.Itoa(int(p.First))
			if p.Last != p.First {
				q.EndPort = p.Last
			}
		case hasPorts(p.Proto):
			q.Port = "0"
		}
		if watch && p.First == dnsPort && p.Last == dnsPort && p.Proto != model.SCTP {
			dns = append(dns, q)
		} else {
			plain = append(plain, q)
		}
	}
	var out []portRule
	for chunk := range slices.Chunk(plain, mostPorts) {
		out = append(out, portRule{Ports: chunk})
	}
	if len(dns) > 0 {
		out = append(out, portRule{dns, &l7Rules{[]fqdn{{MatchPattern: "*"}}}})
	}
	return out
}

func messagesOf(ports []policy.Port) []icmpRule {
	var out []icmpRule
	for chunk := range slices.Chunk(ports, mostPorts) {
		var fields []icmpField
		for _, p := range chunk {
			fields = append(fields, icmpField{families[p.Proto], p.First})
		}
		out = append(out, icmpRule{fields})
	}
	return out
}

func texts(list []netip.Prefix) []string {
	out := make([]string, 0, len(list))
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}
