package bundle

import (
	"path"
	"slices"

	"sigs.k8s.io/yaml"

	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
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
	files map[string][]byte
	lists map[string][]string // directory -> resources of its kustomization
}

// policyFiles gives everything in the bundle that a cluster can apply.
func policyFiles(r *synth.Result) (map[string][]byte, error) {
	l := &layout{map[string][]byte{}, map[string][]string{}}
	if err := l.policies(allowDir, r.Policies.Policies...); err != nil {
		return nil, err
	}
	for _, ns := range r.Namespaces() {
		if err := l.switches(r, ns); err != nil {
			return nil, err
		}
	}
	return l.files, l.kustomize()
}

// switches writes the staging and enforced forms of a namespace.
func (l *layout) switches(r *synth.Result, ns string) error {
	deny, denies := r.DefaultDeny(ns)
	open, opens := r.Remainder(ns)
	stage := []policy.Policy{kubernetes.Open(ns, nil, true, true)}
	enforce := []policy.Policy{}
	if denies {
		stage, enforce = append(stage, deny), append(enforce, deny)
	}
	if opens {
		enforce = append(enforce, open)
	}
	l.include(stageDir, ns)
	if err := l.policies(stageDir, stage...); err != nil {
		return err
	}
	if !denies {
		return nil
	}
	l.include(enforceDir, ns)
	return l.policies(enforceDir, enforce...)
}

// include takes the allow policies of a namespace, if it has any, into another form.
func (l *layout) include(form, ns string) {
	if len(l.lists[path.Join(allowDir, ns)]) > 0 {
		dir := path.Join(form, ns)
		l.lists[dir] = append(l.lists[dir], path.Join("..", "..", allowDir, ns))
	}
}

func (l *layout) policies(form string, list ...policy.Policy) error {
	files, _, err := kubernetes.Render(policy.PolicySet{Policies: list})
	if err != nil {
		return err
	}
	for _, f := range files {
		l.files[path.Join(form, f.Path())] = f.YAML
		dir := path.Join(form, f.Namespace)
		l.lists[dir] = append(l.lists[dir], path.Base(f.Path()))
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
