//go:build corpus

package eval_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// manifest is what the tests need of any object: who its pods are.
type manifest struct {
	Kind     string
	Metadata meta
	Items    []manifest
	Spec     struct {
		Containers []container
		Template   struct {
			Metadata meta
			Spec     struct{ Containers []container }
		}
	}
}

type meta struct {
	Name, Namespace string
	Labels          map[string]string
	OwnerReferences []struct{ Kind, Name string } `yaml:"ownerReferences"`
}

type container struct {
	Ports []struct {
		Name          string
		ContainerPort uint16 `yaml:"containerPort"`
	}
}

// cluster is what a directory of manifests says: pods by "namespace/workload[Kind]" as np-guard writes them, and policies.
type cluster struct {
	pods     map[string]eval.Facts
	policies policy.PolicySet
	problems []render.Problem
}

// corpus returns the directory of recorded policies: make corpus names it.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SLUICE_CORPUS")
	if dir == "" {
		t.Fatal("SLUICE_CORPUS names no corpus")
	}
	return filepath.Join(dir, "policies")
}

// load reads every YAML file below dir.
func load(t *testing.T, dir string) cluster {
	t.Helper()
	c := cluster{pods: map[string]eval.Facts{}}
	var objects []manifest
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set, problems := render.Parse(strings.NewReader(string(text)), d.Name(), kubernetes.Dialect{}.Kinds())
		c.policies, c.problems = c.policies.Add(set.Policies...), append(c.problems, problems...)
		for dec := yaml.NewDecoder(strings.NewReader(string(text))); ; {
			var m manifest
			if dec.Decode(&m) != nil {
				return nil
			}
			objects = append(append(objects, m), m.Items...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c.add(objects)
	return c
}

func (c *cluster) add(objects []manifest) {
	namespaces := map[string]model.Labels{}
	for _, m := range objects {
		if m.Kind == "Namespace" {
			namespaces[m.Metadata.Name] = labels(m.Metadata.Labels)
		}
	}
	for _, m := range objects {
		name, of, containers := m.Metadata.Name+"["+m.Kind+"]", m.Spec.Template.Metadata.Labels, m.Spec.Template.Spec.Containers
		switch m.Kind {
		case "Pod":
			of, containers = m.Metadata.Labels, m.Spec.Containers
			for _, o := range m.Metadata.OwnerReferences {
				name = o.Name + "[" + o.Kind + "]"
			}
		case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job":
		default:
			continue
		}
		ns := m.Metadata.Namespace
		if ns == "" {
			ns = "default"
		}
		f := eval.Facts{IsPod: true, Namespace: ns, Labels: labels(of), NamespaceLabels: labels(nil), NamedPorts: []eval.NamedPort{}}
		if l, ok := namespaces[ns]; ok {
			f.NamespaceLabels = l
		}
		for _, k := range containers {
			for _, p := range k.Ports {
				f.NamedPorts = append(f.NamedPorts, eval.NamedPort{Name: p.Name, Proto: model.TCP, Port: p.ContainerPort})
			}
		}
		c.pods[ns+"/"+name] = f
	}
}

// labels never gives nil: what a manifest says of labels is complete.
func labels(m map[string]string) model.Labels {
	kv := []string{}
	for k, v := range m {
		kv = append(kv, strings.TrimSuffix(k+"="+v, "="))
	}
	slices.Sort(kv)
	return append(model.Labels{}, model.MakeLabels(kv)...)
}
