package applytest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// Cluster is what was applied.
type Cluster map[Key]Object

// Key is how the API server knows an object.
type Key struct{ APIVersion, Kind, Namespace, Name string }

// String is "Kind namespace/name".
func (k Key) String() string { return k.Kind + " " + k.Namespace + "/" + k.Name }

// Object is one of them.
type Object struct {
	labels map[string]string
	set    policy.PolicySet
}

// set is everything in the cluster that decides.
func (c Cluster) set() policy.PolicySet {
	var out policy.PolicySet
	for _, o := range c {
		out.Join(o.set)
	}
	return out.Canonical()
}

// change makes, replaces or deletes an object.
type change struct {
	key    Key
	object *Object // nil deletes
}

func (ch *change) make(c Cluster) {
	if ch.object == nil {
		delete(c, ch.key)
	} else {
		c[ch.key] = *ch.object
	}
}

// changes are those of a command: lists, of which the next begins when the one before is through.
func (r *run) changes(command string) ([][]change, error) {
	f := strings.Fields(command)
	switch {
	case len(f) > 1 && (f[0] == "sluice" || f[1] == "explain" || f[1] == "get"):
		return nil, nil
	case len(f) < 4 || f[0] != "kubectl":
		return nil, fmt.Errorf("no command that is known")
	}
	if f[1] == "delete" && f[2] != "-k" {
		return [][]change{r.byLabel(f)}, nil
	}
	if f[2] != "-k" {
		return nil, fmt.Errorf("want -k")
	}
	ordered, objects, err := r.build(f[3])
	if err != nil || f[1] == "diff" {
		return nil, err
	}
	var list, pruned []change
	for _, k := range ordered {
		o := objects[k]
		_, there := r.state[k]
		switch {
		case f[1] == "apply":
			list = append(list, change{k, &o})
		case there:
			list = append(list, change{k, nil})
		case !slices.Contains(f, "--ignore-not-found"):
			return nil, fmt.Errorf("%s is not there", k)
		}
	}
	if slices.Contains(f, "--prune") {
		pruned = r.pruned(f, objects)
	}
	return [][]change{list, pruned}, nil
}

// build returns the objects of a kustomization in its order.
func (r *run) build(dir string) ([]Key, map[Key]Object, error) {
	var k struct {
		Resources   []string
		SortOptions struct{ Order string }
	}
	text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		return nil, nil, err
	}
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil, nil, err
	}
	if k.SortOptions.Order != "fifo" {
		return nil, nil, fmt.Errorf("%s does not keep the order", dir)
	}
	var order []Key
	all := map[Key]Object{}
	add := func(key Key, o Object) error {
		if _, twice := all[key]; twice {
			return fmt.Errorf("%s: %s twice", dir, key)
		}
		order, all[key] = append(order, key), o
		return nil
	}
	for _, name := range k.Resources {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err != nil {
			return nil, nil, err
		} else if !info.IsDir() {
			key, o, err := r.object(file)
			if err == nil {
				err = add(key, o)
			}
			if err != nil {
				return nil, nil, err
			}
			continue
		}
		keys, objects, err := r.build(file)
		if err != nil {
			return nil, nil, err
		}
		for _, key := range keys {
			if err := add(key, objects[key]); err != nil {
				return nil, nil, err
			}
		}
	}
	return order, all, nil
}

func (r *run) object(file string) (Key, Object, error) {
	var o struct {
		APIVersion, Kind string
		Metadata         struct {
			Name, Namespace string
			Labels          map[string]string
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Key{}, Object{}, err
	}
	if err := yaml.Unmarshal(text, &o); err != nil {
		return Key{}, Object{}, err
	}
	if o.Metadata.Labels["app.kubernetes.io/managed-by"] != "sluice" ||
		o.Metadata.Labels["sluice.dev/bundle"] != r.m.Name {
		return Key{}, Object{}, fmt.Errorf("%s has the labels %v", file, o.Metadata.Labels)
	}
	set, problems := render.Parse(bytes.NewReader(text), file, r.kinds)
	if len(problems) > 0 {
		return Key{}, Object{}, problems[0]
	}
	return Key{o.APIVersion, o.Kind, o.Metadata.Namespace, o.Metadata.Name}, Object{o.Metadata.Labels, set}, nil
}

// selected are the objects that carry the labels of -l, in some order.
func (r *run) selected(f []string, wanted func(Key) bool) []change {
	i := slices.Index(f, "-l")
	var out []change
	for k, o := range r.state {
		ok := wanted(k)
		for _, l := range strings.Split(f[i+1], ",") {
			key, value, _ := strings.Cut(l, "=")
			key, not := strings.CutSuffix(key, "!")
			ok = ok && (o.labels[key] == value) != not
		}
		if ok {
			out = append(out, change{k, nil})
		}
	}
	slices.SortFunc(out, func(a, b change) int { return strings.Compare(a.key.String(), b.key.String()) })
	return out
}

// pruned are the objects of the allowed kinds that were not applied, in the namespaces that something was applied to.
func (r *run) pruned(f []string, applied map[Key]Object) []change {
	visited := map[string]bool{"": true}
	for k := range applied {
		visited[k.Namespace] = true
	}
	return r.selected(f, func(k Key) bool {
		_, stays := applied[k]
		return !stays && visited[k.Namespace] && slices.Contains(f, "--prune-allowlist="+k.APIVersion+"/"+k.Kind)
	})
}

// byLabel are the objects of some resources.
func (r *run) byLabel(f []string) []change {
	namespace := "" // all of them
	if i := slices.Index(f, "-n"); i >= 0 {
		namespace = f[i+1]
	}
	return r.selected(f, func(k Key) bool {
		if namespace != "" && k.Namespace != namespace && k.Namespace != "" {
			return false
		}
		group, _, _ := strings.Cut(k.APIVersion, "/")
		kind := strings.ToLower(k.Kind)
		if s, ok := strings.CutSuffix(kind, "policy"); ok {
			kind = s + "policies"
		} else {
			kind += "s"
		}
		return slices.Contains(strings.Split(f[2], ","), kind+"."+group)
	})
}
