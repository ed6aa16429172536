package calico

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Render writes one file for each policy, tier and named network, by namespace and name, and says what the dialect
// cannot say. Every object carries the labels, each "key=value". Equal sets give the same bytes. A name that Calico
// would refuse is an error, as it would not even be a safe file name.
func Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	set, lost := Project(set)
	w := writer{seen: map[string]bool{}, labels: render.LabelMap(labels)}
	for _, t := range set.Tiers {
		w.tier(t)
	}
	for _, n := range set.Networks {
		w.network(n)
	}
	for i := range set.Policies {
		w.policy(&set.Policies[i])
	}
	errs := make([]error, len(w.files))
	model.Each(len(w.files), func(i int) { w.files[i].YAML, errs[i] = render.Marshal(w.objects[i]) })
	if err := cmp.Or(w.err, errors.Join(errs...)); err != nil {
		return nil, nil, err
	}
	return w.files, lost, nil
}

// writer collects objects and their files until the first error.
type writer struct {
	objects []object
	files   []render.File
	seen    map[string]bool
	labels  map[string]string
	err     error
}

// add writes an object. Policies give their files their own names, other objects put their kind before it.
func (w *writer) add(prefix string, o object) {
	if w.err != nil {
		return
	}
	what := fmt.Sprintf("render %s %q of namespace %q", o.Kind, o.Metadata.Name, o.Metadata.Namespace)
	if !validName(o.Metadata.Name) || o.Metadata.Namespace != "" && !render.ValidNamespace(o.Metadata.Namespace) {
		w.err = fmt.Errorf("%s: Calico would refuse the name", what)
		return
	}
	f := render.File{Namespace: o.Metadata.Namespace, Name: prefix + o.Metadata.Name}
	if w.seen[f.Path()] {
		w.err = fmt.Errorf("%s: there is another %s", what, f.Path())
	}
	w.seen[f.Path()] = true
	for k, v := range w.labels {
		if o.Metadata.Labels == nil {
			o.Metadata.Labels = map[string]string{}
		}
		o.Metadata.Labels[k] = v
	}
	w.objects, w.files = append(w.objects, o), append(w.files, f)
}

// validName reports whether Calico takes a name: a DNS label, behind a tier and a dot where it has one.
func validName(s string) bool {
	tier, name, ok := strings.Cut(s, ".")
	if !ok {
		return render.ValidNamespace(s)
	}
	return len(s) <= 253 && render.ValidNamespace(tier) && render.ValidNamespace(name)
}

func (w *writer) tier(t policy.Tier) {
	action := "Deny"
	if t.Pass {
		action = "Pass"
	}
	w.add("tier-", object{apiVersion, kindTier, metadata{Name: t.Name}, tierSpec{t.Order, action}})
}

func (w *writer) network(n policy.Network) {
	o := object{
		APIVersion: apiVersion,
		Kind:       kindNetworkSet,
		Metadata:   metadata{Name: n.Name, Namespace: n.Namespace, Labels: map[string]string{}},
	}
	if n.Namespace == "" {
		o.Kind = kindGlobalNetworkSet
		o.Metadata.Labels[networkLabel] = n.Name
	}
	for _, l := range n.Labels {
		k, v, _ := strings.Cut(l, "=")
		o.Metadata.Labels[k] = v
	}
	nets := []string{}
	for _, c := range n.CIDRs {
		nets = append(nets, c.String())
	}
	o.Spec = networkSpec{nets}
	w.add("network-", o)
}

func (w *writer) policy(p *policy.Policy) {
	o := object{apiVersion, kindPolicy, metadata{Name: p.Name, Namespace: p.Namespace}, nil}
	spec := policySpec{Order: p.Order, Selector: SelectorText(p.Subject)}
	if p.Namespace == "" {
		o.Kind = kindGlobalPolicy
		if len(p.SubjectNamespaces) > 0 {
			spec.NamespaceSelector = SelectorText(p.SubjectNamespaces)
		}
	}
	if p.Staged {
		o.Kind = staged + o.Kind
	}
	if p.Tier != policy.DefaultTier {
		spec.Tier = p.Tier
	}
	if p.Ingress {
		spec.Types = append(spec.Types, "Ingress")
	}
	if p.Egress {
		spec.Types = append(spec.Types, "Egress")
	}
	for i, r := range p.Rules {
		note := render.NoteOf(p, i)
		for _, part := range split(r) {
			one := ruleOf(p.Namespace, part)
			one.Note = note
			if r.Direction == model.Ingress {
				spec.Ingress = append(spec.Ingress, one)
			} else {
				spec.Egress = append(spec.Egress, one)
			}
		}
	}
	o.Spec = spec
	w.add("", o)
}

var actions = map[policy.Action]string{policy.Allow: "Allow", policy.Deny: "Deny", policy.Pass: "Pass"}

// protocols are the names that the API has; others are numbers.
var protocols = map[model.Proto]string{
	model.TCP:    "TCP",
	model.UDP:    "UDP",
	model.SCTP:   "SCTP",
	model.ICMP:   "ICMP",
	model.ICMPv6: "ICMPv6",
}

// ruleOf writes a rule that split left: one peer as Calico has them, one condition on the own pod, and one protocol.
func ruleOf(namespace string, r policy.Rule) rule {
	out := rule{Action: actions[r.Action]}
	self, peer := &out.Destination, &out.Source
	if r.Direction == model.Egress {
		self, peer = peer, self
	}
	if !r.AnyPeer {
		*peer = entityOf(r.Peers)
		if first := &r.Peers[0]; len(first.Pods) > 0 && first.Within(namespace) {
			(*peer).NamespaceSelector = "" // it is the policy's own
		}
	}
	if len(r.Self) > 0 {
		*self = entityOf(r.Self)
	}
	if r.AnyPort {
		if len(r.NotPorts) > 0 {
			out.NotProtocol = protocolOf(r.NotPorts[0].Proto)
		}
		return out
	}
	first := r.Ports[0]
	out.Protocol = protocolOf(first.Proto)
	if !first.Proto.HasPorts() {
		out.ICMP = messageOf(r.Ports)
		out.NotICMP = messageOf(r.NotPorts)
		return out
	}
	if out.Destination == nil && !(first.Whole() && len(r.NotPorts) == 0) {
		out.Destination = &entity{}
	}
	for _, p := range r.Ports {
		if !p.Whole() {
			out.Destination.Ports = append(out.Destination.Ports, portText(p))
		}
	}
	for _, p := range r.NotPorts {
		out.Destination.NotPorts = append(out.Destination.NotPorts, portText(p))
	}
	return out
}

// protocolOf is a name, or a number for a protocol that has none.
func protocolOf(p model.Proto) any {
	if name, ok := protocols[p]; ok {
		return name
	}
	return uint8(p)
}

// messageOf writes the one message of a list, nil where there is none or every message.
func messageOf(list []policy.Port) *icmp {
	if len(list) == 0 || list[0].Whole() {
		return nil
	}
	p := list[0]
	m := &icmp{Type: p.First}
	if p.Code > 0 {
		code := int(p.Code) - 1
		m.Code = &code
	}
	return m
}

// entityOf writes one peer, or several networks of one family.
func entityOf(peers []policy.Peer) *entity {
	p := peers[0]
	switch p.Kind {
	case policy.PeerCIDR:
		e := &entity{}
		for _, q := range peers {
			e.Nets = append(e.Nets, q.CIDR.String())
		}
		for _, x := range p.Except {
			e.NotNets = append(e.NotNets, x.String())
		}
		return e
	case policy.PeerService:
		return &entity{Services: &service{p.Name, p.Namespace}}
	case policy.PeerAll:
		e := &entity{}
		for i := range p.All {
			one := entityOf(p.All[i : i+1])
			if p.All[i].Kind == policy.PeerCIDR {
				e.Nets, e.NotNets = one.Nets, one.NotNets
			} else {
				e.Selector, e.NamespaceSelector = one.Selector, one.NamespaceSelector
			}
		}
		if len(p.None) > 0 {
			e.NotSelector = SelectorText(p.None[0].Pods)
		}
		return e
	case policy.PeerNetwork:
		sel := p.Pods
		if p.Name != "" {
			sel = policy.Selector{{Key: networkLabel, Values: []string{p.Name}}}
		}
		return &entity{NamespaceSelector: "global()", Selector: SelectorText(sel)}
	default:
	}
	e := &entity{NamespaceSelector: namespacesText(p.Namespaces)}
	if len(p.Pods) > 0 {
		e.Selector = SelectorText(p.Pods)
	}
	return e
}

// namespacesText writes a selector of namespaces, which must not find what has no namespace at all: a condition that
// a missing label meets does, unless all() stands before it.
func namespacesText(s policy.Selector) string {
	text := SelectorText(s)
	if len(s) == 0 || !s.Matches(nil) {
		return text
	}
	if len(s) == 1 && s[0].Op == policy.Either {
		text = "(" + text + ")"
	}
	return "all() && " + text
}

// portText is a number, "first:last" or a name.
func portText(p policy.Port) any {
	switch {
	case p.Name != "":
		return p.Name
	case p.First == p.Last:
		return p.First
	}
	return fmt.Sprintf("%d:%d", p.First, p.Last)
}
