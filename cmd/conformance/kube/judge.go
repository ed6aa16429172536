package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// verdict is what became of one file.
type verdict struct {
	File     string   `json:"file"`
	Objects  []string `json:"objects"` // "networking.k8s.io/v1 NetworkPolicy shop/cart"; of a kustomization all it takes in
	Accepted bool     `json:"accepted"`
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// object is a document of a file, and of what it says what is needed to submit it.
type object struct {
	APIVersion string
	Kind       string
	Metadata   struct{ Name, Namespace string }
	text       []byte
}

func (o *object) String() string {
	name := o.Metadata.Name
	if o.Metadata.Namespace != "" {
		name = o.Metadata.Namespace + "/" + name
	}
	return o.APIVersion + " " + o.Kind + " " + name
}

// judge returns a verdict of every YAML file below dir, in the order of their names.
func judge(ctx context.Context, c *client, dir string) ([]verdict, error) {
	var out []verdict
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".yaml" {
			return err
		}
		v := verdict{File: file, Objects: []string{}}
		if d.Name() == "kustomization.yaml" {
			v.build(filepath.Dir(file))
		} else if err := v.submit(ctx, c, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, v)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("no YAML file in %s", dir)
	}
	return out, err
}

// build is `kubectl kustomize`: it fails on files that are not there and on objects that come twice.
func (v *verdict) build(dir string) {
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		v.Error = err.Error()
		return
	}
	for _, r := range m.Resources() {
		o := object{APIVersion: r.GetApiVersion(), Kind: r.GetKind()}
		o.Metadata.Name, o.Metadata.Namespace = r.GetName(), r.GetNamespace()
		v.Objects = append(v.Objects, o.String())
	}
	v.Accepted = true
}

// submit returns the server every document of a file. What it returns is a failure of the judge.
func (v *verdict) submit(ctx context.Context, c *client, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for i, doc := range documents(text) {
		o := object{text: doc}
		if err := yaml.Unmarshal(doc, &o); err != nil {
			v.Error = fmt.Sprintf("document %d: %v", i+1, err)
			return nil
		}
		v.Objects = append(v.Objects, o.String())
		warnings, failure, refusal := c.submit(ctx, &o)
		if failure != nil {
			return failure
		}
		v.Warnings = append(v.Warnings, warnings...)
		if refusal != nil {
			v.Error = fmt.Sprintf("document %d: %v", i+1, refusal)
			return nil
		}
	}
	if v.Accepted = len(v.Objects) > 0; !v.Accepted {
		v.Error = "no document"
	}
	return nil
}

// documents cuts a file at the lines that are "---" and leaves out what has no content.
func documents(text []byte) [][]byte {
	var out [][]byte
	var doc []byte
	flush := func() {
		if len(bytes.TrimSpace(doc)) > 0 {
			out = append(out, doc)
		}
		doc = nil
	}
	for line := range bytes.Lines(text) {
		if string(bytes.TrimRight(line, " \r\n")) == "---" {
			flush()
			continue
		}
		doc = append(doc, line...)
	}
	flush()
	return out
}
