package bundle

import (
	"path"

	"sluice/synth"
	"sluice/synth/render"
)

// KustomizationFile is what kubectl apply -k reads in a directory.
const KustomizationFile = "kustomization.yaml"

// Kustomization lists the files and directories that kubectl apply -k takes in.
type Kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
	// SortOptions keep the order of the list, which is safe. Only those of the target count.
	SortOptions       *SortOptions      `json:"sortOptions,omitempty"`
	CommonAnnotations map[string]string `json:"commonAnnotations,omitempty"`
}

// SortOptions say in which order kustomize writes what it built.
type SortOptions struct {
	Order string `json:"order"`
}

// newKustomization applies what it lists in that order.
func newKustomization(resources ...string) Kustomization {
	return Kustomization{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Resources: resources,
		SortOptions: &SortOptions{"fifo"}}
}

// labelsOf are the labels of the objects of a bundle, to list and delete them by.
func labelsOf(name string) []string {
	return []string{render.ManagedByLabel + "=sluice", render.BundleLabel + "=" + name}
}

// phaseLabel tells besides which directory an object is in.
func phaseLabel(dir string) string { return "sluice.dev/phase=" + dir }

// filing collects the files of a bundle by their slash-separated paths.
type filing struct {
	r      *synth.Result
	labels []string
	files  map[string][]byte
	lists  map[string][]string // directory -> resources of its Kustomization
}

func dirOf(namespace string) string { return render.File{Namespace: namespace}.Dir() }

func (l *filing) write(name string, object any) error {
	text, err := render.Marshal(object)
	l.files[name] = text
	return err
}

// fromTop is the way to people's own policies from the directory of a form.
var fromTop = path.Join("..", ExtraDir)
