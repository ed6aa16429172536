package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/synth/policy"
	"sluice/synth/render/kubernetes"
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
func Policies(dir string, form Form) (policy.PolicySet, []kubernetes.Problem, error) {
	r := &policyReader{dir: dir}
	err := r.tree(allowDir)
	if form == Enforced && err == nil {
		err = r.enforced()
	}
	return r.set.Canonical(), r.problems, err
}

type policyReader struct {
	dir      string
	set      policy.PolicySet
	problems []kubernetes.Problem
}

// enforced reads what enforcing adds: for a namespace that has no enforced form, what keeps it open.
func (r *policyReader) enforced() error {
	if err := r.tree(enforceDir); err != nil {
		return err
	}
	staged, err := os.ReadDir(filepath.Join(r.dir, stageDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read bundle: %w", err)
	}
	for _, ns := range staged {
		_, err := os.Stat(filepath.Join(r.dir, enforceDir, ns.Name()))
		if !ns.IsDir() || err == nil {
			continue
		}
		if err := r.tree(filepath.Join(stageDir, ns.Name())); err != nil {
			return err
		}
	}
	return nil
}

// tree reads all policies below a directory of the bundle; one that is absent has none.
func (r *policyReader) tree(sub string) error {
	root := filepath.Join(r.dir, sub)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") || d.Name() == kustomizationFile {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(r.dir, path)
		if err != nil {
			return err
		}
		set, problems := kubernetes.Parse(bytes.NewReader(text), filepath.ToSlash(name))
		r.set = r.set.Add(set.Policies...)
		r.problems = append(r.problems, problems...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	return nil
}
