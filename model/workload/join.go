package workload

import (
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// join finds a place for what neither labels nor owner place. A pod whose labels are unknown goes to the one group
// whose pods have its name, or whose owner fits its name. One whose labels are known and all volatile cannot: the
// group's selector would miss it. It becomes a workload that nothing selects.
func (sp *space) join(rest []*pod) {
	sp.joinOwners()
	if len(rest) == 0 {
		return
	}
	names, bases := sp.index()
	byBase := map[string][]*pod{}
	for _, p := range rest {
		if len(p.Labels) > 0 {
			if b := base(p); b != "" {
				byBase[b] = append(byBase[b], p)
			} else {
				sp.refuse(p, "all its labels change with rollouts or runs; add app.kubernetes.io/name to its template")
			}
			continue
		}
		if g := lookup(p, names, bases); g != nil {
			g.pods = append(g.pods, p)
			continue
		}
		sp.refuse(p, unlabelledAdvice(p))
	}
	for _, b := range slices.Sorted(maps.Keys(byBase)) {
		home := slices.DeleteFunc(
			slices.Clone(bases[b]),
			func(g *group) bool { return len(slices.Concat(g.sets...)) > 0 },
		)
		if len(home) == 1 {
			*home[0] = *newGroup(home[0].key, slices.Concat(home[0].pods, byBase[b]), home[0].atomic)
			continue
		}
		sp.groups = append(sp.groups, newGroup("2\x00"+b, byBase[b], true))
	}
}

func unlabelledAdvice(p *pod) string {
	if p.Name == "" {
		return "the log gives neither its labels nor its owner; add app.kubernetes.io/name to its template or log the labels"
	}
	return "the log has no labels for pod " + p.Name + "; add app.kubernetes.io/name: " + dnsLabel(ownerName(p.Name)) +
		" to its template, or restart it where it runs without the CNI"
}

// joinOwners adds a group that is only known by its owner to the one group whose pods are named like the owner's.
func (sp *space) joinOwners() {
	if !slices.ContainsFunc(sp.groups, func(g *group) bool { return len(g.sets) == 0 }) {
		return
	}
	_, bases := sp.index()
	gone := map[*group]bool{}
	for _, g := range sp.groups {
		if len(g.sets) > 0 {
			continue
		}
		var home []*group
		for _, h := range bases[g.pods[0].owner.Name] {
			if h != g && len(h.sets) > 0 {
				home = append(home, h)
			}
		}
		if len(home) == 1 {
			home[0].pods = append(home[0].pods, g.pods...)
			gone[g] = true
		}
	}
	sp.groups = slices.DeleteFunc(sp.groups, func(g *group) bool { return gone[g] })
}

// index returns the groups of each pod name, and of each name that an owner has or, by its pods' names, may have.
func (sp *space) index() (names, bases map[string][]*group) {
	names, bases = map[string][]*group{}, map[string][]*group{}
	add := func(m map[string][]*group, name string, g *group) {
		if name != "" && !slices.Contains(m[name], g) {
			m[name] = append(m[name], g)
		}
	}
	for _, g := range sp.groups {
		for _, p := range g.pods {
			add(bases, p.owner.Name, g)
			for _, s := range p.samples {
				add(names, s, g)
				if len(stems(s)) > 0 && p.owner.Name == "" {
					add(bases, ownerName(s), g)
				}
			}
		}
	}
	return names, bases
}

// lookup returns the only group that can hold p, nil if there is none or more than one.
func lookup(p *pod, names, bases map[string][]*group) *group {
	found := map[*group]bool{}
	own := append([]string{p.Name}, p.samples...)
	for _, n := range own {
		for _, g := range names[n] {
			found[g] = true
		}
	}
	if len(found) == 0 {
		for _, n := range own {
			for _, s := range append([]string{n}, stems(n)...) {
				if len(bases[s]) > 0 {
					for _, g := range bases[s] {
						found[g] = true
					}
					break
				}
			}
		}
	}
	if len(found) != 1 {
		return nil
	}
	for g := range found {
		return g
	}
	return nil
}

// knownOwners returns the owner of a pod or, where the log has none, those that its pods' names leave no doubt about:
// two random parts are only ever appended to the name of a Deployment or CronJob.
func (p *pod) knownOwners() []string {
	if p.owner.Name != "" {
		return []string{p.owner.Name}
	}
	var out []string
	for _, s := range p.samples {
		if o := stems(s); len(o) == 2 && !slices.Contains(out, o[1]) {
			out = append(out, o[1])
		}
	}
	return out
}

// base names the run-independent part of a pod that has no usable label.
func base(p *pod) string {
	for _, key := range []string{"job-name", "batch.kubernetes.io/job-name"} {
		if job, _ := p.Labels.Get(key); job != "" {
			return controller(model.Owner{Kind: "Job", Name: job}, nil).Name
		}
	}
	for _, s := range p.samples {
		return strings.TrimSuffix(ownerName(s), "-")
	}
	return ownerName(p.Name)
}
