// Package fleet joins the bundles of many clusters: what clusters agree on becomes a kustomize base, and what each has
// for itself an overlay on it. An overlay, built, holds the objects of its cluster's bundle, no more and no fewer.
package fleet

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
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

	"sluice/synth/bundle"
)

// The directories and files beside the bundles, which are called as their clusters.
const (
	BaseDir    = "base"
	OverlayDir = "overlays"
	ReviewFile = "FLEET.md"
	listFile   = "fleet.json" // what Write wrote, with digests
)

// kustomizationFile is what kubectl apply -k reads.
const kustomizationFile = "kustomization.yaml"

// Reserved reports whether a cluster of this name would take the place of what Write writes.
func Reserved(name string) bool {
	return slices.Contains([]string{BaseDir, OverlayDir, ReviewFile, listFile}, name)
}

// kustomization is the part of one that lists what is applied.
type kustomization struct {
	APIVersion  string          `json:"apiVersion"`
	Kind        string          `json:"kind"`
	Resources   []string        `json:"resources"`
	SortOptions json.RawMessage `json:"sortOptions,omitempty"`
}

// Result says what clusters share.
type Result struct {
	Clusters []Cluster
	Shared   int         // policies in the base
	Differ   []Namespace // the namespaces that differ, by name
}

// Cluster is one bundle of the fleet.
type Cluster struct {
	Name        string
	Shared, Own int // policies that its overlay takes from the base, and has itself
	bundle      *bundle.Manifest
	lists       map[string]kustomization // by directory
	files       map[string][]byte        // that the kustomizations list
}

// Namespace is one that several clusters have and that is not the same in all of them.
type Namespace struct {
	Name     string
	Clusters []string // that have it
	Rules    []Rule   // that some of them have
}

// Rule is one that only some clusters have.
type Rule struct {
	Text string
	In   []string
}

// Write writes the base and the overlays beside the bundles in dir, one of each cluster, in directories of their names.
// What a person changed of a former run or put among its files is an error that names it, unless force.
func Write(dir string, clusters []string, force bool) (*Result, error) {
	r := &Result{}
	for _, name := range slices.Sorted(slices.Values(clusters)) {
		c, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", name, err)
		}
		c.Name = name
		r.Clusters = append(r.Clusters, *c)
	}
	files := r.compose()
	r.compare()
	files[ReviewFile] = r.review()
	return r, replace(dir, files, force)
}

// read reads the kustomizations of a bundle and the files that they list.
func read(dir string) (*Cluster, error) {
	c := &Cluster{lists: map[string]kustomization{}, files: map[string][]byte{}}
	var err error
	if c.bundle, err = bundle.Read(dir); err != nil {
		return nil, err
	}
	root := os.DirFS(dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || name == bundle.EvidenceDir || name == bundle.GitOpsDir):
			return fs.SkipDir
		case d.IsDir() || d.Name() != kustomizationFile:
			return nil
		}
		return c.list(root, name)
	})
	return c, err
}

// list reads a kustomization and its files. Directories are those of other kustomizations.
func (c *Cluster) list(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	var k kustomization
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		return fmt.Errorf("%s: not as sluice writes it, so nothing can be shared: %w", name, err)
	}
	dir := path.Dir(name)
	for _, res := range k.Resources {
		file := path.Join(dir, res)
		switch info, err := fs.Stat(root, file); {
		case err != nil:
			return fmt.Errorf("%s lists %s: %w", name, res, err)
		case info.IsDir():
			continue
		}
		if c.files[file], err = fs.ReadFile(root, file); err != nil {
			return err
		}
	}
	c.lists[dir] = k
	return nil
}

// compose returns the files of the base and of the overlays, and counts what is shared. A file belongs to the base
// where all clusters that have its directory have it, to the byte, and there are several.
func (r *Result) compose() map[string][]byte {
	files := map[string][]byte{}
	shared := map[string][]string{} // by directory, in the order of the first cluster that has it
	for dir, having := range r.directories() {
		if len(having) < 2 {
			continue
		}
		first := having[0]
		for _, res := range first.lists[dir].Resources {
			file := path.Join(dir, res)
			text, ok := first.files[file]
			same := func(c *Cluster) bool {
				other, ok := c.files[file]
				return !ok || !bytes.Equal(text, other)
			}
			if !ok || slices.ContainsFunc(having, same) {
				continue
			}
			shared[dir] = append(shared[dir], res)
			files[path.Join(BaseDir, file)] = text
			r.Shared++
		}
		if len(shared[dir]) > 0 {
			files[path.Join(BaseDir, dir, kustomizationFile)] = first.lists[dir].with(shared[dir])
		}
	}
	for i := range r.Clusters {
		r.Clusters[i].overlay(shared, files)
	}
	return files
}

// directories returns the clusters that have each directory with a kustomization.
func (r *Result) directories() map[string][]*Cluster {
	out := map[string][]*Cluster{}
	for i := range r.Clusters {
		for dir := range r.Clusters[i].lists {
			out[dir] = append(out[dir], &r.Clusters[i])
		}
	}
	return out
}

// overlay adds the files of a cluster's overlay.
func (c *Cluster) overlay(shared map[string][]string, files map[string][]byte) {
	root := path.Join(OverlayDir, c.Name)
	for dir, k := range c.lists {
		var resources []string
		if len(shared[dir]) > 0 {
			up := strings.Repeat("../", strings.Count(path.Join(root, dir), "/")+1)
			resources = append(resources, up+path.Join(BaseDir, dir))
			c.Shared += len(shared[dir])
		}
		for _, res := range k.Resources {
			if slices.Contains(shared[dir], res) {
				continue
			}
			resources = append(resources, res)
			if text, ok := c.files[path.Join(dir, res)]; ok {
				files[path.Join(root, dir, res)] = text
				c.Own++
			}
		}
		files[path.Join(root, dir, kustomizationFile)] = k.with(resources)
	}
}

// with returns the text of the kustomization with other resources.
func (k kustomization) with(resources []string) []byte {
	k.Resources = resources
	text, err := yaml.Marshal(k)
	if err != nil {
		panic(err) // texts alone
	}
	return text
}

// compare finds what differs between clusters that have a namespace.
func (r *Result) compare() {
	having := map[string][]string{}
	rules := map[string]map[string]*Rule{} // by namespace and id
	for i := range r.Clusters {
		c := &r.Clusters[i]
		for _, ns := range c.bundle.Namespaces {
			having[ns.Name] = append(having[ns.Name], c.Name)
		}
		for _, rule := range c.bundle.Rules {
			ns, _, _ := strings.Cut(rule.Policy, "/")
			if rules[ns] == nil {
				rules[ns] = map[string]*Rule{}
			}
			of := rules[ns][rule.ID]
			if of == nil {
				of = &Rule{Text: rule.Policy + ": " + rule.Text}
				rules[ns][rule.ID] = of
			}
			if len(of.In) == 0 || of.In[len(of.In)-1] != c.Name {
				of.In = append(of.In, c.Name)
			}
		}
	}
	for _, ns := range slices.Sorted(maps.Keys(having)) {
		n := Namespace{Name: ns, Clusters: having[ns]}
		for _, rule := range rules[ns] {
			if len(rule.In) < len(n.Clusters) {
				n.Rules = append(n.Rules, *rule)
			}
		}
		slices.SortFunc(n.Rules, func(a, b Rule) int {
			return cmp.Or(strings.Compare(a.Text, b.Text), slices.Compare(a.In, b.In))
		})
		if len(n.Rules) > 0 {
			r.Differ = append(r.Differ, n)
		}
	}
}

// replace writes the files in the place of those of a former run. No link leads out of dir.
func replace(dir string, files map[string][]byte, force bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	former, err := formerFiles(root)
	if err != nil {
		return err
	}
	if err := theirs(root, former, files); err != nil && !force {
		return err
	}
	digests := map[string]string{}
	for name, text := range files {
		digests[name] = digestOf(text)
	}
	list, err := json.MarshalIndent(map[string]any{"apiVersion": "sluice/v1", "kind": "Fleet", "files": digests}, "", "  ")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
			return err
		}
		if err := root.WriteFile(name, files[name], 0o666); err != nil {
			return err
		}
	}
	for name := range former {
		if _, ok := files[name]; !ok {
			if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return root.WriteFile(listFile, append(list, '\n'), 0o666)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func formerFiles(root *os.Root) (map[string]string, error) {
	text, err := root.ReadFile(listFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var former struct {
		Files map[string]string `json:"files"`
	}
	if err := json.Unmarshal(text, &former); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(root.Name(), listFile), err)
	}
	return former.Files, nil
}

// theirs is the error for files among ours that are neither as a former run wrote them nor as this one does, which is
// what one that was killed leaves.
func theirs(root *os.Root, former map[string]string, files map[string][]byte) error {
	var found []string
	for _, top := range []string{ReviewFile, BaseDir, OverlayDir} {
		err := fs.WalkDir(root.FS(), top, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			text, err := root.ReadFile(name)
			if err != nil || !d.Type().IsRegular() || former[name] != digestOf(text) && !bytes.Equal(text, files[name]) {
				found = append(found, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("%s is not as the last run wrote it, nor is it a file of a cluster's bundle (%d such): move it, or give --force",
		filepath.Join(root.Name(), filepath.FromSlash(found[0])), len(found))
}
