package bundle

import (
	"cmp"
	"path"

	"sluice/synth/render"
)

// GitOps asks for overlays that tools apply which follow a repository.
type GitOps struct {
	Argo bool // Argo CD: a directory with the phases as sync waves
	Flux Flux // Flux: Kustomizations that wait for each other
}

// Flux says where Flux finds the bundle. Without Path there is nothing for it.
type Flux struct {
	Path       string // of the bundle in the repository
	Repository string // the GitRepository in flux-system; "" is flux-system
}

// fluxObject is a Kustomization of Flux.
type fluxObject struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Metadata   fluxReference `json:"metadata"`
	Spec       fluxSpec      `json:"spec"`
}

type fluxReference struct {
	Kind      string `json:"kind,omitempty"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

type fluxSpec struct {
	Interval  string          `json:"interval"`
	Path      string          `json:"path"`
	Prune     bool            `json:"prune"`
	Wait      bool            `json:"wait"`
	SourceRef fluxReference   `json:"sourceRef"`
	DependsOn []fluxReference `json:"dependsOn,omitempty"`
}

// phase is one that a tool applies after the one before.
type phase struct{ name, dir string }

// gitOps writes the overlays that were asked for.
func (l *filing) gitOps(g GitOps, name string) error {
	for _, end := range []string{"stage", "enforce"} {
		phases := l.phases(end == "enforce")
		if g.Argo {
			if err := l.argo(path.Join(GitOpsDir, "argo", end), phases); err != nil {
				return err
			}
		}
		if g.Flux.Path != "" {
			if err := l.flux(path.Join(GitOpsDir, "flux", end), phases, g.Flux, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// phases are those that there are. Nothing is denied before the last step: where nothing opens, the default deny is it.
func (l *filing) phases(last bool) []phase {
	opens := len(l.lists[openDir]) > 0
	cluster := path.Join(denyDir, render.ClusterDir)
	var out []phase
	for _, p := range []struct {
		phase
		wanted bool
	}{
		{phase{openDir, openDir}, !last},
		{phase{allowDir, allowDir}, true},
		{phase{denyDir, denyDir}, last || opens},
		{phase{"cluster", cluster}, last},
	} {
		if p.wanted && len(l.lists[p.dir]) > 0 {
			out = append(out, p.phase)
		}
	}
	return out
}

// argo numbers the phases as waves; Argo CD begins one when the one before is healthy. What opens is pruned last.
func (l *filing) argo(dir string, phases []phase) error {
	var names []string
	for _, p := range phases {
		wave := map[string]string{openDir: "-1", allowDir: "0", denyDir: "1", "cluster": "2"}[p.name]
		k := newKustomization(path.Join("..", "..", "..", "..", p.dir))
		k.CommonAnnotations = map[string]string{"argocd.argoproj.io/sync-wave": wave}
		if p.name == openDir {
			k.CommonAnnotations["argocd.argoproj.io/sync-options"] = "PruneLast=true"
		}
		if err := l.write(path.Join(dir, p.name, KustomizationFile), k); err != nil {
			return err
		}
		names = append(names, p.name)
	}
	return l.write(path.Join(dir, KustomizationFile), newKustomization(names...))
}

// flux writes a Kustomization for each phase, which depends on the one before.
func (l *filing) flux(dir string, phases []phase, f Flux, name string) error {
	const namespace = "flux-system"
	var before []fluxReference
	var files []string
	for _, p := range phases {
		id := name + "-" + p.name
		o := fluxObject{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization",
			Metadata: fluxReference{Name: id, Namespace: namespace},
			Spec: fluxSpec{Interval: "10m", Path: "./" + path.Join(f.Path, p.dir), Prune: true, Wait: true,
				SourceRef: fluxReference{
					Kind: "GitRepository",
					Name: cmp.Or(f.Repository, namespace),
				}, DependsOn: before}}
		if err := l.write(path.Join(dir, p.name+".yaml"), o); err != nil {
			return err
		}
		before, files = []fluxReference{{Name: id}}, append(files, p.name+".yaml")
	}
	return l.write(path.Join(dir, KustomizationFile), newKustomization(files...))
}
