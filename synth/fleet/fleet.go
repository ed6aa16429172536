// Package fleet joins the bundles of many clusters: what clusters agree on becomes a kustomize base, and what each has
// for itself an overlay on it. An overlay, built, holds the objects of its cluster's bundle, no more and no fewer.
package fleet

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/bundle"
)

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
	c := &Cluster{lists: map[string]bundle.Kustomization{}, files: map[string][]byte{}}
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
		case d.IsDir() || d.Name() != bundle.KustomizationFile:
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
	var k bundle.Kustomization
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		return fmt.Errorf("%s: not as sluice writes it, so nothing can be shared: %w", name, err)
	}
	if len(k.CommonAnnotations) > 0 {
		return fmt.Errorf("%s: not as sluice writes it, so nothing can be shared: it has commonAnnotations", name)
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
			files[path.Join(BaseDir, dir, bundle.KustomizationFile)] = listing(first.lists[dir], shared[dir])
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
		files[path.Join(root, dir, bundle.KustomizationFile)] = listing(k, resources)
	}
}

// listing is the text of a kustomization with other resources.
func listing(k bundle.Kustomization, resources []string) []byte {
	k.Resources = resources
	text, err := yaml.Marshal(k)
	if err != nil {
		panic(err) // texts alone
	}
	return text
}
