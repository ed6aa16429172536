package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// Evaluator decides connections by one set of policies. It is immutable and safe for concurrent use.
type Evaluator struct {
	set         policy.PolicySet
	semantics   Semantics
	networks    map[string][]*policy.Network // by name; Peers do not say of which kind
	byNamespace map[string]*subjects
	clusterWide []int
	rules       [][3][]lane    // per policy and direction
	ordered     []bool         // per policy: its meaning depends on tiers or order
	tiers       *tiers         // Calico's order of evaluation
	peers       [][][]resolved // per policy and rule, its peers

	ofPods, ofNamespaces conditions
}

// New prepares a set. The set must not change afterwards.
func New(set policy.PolicySet, sem Semantics) *Evaluator {
	e := &Evaluator{set: set, semantics: sem, byNamespace: map[string]*subjects{},
		networks: map[string][]*policy.Network{},
		rules:    make([][3][]lane, len(set.Policies)), ordered: make([]bool, len(set.Policies)),
		peers: make([][][]resolved, len(set.Policies))}
	if sem == Calico {
		e.tiers = newTiers(set)
	}
	for i := range set.Networks {
		n := &set.Networks[i]
		e.networks[n.Name] = append(e.networks[n.Name], n)
	}
	for i := range set.Policies {
		p := &set.Policies[i]
		if p.Staged {
			continue
		}
		if p.Namespace == "" {
			e.clusterWide = append(e.clusterWide, i)
		} else {
			if e.byNamespace[p.Namespace] == nil {
				e.byNamespace[p.Namespace] = &subjects{}
			}
			e.byNamespace[p.Namespace].add(i, p.Subject)
		}
		e.ordered[i] = p.Sequential() || p.Tier != "" && p.Tier != policy.DefaultTier
		e.peers[i] = make([][]resolved, len(p.Rules))
		for j, r := range p.Rules {
			e.peers[i][j] = e.resolve(r.Peers)
			e.rules[i][r.Direction] = append(e.rules[i][r.Direction], e.laneOf(p, j))
			e.ordered[i] = e.ordered[i] || r.Action == policy.Pass
		}
	}
	return e
}

// Policies returns the set that decides; Part refers to it by index.
func (e *Evaluator) Policies() policy.PolicySet { return e.set }

// End prepares one end. Doing so once for each end, not for each connection, is what makes deciding fast.
func (e *Evaluator) End(f Facts) *End {
	f.Address = f.Address.Unmap().WithZone("")
	if labels, ok := e.set.Manifests.Namespaces[f.Namespace]; ok && f.IsPod && f.NamespaceLabels == nil {
		f.NamespaceLabels = labels
	}
	e.declared(&f)
	end := &End{Facts: f, namespaceKnown: f.NamespaceLabels != nil, namespace: withName(f.NamespaceLabels, f.Namespace)}
	end.ingress = selection{isolated: model.No, floored: model.No, by: -1}
	end.egress = end.ingress
	if !f.IsPod || f.HostNetwork {
		end.IsPod = false // what no policy can select, no pod selector finds either
		e.entityEnd(end)
		return end
	}
	if f.Foreign {
		e.meet(end)
		return end
	}
	if e.semantics == Calico {
		e.calicoEnd(end)
		e.meet(end)
		return end
	}
	e.meet(end)
	var n need
	for _, i := range e.policiesOf(end, f.Labels) {
		if p := &e.set.Policies[i]; !p.EntitiesOnly {
			e.sel(end, i, end.hasLabels(p.Subject, &n))
		}
	}
	for _, i := range e.clusterWide {
		p := &e.set.Policies[i]
		if p.EntitiesOnly {
			continue
		}
		e.sel(end, i, and(end.hasLabels(p.Subject, &n), end.inNamespaces(p.SubjectNamespaces, &n)))
	}
	end.lacks = n
	e.byPriority(end)
	return end
}

// declared completes what is known of a pod by what the manifests say of its workload.
func (e *Evaluator) declared(f *Facts) {
	if !f.IsPod || f.HostNetwork || f.Foreign {
		return
	}
	if f.LabelsUnknown || f.NamedPorts != nil && f.ServiceAccount != "" {
		return
	}
	w := e.set.Manifests.Of(f.Namespace, f.Labels)
	if w == nil {
		return
	}
	if f.NamedPorts == nil {
		f.NamedPorts = append([]NamedPort{}, w.Ports...) // none is known as well
	}
	if f.ServiceAccount == "" {
		f.ServiceAccount = w.ServiceAccount
	}
}

// entityEnd notes which policies select an end that is no pod. Cilium's agent keeps policy for the proxy of Ingress and
// Gateway and for the health endpoint as for a pod; a selector that asks for nothing of a pod finds them as well.
func (e *Evaluator) entityEnd(end *End) {
	if e.semantics != Cilium || end.Entities == 0 || end.HostNetwork {
		return
	}
	for _, i := range e.clusterWide {
		e.sel(end, i, tri(e.set.Policies[i].SubjectEntities&end.Entities != 0))
	}
}

// sel notes that policy i may select the end.
func (e *Evaluator) sel(end *End, i int, sure model.Tri) {
	if sure == model.No {
		return
	}
	if e.set.Policies[i].Around() {
		e.selAround(end, i, sure)
		return
	}
	for _, d := range []model.Direction{model.Ingress, model.Egress} {
		s := end.selection(d)
		isolates := e.set.Policies[i].Isolates(d)
		if !isolates && len(e.rules[i][d]) == 0 {
			continue
		}
		s.policies = append(s.policies, selected{i, sure == model.Yes})
		if isolates {
			s.isolated = either(s.isolated, sure)
		}
		if isolates && sure == model.Yes && s.by < 0 {
			s.by = i
		}
	}
}

func (e *End) selection(d model.Direction) *selection {
	if d == model.Ingress {
		return &e.ingress
	}
	return &e.egress
}

// Decide reports whether a connection from src to port of dst may be made. Both ends must be of this Evaluator. For
// ICMP the port is the message type.
func (e *Evaluator) Decide(src, dst *End, proto model.Proto, port uint16) Decision {
	d := Decision{
		Egress:  e.part(model.Egress, src, dst, dst, proto, port),
		Ingress: e.part(model.Ingress, dst, src, dst, proto, port),
	}
	eg, in := d.Egress.Outcome, d.Ingress.Outcome
	d.Allowed = eg == Allowed && in == Allowed
	d.Unknown = !d.Allowed && eg != Denied && in != Denied
	return d
}

// part decides one direction: that of subject, whose other end is peer.
func (e *Evaluator) part(d model.Direction, subject, peer, server *End, proto model.Proto, port uint16) Part {
	a := asked{d, subject, peer, server, proto, port}
	if subject.selection(d).surrounded() {
		return e.around(a)
	}
	p, _ := e.namespaced(&a)
	return p
}

// namespaced decides one direction by the policies of namespaces, to Calico by all. For a pod that nothing isolates
// lacks is what it would take to know that a rule allows the connection.
func (e *Evaluator) namespaced(a *asked) (p Part, lacks need) {
	d, subject, peer, server, proto, port := a.dir, a.subject, a.peer, a.server, a.proto, a.port
	s := subject.selection(d)
	allow := Part{Outcome: Denied, Reason: NoRule, Policy: s.by, Rule: -1}
	if s.isolated == model.No {
		allow = Part{Outcome: Allowed, Reason: NotIsolated, Policy: -1, Rule: -1}
	} else if peer.Entities&model.Host != 0 && (d == model.Ingress || e.semantics == Spec) {
		allow = Part{Outcome: Allowed, Reason: OwnNode, Policy: -1, Rule: -1}
		if e.semantics != Cilium { // where a denial is stronger
			return allow, ""
		}
	}
	if e.semantics == Calico && (s.isolated != model.No || s.around) {
		p := e.tiered(d, subject, peer, server, proto, port)
		if p.Outcome == Denied && d == model.Ingress && peer.aNode() {
			p = Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: -1, Needs: string(needNode)}
		}
		return p, ""
	}
	var deny need
	for _, sp := range s.policies {
		if e.ordered[sp.policy] {
			return Part{Outcome: Unknown, Reason: Lacking, Policy: sp.policy, Rule: -1, Needs: string(needOrder)}, ""
		}
		lanes := e.rules[sp.policy][d]
		for k := range lanes {
			if lanes[k].misses(proto, port) {
				continue
			}
			j := lanes[k].rule
			r := &e.set.Policies[sp.policy].Rules[j]
			if allow.Outcome == Allowed && r.Action == policy.Allow && (allow.Reason == ByRule || len(s.after) == 0) {
				continue
			}
			var n need
			m := e.matchRule(r, e.peers[sp.policy][j], subject, peer, server, proto, port, &n)
			if m == model.Yes && !sp.sure {
				m = n.unknown(subject.lacks)
			}
			switch {
			case m == model.Yes && r.Action == policy.Deny:
				return Part{Outcome: Denied, Reason: ByRule, Policy: sp.policy, Rule: j}, ""
			case m == model.Yes:
				allow = Part{Outcome: Allowed, Reason: ByRule, Policy: sp.policy, Rule: j}
			case m == model.Unknown && r.Action == policy.Deny:
				deny.unknown(n)
			case m == model.Unknown:
				lacks.unknown(n)
			}
		}
	}
	if allow.Outcome == Denied && s.isolated == model.Unknown && !s.surrounded() {
		lacks.unknown(subject.lacks)
	}
	if peer.aNode() && (d == model.Ingress || e.semantics == Spec) {
		lacks.unknown(needNode)
	}
	return settle(allow, lacks, deny), lacks
}

// settle turns what the rules say into an answer: an unsure deny spoils an allow, whatever is lacking a denial.
func settle(p Part, lacks, deny need) Part {
	switch {
	case p.Outcome == Allowed && deny != "":
		return Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: p.Rule, Needs: string(deny)}
	case p.Outcome == Denied && lacks != "":
		return Part{Outcome: Unknown, Reason: Lacking, Policy: p.Policy, Rule: -1, Needs: string(lacks)}
	}
	return p
}
