package bundle

import (
	"path"
	"regexp"
	"slices"
	"strings"

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

const (
	kustomizationHead = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
	kustomizationTail = "sortOptions:\n  order: fifo\n"
)

var plainResource = regexp.MustCompile(`^(\.\./)*[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)*(\.yaml)?$`)

// kustomizationOf reads a kustomization that is as a bundle writes it and has names that YAML leaves as they stand,
// without a parser: a bundle has several for each namespace. ok is false for every other, which has to be parsed.
func kustomizationOf(text []byte) (k Kustomization, ok bool) {
	list, head := strings.CutPrefix(string(text), kustomizationHead)
	list, tail := strings.CutSuffix(list, kustomizationTail)
	if !head || !tail {
		return k, false
	}
	k = newKustomization()
	for line := range strings.Lines(list) {
		name, item := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "- ")
		if !item || !plainResource.MatchString(name) || slices.Contains(yamlWords, name) {
			return k, false
		}
		k.Resources = append(k.Resources, name)
	}
	return k, true
}

// yamlWords are what YAML reads as something else than text.
var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null"}

// listed are the resources as a set.
func (k *Kustomization) listed() map[string]bool {
	out := map[string]bool{}
	for _, name := range k.Resources {
		out[name] = true
	}
	return out
}

// labelsOf are the labels of the objects of a bundle, to list and delete them by.
func labelsOf(name string) []string {
	return []string{render.ManagedByLabel + "=sluice", render.BundleLabel + "=" + name}
}

// phaseLabel tells besides which directory an object is in.
func phaseLabel(dir string) string { return "sluice.dev/phase=" + dir }

// filing collects the files of a bundle by their slash-separated paths.
type filing struct {
	r       *synth.Result
	labels  []string
	files   map[string][]byte   // that are not on disk yet
	digests map[string]string   // of those that are
	lines   int                 // of the allow policies that are
	lists   map[string][]string // directory -> resources of its Kustomization
}

func newFiling(r *synth.Result, bundle string) *filing {
	return &filing{r, labelsOf(bundle), map[string][]byte{}, map[string]string{}, 0, map[string][]string{}}
}

func dirOf(namespace string) string { return render.File{Namespace: namespace}.Dir() }

func (l *filing) write(name string, object any) error {
	text, err := render.Marshal(object)
	l.files[name] = text
	return err
}

// fromTop is the way to people's own policies from the directory of a form.
var fromTop = path.Join("..", ExtraDir)
