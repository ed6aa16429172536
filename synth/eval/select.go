package eval

import (
	"cmp"
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

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

// declared completes what is known of a pod by what the manifests say of its workload and of its service account.
func (e *Evaluator) declared(f *Facts) {
	if !f.IsPod || f.HostNetwork || f.Foreign {
		return
	}
	m := &e.set.Manifests
	if !f.LabelsUnknown && (f.NamedPorts == nil || f.ServiceAccount == "") {
		if w := m.Of(f.Namespace, f.Labels); w != nil {
			if f.NamedPorts == nil {
				f.NamedPorts = append([]NamedPort{}, w.Ports...) // none is known as well
			}
			f.ServiceAccount = cmp.Or(f.ServiceAccount, w.ServiceAccount)
		}
	}
	if f.ServiceAccountLabels == nil {
		if labels, ok := m.Accounts[policy.AccountName{Namespace: f.Namespace, Name: f.account()}]; ok {
			f.ServiceAccountLabels = append(model.Labels{}, labels...) // none is known as well
		}
	}
}

// entityEnd notes which policies select an end that is no pod. Cilium's agent keeps policy for the proxy of Ingress and
// Gateway and for the health endpoint as for a pod; a selector that asks for nothing of a pod finds them as well.
func (e *Evaluator) entityEnd(end *End) {
	if e.semantics == Calico && end.Node {
		e.hostEnd(end)
		return
	}
	if e.semantics != Cilium || end.Entities == 0 || end.HostNetwork {
		return
	}
	for _, i := range e.clusterWide {
		p := &e.set.Policies[i]
		e.sel(end, i, tri(p.SubjectEntities&end.Entities != 0 || end.found(p)))
	}
	e.byPriority(end)
}

// hostEnd notes which policies find a host endpoint: those without a namespace, by its labels. What they decide there
// hangs on the ports that always stay open, and on what becomes of packets from pods to their host, which is configured
// elsewhere: that a policy selects it is not sure.
func (e *Evaluator) hostEnd(end *End) {
	var labels need
	for _, i := range e.clusterWide {
		p := &e.set.Policies[i]
		if p.Tier != "" && !p.Around() && len(p.SubjectNamespaces) == 0 && end.hostWith(p.Subject, &labels) == model.Yes {
			e.sel(end, i, end.lacks.unknown(needHostPolicy))
		}
	}
	e.tiers.sort(&end.ingress)
	e.tiers.sort(&end.egress)
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
		if !isolates && len(e.rules[i][d].all) == 0 {
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

// selAround notes that policy i, which stands around those of namespaces, may select the end.
func (e *Evaluator) selAround(end *End, i int, sure model.Tri) {
	p := &e.set.Policies[i]
	for _, d := range policy.Directions() {
		if len(e.rules[i][d].all) == 0 {
			continue
		}
		s := end.selection(d)
		if p.Floor(d) {
			s.floored = either(s.floored, sure)
		}
		list := &s.before
		switch {
		case e.semantics == Calico:
			list, s.around = &s.policies, true
		case p.Tier == policy.BaselineTier:
			list = &s.after
		}
		*list = append(*list, selected{i, sure == model.Yes})
	}
}

// byPriority puts the policies around those of namespaces in the order of their evaluation.
func (e *Evaluator) byPriority(end *End) {
	for _, d := range policy.Directions() {
		s := end.selection(d)
		for _, list := range [][]selected{s.before, s.after} {
			slices.SortStableFunc(list, func(a, b selected) int { return cmp.Compare(e.priority(a), e.priority(b)) })
		}
	}
}

// found reports whether a policy around those of namespaces has an end that is no pod for its subject.
func (e *End) found(p *policy.Policy) bool {
	const subjects = model.HealthEndpoint | model.IngressEntity
	return p.Around() && e.Entities&subjects != 0 && len(p.SubjectNamespaces) > 0 && p.SubjectNamespaces.Matches(nil) &&
		p.Subject.Matches(nil)
}
