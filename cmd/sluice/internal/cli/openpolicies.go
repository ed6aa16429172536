package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/bundle"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// policies are a set and where it came from.
type policies struct {
	set      policy.PolicySet
	problems []render.Problem
	manifest *bundle.Manifest // nil: it is no bundle
	hands    bundle.ByHand    // of a bundle
}

// print tells what was not taken over as it stands.
func (p *policies) print(w io.Writer) {
	printProblems(w, p.problems)
	if render.Incomplete(p.problems) {
		fmt.Fprintln(w, "sluice: "+errIncomplete.Error())
	}
}

// openPolicies reads a bundle, or anyone's YAML. A set without a policy is an error: everything would be green.
func openPolicies(s Streams, path string) (*policies, error) {
	p := &policies{}
	var err error
	if _, statErr := os.Stat(filepath.Join(path, bundle.ManifestFile)); statErr == nil {
		if p.set, p.problems, p.manifest, err = bundlePolicies(path); err != nil {
			return nil, err
		}
		p.hands, err = bundle.Hands(path)
		return p, err
	}
	r := policyFiles{done: map[string]bool{}}
	switch {
	case path == "-":
		p.set, p.problems = render.Parse(s.In, "-", kinds()...)
	default:
		if err := r.read(path); err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		p.set, p.problems = r.set, r.problems
	}
	if len(p.set.Policies) == 0 && !render.Incomplete(p.problems) {
		printProblems(s.Err, p.problems)
		return nil, fmt.Errorf("no policy in %s: nothing would be verified", path)
	}
	return p, nil
}

// policyFiles reads YAML documents of files and directories. What is no policy, cannot be read or is left out is a problem with
// its file, document and line.
type policyFiles struct {
	set      policy.PolicySet
	problems []render.Problem
	done     map[string]bool // read already: lists of kustomize meet
}

// read takes a file, what the kustomization of a directory lists, or without one all YAML files below it.
func (r *policyFiles) read(path string) error {
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !fi.IsDir():
		return r.file(path)
	}
	if name := kustomizationIn(path); name != "" {
		return r.kustomization(name)
	}
	files := 0
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ext := strings.ToLower(filepath.Ext(p))
		switch hidden := strings.HasPrefix(d.Name(), ".") && p != path; {
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case d.IsDir() || hidden, ext != ".yaml" && ext != ".yml" && ext != ".json":
			return nil
		}
		files++
		return r.file(p)
	})
	if err == nil && files == 0 {
		err = fmt.Errorf("no YAML file in %s", path)
	}
	return err
}

func (r *policyFiles) file(path string) error {
	at, err := filepath.Abs(path)
	if err != nil || r.done[at] {
		return err
	}
	r.done[at] = true
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set, problems := render.Parse(bytes.NewReader(text), path, kinds()...)
	r.set.Join(set)
	r.problems = append(r.problems, problems...)
	return nil
}

// kustomizationIn gives the file that kubectl apply -k would read in a directory, "" for none.
func kustomizationIn(dir string) string {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		name = filepath.Join(dir, name)
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return ""
}

// plainKeys are those of a kustomization that change no policy.
var plainKeys = []string{"apiVersion", "kind", "metadata", "resources", "sortOptions", "buildMetadata", "commonAnnotations"}

// kustomization follows the resources of a kustomization. What it would change is not guessed.
func (r *policyFiles) kustomization(name string) error {
	dir := filepath.Dir(name)
	pipe := fmt.Sprintf("pipe what it builds: kubectl kustomize %s | sluice verify - ...", dir)
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var all map[string]any
	var list struct {
		Resources []string `json:"resources"`
	}
	if err := errors.Join(yaml.Unmarshal(text, &all), yaml.Unmarshal(text, &list)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for key := range all {
		if !slices.Contains(plainKeys, key) {
			return fmt.Errorf("%s has %s, which sluice does not follow: %s", name, key, pipe)
		}
	}
	for _, res := range list.Resources {
		path := filepath.Join(dir, filepath.FromSlash(res))
		fi, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s lists %s, which is not there: %s", name, res, pipe)
		}
		if fi.IsDir() && kustomizationIn(path) == "" {
			return fmt.Errorf("%s lists %s, which has no kustomization: applying it fails", name, res)
		}
		if at, err := filepath.Abs(path); err != nil || fi.IsDir() && r.done[at] {
			return err
		} else if fi.IsDir() {
			r.done[at] = true
		}
		if err := r.read(path); err != nil {
			return err
		}
	}
	return nil
}

// ownEvidence is the store in a bundle.
func ownEvidence(dir string) (string, error) {
	path := filepath.Join(dir, bundle.EvidenceDir)
	fi, err := os.Lstat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("the bundle %s has no evidence: name the flows to replay, sluice verify %s SOURCE", dir, dir)
	case !fi.IsDir():
		return "", fmt.Errorf("%s is no directory of this bundle: its evidence is not followed", path)
	}
	return path, nil
}
