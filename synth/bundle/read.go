package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// Form says which of a bundle's policies are meant.
type Form uint8

// The forms.
const (
	Allow    Form = iota // the allow policies alone
	Enforced             // with what enforcing adds to them; a namespace that cannot be enforced stays staged
)

// Read gives the manifest of the bundle in dir.
func Read(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read bundle: %s: %w", ManifestFile, err)
	}
	if m.APIVersion != apiVersion || m.Kind != manifestKind {
		return nil, fmt.Errorf("read bundle: %s is %q %q, not %s %s", ManifestFile, m.APIVersion, m.Kind, apiVersion, manifestKind)
	}
	return m, nil
}

// Policies reads the policies of the bundle in dir back from their files.
func Policies(dir string, form Form, kinds ...render.Kinds) (policy.PolicySet, []render.Problem, error) {
	r := &policyReader{dir: dir, kinds: kinds}
	namespaces := map[string]bool{}
	for _, d := range []string{allowDir, stageDir, enforceDir} {
		if err := r.subdirectories(d, namespaces); err != nil {
			return r.set, r.problems, err
		}
	}
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		if err := r.namespace(ns, form); err != nil {
			return r.set, r.problems, err
		}
	}
	err := r.parse()
	return r.set.Canonical(), r.problems, err
}

type policyReader struct {
	dir      string
	kinds    []render.Kinds
	files    []string
	set      policy.PolicySet
	problems []render.Problem
}

// subdirectories adds the directories of d.
func (r *policyReader) subdirectories(d string, to map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(r.dir, d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read bundle: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			to[e.Name()] = true
		}
	}
	return nil
}

// namespace reads what applying a form of one namespace applies. One that has no enforced form stays staged.
func (r *policyReader) namespace(ns string, form Form) error {
	allow := true
	if form == Enforced {
		dir := path.Join(enforceDir, ns)
		if !r.has(dir) {
			dir = path.Join(stageDir, ns)
		}
		if r.has(dir) {
			if err := r.tree(dir); err != nil {
				return err
			}
			list, err := r.kustomization(dir)
			if err != nil {
				return err
			}
			allow = slices.Contains(list.Resources, fromForm(ns))
		}
	}
	if !allow {
		return nil
	}
	return r.tree(path.Join(allowDir, ns))
}

func (r *policyReader) has(sub string) bool {
	_, err := os.Stat(filepath.Join(r.dir, sub))
	return err == nil
}

func (r *policyReader) kustomization(sub string) (kustomization, error) {
	var k kustomization
	text, err := os.ReadFile(filepath.Join(r.dir, sub, kustomizationFile))
	if err != nil {
		return k, fmt.Errorf("read bundle: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		return k, fmt.Errorf("read bundle: %s/%s: %w", sub, kustomizationFile, err)
	}
	return k, nil
}

// tree reads all policies below a directory of the bundle; one that is absent has none.
func (r *policyReader) tree(sub string) error {
	root := filepath.Join(r.dir, sub)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var files []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(file, ".yaml") && d.Name() != kustomizationFile {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	r.files = append(r.files, files...)
	return nil
}

// parse reads the files that were found.
func (r *policyReader) parse() error {
	type parsed struct {
		set      policy.PolicySet
		problems []render.Problem
		err      error
	}
	list := make([]parsed, len(r.files))
	render.Each(len(list), func(i int) {
		name, err := filepath.Rel(r.dir, r.files[i])
		if err != nil {
			list[i].err = err
			return
		}
		text, err := os.ReadFile(r.files[i])
		if err != nil {
			list[i].err = err
			return
		}
		list[i].set, list[i].problems = render.Parse(bytes.NewReader(text), filepath.ToSlash(name), r.kinds...)
	})
	for _, p := range list {
		if p.err != nil {
			return fmt.Errorf("read bundle: %w", p.err)
		}
		r.set.Join(p.set)
		r.problems = append(r.problems, p.problems...)
	}
	return nil
}
