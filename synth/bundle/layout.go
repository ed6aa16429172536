package bundle

import (
	"cmp"
	"maps"
	"path"
	"slices"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// forms are the directories that hold policies, and what of a namespace is in each; that of "" is for all namespaces.
var forms = []struct {
	dir string
	of  func(*synth.Result, string) []policy.Policy
}{
	{openDir, (*synth.Result).Open},
	{allowDir, (*synth.Result).Allow},
	{denyDir, (*synth.Result).Deny},
	{stageDir, (*synth.Result).Staged},
}

// policyFiles makes everything in the bundle that a cluster can apply. The policies are in dir then, or in their place
// where they are as before, with the lists of their directories: their texts may be most of what there is. The lists
// above those are yet to be written.
func policyFiles(in *Input, dir string, p *place) (*filing, error) {
	l := newFiling(in.Result, in.name())
	spaces := append(in.Result.Namespaces(), "")
	parts, errs := make([]*filing, len(spaces)), make([]error, len(spaces))
	model.Each(len(spaces), func(i int) {
		parts[i] = newFiling(in.Result, in.name())
		errs[i] = parts[i].namespace(in, dir, p, spaces[i])
	})
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	for _, part := range parts {
		maps.Copy(l.lists, part.lists)
		maps.Copy(l.digests, part.digests)
		l.lines += part.lines
	}
	l.above()
	if err := l.gitOps(in.GitOps, in.name()); err != nil {
		return nil, err
	}
	return l, l.writeLists()
}

// namespace writes the policies of one namespace in all forms.
func (l *filing) namespace(in *Input, dir string, p *place, ns string) error {
	for _, f := range forms {
		set := in.Result.Set(f.of(in.Result, ns)...)
		if f.dir == denyDir { // the end state has both, and every object once
			there := in.Result.Set(in.Result.Allow(ns)...).Networks
			set.Networks = slices.DeleteFunc(set.Networks, func(n policy.Network) bool {
				return slices.ContainsFunc(there, func(m policy.Network) bool { return m.Name == n.Name })
			})
		}
		if err := l.policies(f.dir, ns, set); err != nil {
			return err
		}
	}
	if err := l.writeLists(); err != nil {
		return err
	}
	return l.settle(in.on(), dir, p)
}

// writeLists writes what lists the resources of directories, where it is not on disk yet.
func (l *filing) writeLists() error {
	for dir, list := range l.lists {
		if name := path.Join(dir, KustomizationFile); l.digests[name] == "" {
			if err := l.write(name, newKustomization(list...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle writes the files that are not on disk yet, but for those that the place of the bundle has as they are.
func (l *filing) settle(on disk, dir string, p *place) error {
	digests := digestsOf(l.files)
	maps.Copy(l.digests, digests)
	l.lines += lines(l.files)
	maps.DeleteFunc(l.files, func(name string, _ []byte) bool { return p.has(name, digests[name]) })
	if err := writeFiles(on, dir, l.files); err != nil {
		return err
	}
	clear(l.files)
	return nil
}

// policies writes what one form has of a namespace, and lists it in the order of the set: named networks first.
func (l *filing) policies(form, namespace string, set policy.PolicySet) error {
	dir := path.Join(form, dirOf(namespace))
	files, _, err := l.r.Dialect.Render(set, append(slices.Clip(l.labels), phaseLabel(form))...)
	if err != nil {
		return err
	}
	place := map[string]int{}
	for i := range set.Policies {
		place[set.Policies[i].Name] = i + 1
	}
	slices.SortStableFunc(files, func(a, b render.File) int { return place[a.Name] - place[b.Name] })
	for _, f := range files {
		name := path.Base(f.Path())
		l.files[path.Join(dir, name)] = f.YAML
		l.lists[dir] = append(l.lists[dir], name)
	}
	return nil
}

// above writes the lists over the namespaces of each form, and the end state: what is allowed before what is denied. It
// has no directory for a namespace where nothing is denied, and is not there where nothing is at all. What denies in
// all namespaces, those to come among them, is a step of its own, as nothing holds those open meanwhile.
func (l *filing) above() {
	for _, ns := range append(l.r.Namespaces(), "") {
		for _, f := range forms {
			if len(l.lists[path.Join(f.dir, dirOf(ns))]) > 0 && !(ns == "" && f.dir == denyDir) {
				l.lists[f.dir] = append(l.lists[f.dir], dirOf(ns))
			}
		}
	}
	if len(l.lists[denyDir]) == 0 {
		return
	}
	for _, ns := range append(l.r.Namespaces(), "") {
		allow, deny := path.Join(allowDir, dirOf(ns)), path.Join(denyDir, dirOf(ns))
		switch {
		case len(l.lists[deny]) > 0:
			dir := path.Join(enforceDir, dirOf(ns))
			if len(l.lists[allow]) > 0 {
				l.lists[dir] = append(l.lists[dir], path.Join("..", "..", allow))
			}
			l.lists[dir] = append(l.lists[dir], path.Join("..", "..", deny))
			l.lists[enforceDir] = append(l.lists[enforceDir], dirOf(ns))
		case len(l.lists[allow]) > 0:
			l.lists[enforceDir] = append(l.lists[enforceDir], path.Join("..", allow))
		}
	}
}

// withoutLabels takes the labels of the bundle off the networks that were read back: what was learned has none.
func withoutLabels(networks []policy.Network, name string) []policy.Network {
	labels := append(labelsOf(name), phaseLabel(allowDir), phaseLabel(denyDir))
	networks = slices.Clone(networks)
	for i := range networks {
		networks[i].Labels = slices.DeleteFunc(
			slices.Clone(networks[i].Labels),
			func(l string) bool { return slices.Contains(labels, l) },
		)
		if len(networks[i].Labels) == 0 {
			networks[i].Labels = model.Labels(nil)
		}
	}
	return networks
}
