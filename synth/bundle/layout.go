package bundle

import (
	"path"
	"slices"

	"sigs.k8s.io/yaml"

	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render"
)

const kustomizationFile = "kustomization.yaml"

// kustomization lists the files and directories that kubectl apply -k takes in.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
}

// layout collects the files of a bundle by their slash-separated paths.
type layout struct {
	dialect render.Dialect
	files   map[string][]byte
	lists   map[string][]string // directory -> resources of its kustomization
}

// policyFiles gives everything in the bundle that a cluster can apply.
func policyFiles(r *synth.Result) (map[string][]byte, error) {
	l := &layout{r.Dialect, map[string][]byte{}, map[string][]string{}}
	for _, ns := range r.Namespaces() {
		if err := l.policies(path.Join(allowDir, ns), r.Set(r.Allow(ns)...)); err != nil {
			return nil, err
		}
		if err := l.switches(r, ns); err != nil {
			return nil, err
		}
	}
	if deny, ok := r.GlobalDeny(); ok {
		staged, _ := r.Dialect.Stage("", nil, deny)
		if err := l.policies(path.Join(stageDir, render.ClusterDir), r.Set(staged...)); err != nil {
			return nil, err
		}
		if err := l.policies(path.Join(enforceDir, render.ClusterDir), r.Set(deny)); err != nil {
			return nil, err
		}
	}
	return l.files, l.kustomize()
}

// switches writes the staging and enforced forms of a namespace.
func (l *layout) switches(r *synth.Result, ns string) error {
	deny, denies := r.DefaultDeny(ns)
	open, opens := r.Remainder(ns)
	stage, withAllow := r.Staged(ns)
	enforce := []policy.Policy{}
	if denies {
		enforce = append(enforce, deny)
	}
	if p, ok := r.Beside(ns); ok {
		enforce = append(enforce, p)
	}
	if opens {
		enforce = append(enforce, open)
	}
	if withAllow {
		l.include(stageDir, ns)
	}
	if err := l.policies(path.Join(stageDir, ns), r.Set(stage...)); err != nil {
		return err
	}
	if !denies {
		return nil
	}
	l.include(enforceDir, ns)
	return l.policies(path.Join(enforceDir, ns), r.Set(enforce...))
}

// fromForm is the way to the allow policies of a namespace from a directory of another form.
func fromForm(ns string) string { return path.Join("..", "..", allowDir, ns) }

// include takes the allow policies of a namespace, if it has any, into another form.
func (l *layout) include(form, ns string) {
	if len(l.lists[path.Join(allowDir, ns)]) > 0 {
		dir := path.Join(form, ns)
		l.lists[dir] = append(l.lists[dir], fromForm(ns))
	}
}

// policies writes a set to one directory. What it names, cluster-wide or not, is there too: a directory can be applied
// by itself.
func (l *layout) policies(dir string, set policy.PolicySet) error {
	files, _, err := l.dialect.Render(set)
	if err != nil {
		return err
	}
	for _, f := range files {
		name := path.Base(f.Path())
		l.files[path.Join(dir, name)] = f.YAML
		l.lists[dir] = append(l.lists[dir], name)
	}
	return nil
}

// kustomize writes the list of every namespace, and of each form the list of its namespaces.
func (l *layout) kustomize() error {
	forms := map[string][]string{}
	for dir := range l.lists {
		forms[path.Dir(dir)] = append(forms[path.Dir(dir)], path.Base(dir))
	}
	for dir, list := range forms {
		l.lists[dir] = list
	}
	for dir, list := range l.lists {
		slices.Sort(list)
		text, err := yaml.Marshal(kustomization{"kustomize.config.k8s.io/v1beta1", "Kustomization", list})
		if err != nil {
			return err
		}
		l.files[path.Join(dir, kustomizationFile)] = text
	}
	return nil
}
