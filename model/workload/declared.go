package workload

import (
	"slices"

	"sluice/model"
)

// Declared is a workload of the cluster's manifests. It gives pods of the log the owner that the log leaves out, its
// selector is the first choice, and its neighbours keep clear of its labels even if none of its pods was seen.
type Declared struct {
	Namespace string
	Kind      string // Deployment, StatefulSet, CronJob, ...
	Name      string
	Selector  map[string]string // matchLabels; of a Job or CronJob it is generated and not used
	Labels    model.Labels      // of the pod template
	// ServiceAccount of the pod template, "" for the namespace's default.
	ServiceAccount string
}

func (d *Declared) owner() model.Owner { return model.Owner{Kind: d.Kind, Name: d.Name} }

// selects reports whether a pod of these labels is one of d's.
func (d *Declared) selects(l model.Labels) bool {
	if d.generated() || len(d.Selector) == 0 {
		return len(d.Labels) > 0 && contains(l, d.Labels)
	}
	return selects(d.Selector, l)
}

// generated reports whether the selector holds the id of one run.
func (d *Declared) generated() bool { return d.Kind == "Job" || d.Kind == "CronJob" }

func selects(sel map[string]string, l model.Labels) bool {
	for k, v := range sel {
		if got, ok := l.Get(k); !ok || got != v {
			return false
		}
	}
	return true
}

// declare brings the manifests, those without name or namespace aside, into the spaces of their namespaces, whichever
// cluster those are of.
func declare(spaces []*space, all []Declared) []*space {
	for _, d := range all {
		if !slices.ContainsFunc(spaces, func(sp *space) bool { return sp.namespace == d.Namespace }) {
			spaces = append(spaces, &space{namespace: d.Namespace})
		}
	}
	for _, sp := range spaces {
		for i := range all {
			if all[i].Namespace == sp.namespace && sp.namespace != "" && all[i].Name != "" {
				sp.declared = append(sp.declared, &all[i])
			}
		}
		for _, p := range sp.pods {
			sp.own(p)
		}
		sp.unseen()
	}
	return spaces
}

// own returns a pod the owner, or the kind of owner, that exactly one manifest has for it.
func (sp *space) own(p *pod) {
	if p.owner.Kind != "" || p.owner.Name == "" && len(p.Labels) == 0 {
		return
	}
	found := map[model.Owner]bool{}
	for _, d := range sp.declared {
		if p.owner.Name == d.Name || p.owner.Name == "" && d.selects(p.Labels) {
			found[d.owner()] = true
		}
	}
	if len(found) == 1 {
		for o := range found {
			p.owner = o
		}
	}
}

// unseen adds a pod for each manifest that no pod of the log belongs to.
func (sp *space) unseen() {
	if len(sp.declared) == 0 {
		return
	}
	seen := map[model.Owner]bool{}
	for _, p := range sp.pods {
		seen[p.owner] = true
	}
	for _, d := range sp.declared {
		if seen[d.owner()] {
			continue
		}
		seen[d.owner()] = true
		e := &model.Endpoint{Kind: model.KindPod, Cluster: sp.cluster, Namespace: sp.namespace, Owner: d.owner(),
			ServiceAccount: d.ServiceAccount, Labels: d.Labels}
		sp.pods = append(sp.pods, &pod{Endpoint: e, index: unseenPod, owner: d.owner()})
	}
	sp.sort()
}

// unseenPod stands in place of the index of a pod that is only in a manifest.
const unseenPod = -1

// ownSelector returns the stable part of the selector that the group's only owner declares, as far as its pods carry it
// in the log: the CNI sees no other labels.
func (sp *space) ownSelector(g *group) []string {
	owners := g.owners()
	if len(owners) != 1 {
		return nil
	}
	for _, d := range sp.declared {
		if d.owner() != owners[0] || d.generated() {
			continue
		}
		var out []string
		for _, kv := range g.common {
			if v, ok := d.Selector[key(kv)]; ok && kv == label(key(kv), v) {
				out = append(out, kv)
			}
		}
		return out
	}
	return nil
}
