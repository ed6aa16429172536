package eval

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// What a decision of Calico's can lack beside the rest.
const (
	needAccount  need = "the service account of the pod"
	needServices need = "the endpoints of services"
	needHost     need = "the labels of the host endpoint"

	needTier = "the tier " // and its name
)

// Labels that Calico gives to every pod, and the prefixes of those that it inherits.
const (
	calicoNamespace     = "projectcalico.org/namespace"
	calicoOrchestrator  = "projectcalico.org/orchestrator"
	calicoAccount       = "projectcalico.org/serviceaccount"
	calicoNamespaceName = "projectcalico.org/name" // of a namespace
	namespacePrefix     = "pcns."
	accountPrefix       = "pcsa."
)

// view is a set of labels, some of which are not known.
type view struct {
	labels model.Labels
	lacks  func(key string) need // what to know for the label of a key, "" where it is known
}

// matches reports whether a selector finds the labels.
func (v *view) matches(s policy.Selector, n *need) model.Tri {
	m := model.Yes
	for i := range s {
		m = and(m, v.meets(&s[i], n))
	}
	return m
}

func (v *view) meets(r *policy.Requirement, n *need) model.Tri {
	if r.Op == policy.Either {
		m := model.No
		for _, s := range r.Any {
			m = either(m, v.matches(s, n))
		}
		return m
	}
	if what := v.lacks(r.Key); what != "" {
		return n.unknown(what)
	}
	return tri(r.Matches(v.labels))
}

// known is the lacks of a view that lacks nothing.
func known(string) need { return "" }

// overlay returns labels with others put over them.
func overlay(labels model.Labels, over ...string) model.Labels {
	kv := slices.Clone(over)
	for _, l := range labels {
		key, _, _ := strings.Cut(l, "=")
		if !slices.ContainsFunc(over, func(o string) bool { k, _, _ := strings.Cut(o, "="); return k == key }) {
			kv = append(kv, l)
		}
	}
	return model.MakeLabels(kv)
}

// calicoViews returns a pod's labels and those of its namespace as Calico's selectors see them.
func calicoViews(f *Facts) (pod, namespace view) {
	namespace = view{overlay(withName(f.NamespaceLabels, f.Namespace), calicoNamespaceName+"="+f.Namespace), known}
	if f.NamespaceLabels == nil {
		namespace.lacks = lacksNamespace
	}
	account := f.ServiceAccount
	if account == "" && !f.LabelsUnknown {
		account, _ = f.Labels.Get(calicoAccount)
	}
	own := []string{calicoNamespace + "=" + f.Namespace, calicoOrchestrator + "=k8s"}
	if account != "" {
		own = append(own, calicoAccount+"="+account)
	}
	var inherited []string
	for _, l := range namespace.labels {
		inherited = append(inherited, namespacePrefix+l)
	}
	for _, l := range f.ServiceAccountLabels {
		inherited = append(inherited, accountPrefix+l)
	}
	if !f.LabelsUnknown {
		inherited = overlay(inherited, f.Labels...)
	}
	pod.labels = overlay(inherited, own...)
	pod.lacks = func(key string) need {
		switch {
		case key == calicoNamespace || key == calicoOrchestrator:
			return ""
		case key == calicoAccount:
			if account == "" {
				return needAccount
			}
			return ""
		case f.LabelsUnknown:
			return needLabels
		case strings.HasPrefix(key, accountPrefix) && f.ServiceAccountLabels == nil:
			return needAccount
		case strings.HasPrefix(key, namespacePrefix):
			return namespace.lacks(key[len(namespacePrefix):])
		}
		return ""
	}
	return pod, namespace
}

// lacksNamespace is the lacks of a namespace of which only the name is known.
func lacksNamespace(key string) need {
	if key == policy.NamespaceName || key == calicoNamespaceName {
		return ""
	}
	return needNamespace
}

// calicoEnd notes which policies select the end, in the order of their evaluation.
func (e *Evaluator) calicoEnd(end *End) {
	end.labels, end.ofNamespace = calicoViews(&end.Facts)
	var n need
	for _, i := range e.policiesOf(end, end.labels.labels) {
		e.sel(end, i, end.labels.matches(e.set.Policies[i].Subject, &n))
	}
	for _, i := range e.clusterWide {
		p := &e.set.Policies[i]
		e.sel(end, i, and(end.labels.matches(p.Subject, &n), end.ofNamespace.matches(p.SubjectNamespaces, &n)))
	}
	end.lacks = n
	e.tiers.sort(&end.ingress)
	e.tiers.sort(&end.egress)
}

// calicoRule reports whether r matches the connection.
func (e *Evaluator) calicoRule(p *policy.Policy, r *policy.Rule, peers []resolved, a *asked, n *need) model.Tri {
	var lacks need
	m := tri(r.AnyPort)
	for i := 0; i < len(r.Ports) && m != model.Yes; i++ {
		m = either(m, a.port1(r, &r.Ports[i], &lacks))
	}
	for i := 0; i < len(r.NotPorts) && m != model.No; i++ {
		m = and(m, not(a.port1(r, &r.NotPorts[i], &lacks)))
	}
	if m == model.No {
		return m
	}
	if !r.AnyPeer {
		m = and(m, e.anyOf(p, r.Peers, peers, a.peer, a, &lacks))
	}
	if len(r.Self) > 0 && m != model.No {
		m = and(m, e.anyOf(p, r.Self, nil, a.subject, a, &lacks))
	}
	if m == model.Unknown {
		n.unknown(lacks)
	}
	return m
}

func not(t model.Tri) model.Tri {
	switch t {
	case model.Yes:
		return model.No
	case model.No:
		return model.Yes
	default:
	}
	return t
}

// port1 reports whether a port of a rule is that of the connection. A name is looked up only among the pods that the
// rule's selector of the destination finds by their labels: not in those whose address is in a network that it finds.
func (a *asked) port1(r *policy.Rule, p *policy.Port, n *need) model.Tri {
	m := a.server.matchPort(p, a.proto, a.port, n)
	if p.Name != "" && m != model.No {
		list := r.Self
		if a.dir == model.Egress {
			list = r.Peers
		}
		found := tri(len(list) == 0)
		for i := 0; i < len(list) && found != model.Yes; i++ {
			found = either(found, a.server.selectedBy(&list[i], n))
		}
		m = and(m, found)
	}
	return m
}

// selectedBy reports whether a pod has the labels that q asks for, if it asks for any.
func (e *End) selectedBy(q *policy.Peer, n *need) model.Tri {
	switch q.Kind {
	case policy.PeerPods:
		if !e.IsPod {
			return model.No
		}
		return and(e.labels.matches(q.Pods, n), e.ofNamespace.matches(q.Namespaces, n))
	case policy.PeerNetwork:
		return model.No
	case policy.PeerAll:
		m := model.Yes
		for i := range q.All {
			m = and(m, e.selectedBy(&q.All[i], n))
		}
		return m
	default:
	}
	return model.Yes
}

// anyOf reports whether one of the peers, in policy p, names end. Those that are resolved need not be read.
func (e *Evaluator) anyOf(
	p *policy.Policy, list []policy.Peer, known []resolved, end *End, a *asked, n *need,
) model.Tri {
	m := model.No
	for i := 0; i < len(list) && m != model.Yes; i++ {
		if i < len(known) && (p.Tier == "" || len(e.set.Networks) == 0) {
			if found, ok := known[i].finds(a.subject, end); ok {
				m = either(m, found)
				continue
			}
		}
		m = either(m, e.calicoPeer(p, &list[i], end, a, n))
	}
	if m == model.Unknown && everywhere(list) {
		return model.Yes
	}
	return m
}

// calicoPeer reports whether q, in policy p, names end.
func (e *Evaluator) calicoPeer(p *policy.Policy, q *policy.Peer, end *End, a *asked, n *need) model.Tri {
	switch q.Kind {
	case policy.PeerPods:
		m := model.No
		if end.IsPod && !elsewhere(end, a.subject) {
			m = and(end.labels.matches(q.Pods, n), end.ofNamespace.matches(q.Namespaces, n))
		}
		// Kubernetes finds no networks, nor does a selector of pods in a policy around those of namespaces.
		if p.Tier != "" && m != model.Yes && !(p.Around() && len(q.Pods) > 0) {
			m = either(m, e.inNetworks(q, end, true, n))
		}
		return m
	case policy.PeerNetwork:
		if q.Name != "" {
			return e.matchNetwork(q, end, n)
		}
		return either(e.inNetworks(q, end, false, n), end.hostWith(q.Pods, n))
	case policy.PeerService:
		return e.inService(q, end, a.dir == model.Egress, a, n) // the peer is the server
	case policy.PeerAll:
		m := model.Yes
		for i := 0; i < len(q.All) && m != model.No; i++ {
			m = and(m, e.calicoPeer(p, &q.All[i], end, a, n))
		}
		for i := 0; i < len(q.None) && m != model.No; i++ {
			m = and(m, not(e.calicoPeer(p, &q.None[i], end, a, n)))
		}
		return m
	default:
	}
	return e.matchPeer(q, a.subject, end, n)
}

// hostWith reports whether the end is a node whose host endpoint has the labels: like networks without a namespace it
// is found by selectors that name none, and by global().
func (e *End) hostWith(s policy.Selector, n *need) model.Tri {
	if !e.Node {
		return model.No
	}
	labels := view{e.Labels, known}
	if e.LabelsUnknown {
		labels.lacks = func(string) need { return needHost }
	}
	return labels.matches(s, n)
}

// inNetworks reports whether the end's address is in one of the networks that q selects by their labels, those with a
// namespace or those without.
func (e *Evaluator) inNetworks(q *policy.Peer, end *End, namespaced bool, n *need) model.Tri {
	m := model.No
	for i := range e.set.Networks {
		w := &e.set.Networks[i]
		if (w.Namespace != "") != namespaced {
			continue
		}
		labels := view{w.Labels, known}
		found := model.Yes
		if namespaced {
			var of view
			labels, of = networkViews(w)
			found = of.matches(q.Namespaces, n)
		}
		if found = and(found, labels.matches(q.Pods, n)); found != model.No {
			m = either(m, and(found, end.within(w.CIDRs, n)))
		}
	}
	return m
}

// networkViews returns the labels of a network with a namespace, and of that: of which only the name is known.
func networkViews(w *policy.Network) (own, namespace view) {
	namespace = view{
		model.MakeLabels([]string{policy.NamespaceName + "=" + w.Namespace, calicoNamespaceName + "=" + w.Namespace}),
		lacksNamespace,
	}
	var inherited []string
	for _, l := range namespace.labels {
		inherited = append(inherited, namespacePrefix+l)
	}
	own.labels = overlay(overlay(inherited, w.Labels...), calicoNamespace+"="+w.Namespace)
	own.lacks = func(key string) need {
		if of, ok := strings.CutPrefix(key, namespacePrefix); ok {
			return lacksNamespace(of)
		}
		return ""
	}
	return own, namespace
}

// inService reports whether the end is one of the service's endpoints, and where it is the server that they are reached
// on the service's ports. Calico 3.31 finds no service for a name without namespace, whatever its documentation says.
func (e *Evaluator) inService(q *policy.Peer, end *End, server bool, a *asked, n *need) model.Tri {
	switch {
	case q.Namespace == "":
		return model.No
	case end.Services == nil:
		return e.inManifest(q, end, server, a, n)
	}
	return tri(slices.ContainsFunc(end.Services, func(s ServicePort) bool {
		return s.Namespace == q.Namespace && s.Name == q.Name && (!server || s.Proto == a.proto && s.Port == a.port)
	}))
}

// inManifest is inService by the service's own object.
func (e *Evaluator) inManifest(q *policy.Peer, end *End, server bool, a *asked, n *need) model.Tri {
	list := e.set.Manifests.Services
	i := slices.IndexFunc(list, func(s policy.Service) bool { return s.Namespace == q.Namespace && s.Name == q.Name })
	if i < 0 {
		return n.unknown(needServices)
	}
	m := end.behind(&list[i], n)
	if !server || m == model.No {
		return m
	}
	ports := model.No
	for j := range list[i].Ports {
		ports = either(ports, end.matchPort(&list[i].Ports[j], a.proto, a.port, n))
	}
	return and(m, ports)
}
