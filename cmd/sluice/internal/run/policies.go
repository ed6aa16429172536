package run

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"

	"sluice/cmd/sluice/internal/text"
	formats "sluice/ingest/all"
	"sluice/ingest/source"
	"sluice/synth/bundle"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// Policies are a set and where it came from.
type Policies struct {
	Set      policy.PolicySet
	Problems []render.Problem
	Bundle   *bundle.Manifest // what is committed of a bundle; nil: it is no bundle
	Hands    bundle.ByHand    // of a bundle
	Evidence string           // the store in a bundle
	// Read are the texts of what was read from no file, by the names in positions.
	Read map[string][]byte
}

// stdinName stands for standard input where files are named.
const stdinName = "-"

// OpenPolicies reads the enforced form of a bundle, or anyone's YAML: a file, a directory, a kustomization, or - for
// stdin. Positions in a bundle are paths in it. A set without a policy is an error: everything would be green.
func OpenPolicies(path string, stdin io.Reader) (*Policies, error) {
	p := &Policies{}
	if bundle.Is(path) {
		var err error
		if p.Bundle, err = bundle.ReadCommitted(path); err != nil {
			return nil, err
		}
		if p.Set, p.Problems, err = bundle.Policies(path, bundle.Enforced, all.Kinds()...); err != nil {
			return nil, err
		}
		p.Evidence = filepath.Join(path, bundle.EvidenceDir)
		p.Hands, err = bundle.Hands(path)
		return p, err
	}
	if path == stdinName {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		p.Read = map[string][]byte{stdinName: text}
		p.Set, p.Problems = render.Parse(bytes.NewReader(text), stdinName, all.Kinds()...)
	} else if err := cmp.Or(bundle.Complete(path), bundle.Single(path), noFlows(path)); err != nil {
		return nil, err
	} else {
		r := policyFiles{done: map[string]bool{}}
		if err := r.read(path); err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		p.Set, p.Problems = r.set, r.problems
	}
	if len(p.Set.Policies) == 0 && !render.Incomplete(p.Problems) {
		return nil, fmt.Errorf("no policy in %s: nothing would be verified%s", path, others(p.Problems))
	}
	return p, nil
}

// place says anew which files the policies, their rules and the problems stand in.
func (p *Policies) place(of func(file string) string) {
	move := func(at *policy.Position) {
		if at.File != "" {
			at.File = of(at.File)
		}
	}
	for i := range p.Set.Policies {
		move(&p.Set.Policies[i].Source)
		for k := range p.Set.Policies[i].Rules {
			move(&p.Set.Policies[i].Rules[k].Source)
		}
	}
	for i := range p.Problems {
		move(&p.Problems[i].At)
	}
}

// noFlows is the error that flows stand where policies are asked for, nil where they do not.
func noFlows(path string) error {
	if format := source.Tell(path, formats.Formats()); format != "" {
		return fmt.Errorf("%s is a flow log (%s) and no policies: policies stand first, flows after them or at --flows", path, format)
	}
	return nil
}

// Know adds what manifests say of the cluster. What stands beside the policies is nearer, and stays.
func (p *Policies) Know(m policy.Manifests) {
	var known policy.Manifests
	known.Join(m)
	known.Join(p.Set.Manifests)
	p.Set.Manifests = known
}

// others says why the first of the policies is none here, or counts the documents that are plainly something else.
func others(problems []render.Problem) string {
	if len(problems) == 0 {
		return ""
	}
	for _, p := range problems {
		if p.Severity != render.Skipped {
			return fmt.Sprintf(" (%s)", p.Error())
		}
	}
	return fmt.Sprintf(
		" (%s)",
		text.Plural(len(problems), "document is something else", "documents are something else"),
	)
}

// policyFiles reads YAML documents of files and directories. What is no policy, cannot be read or is left out is a
// problem with its file, document and line.
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
	err = eachYAML(path, func(p string) error {
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
	b, err := readYAML(path)
	if err != nil {
		return err
	}
	set, problems := render.Parse(bytes.NewReader(b), path, all.Kinds()...)
	r.set.Join(set)
	r.problems = append(r.problems, problems...)
	return nil
}

// kustomizationIn returns the file that kubectl apply -k would read in a directory, "" for none.
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
var plainKeys = []string{
	"apiVersion",
	"kind",
	"metadata",
	"resources",
	"sortOptions",
	"buildMetadata",
	"commonAnnotations",
}

// kustomization follows the resources of a kustomization. What it would change is not guessed.
func (r *policyFiles) kustomization(name string) error {
	dir := filepath.Dir(name)
	pipe := fmt.Sprintf("pipe what it builds: kubectl kustomize %s | sluice verify - ...", dir)
	b, err := render.ReadInside(dir, name)
	if err != nil {
		return err
	}
	var keys map[string]any
	var list struct {
		Resources []string `json:"resources"`
	}
	if err := errors.Join(yaml.Unmarshal(b, &keys), yaml.Unmarshal(b, &list)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for key := range keys {
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
		} else if err := render.Inside(dir, path); err != nil { // as kubectl has it
			return fmt.Errorf("%s lists a file that kubectl would not read: %w", name, err)
		}
		if err := r.read(path); err != nil {
			return err
		}
	}
	return nil
}
