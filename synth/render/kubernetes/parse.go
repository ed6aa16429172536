package kubernetes

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
)

// defaultNamespace is where a policy without namespace goes unless who applies it says otherwise.
const defaultNamespace = "default"

// Parse reads the policies of one file of YAML or JSON documents, Lists among them. A policy is taken over whole or
// not at all, and whatever is not taken over is a problem with its line. Of policies with one name the last stays, as
// when they are applied in order. name is the file's name for positions.
func Parse(in io.Reader, name string) (policy.PolicySet, []Problem) {
	text, err := io.ReadAll(in)
	if err != nil {
		return policy.PolicySet{}, []Problem{{Invalid, policy.Position{File: name, Document: 1, Line: 1}, "read: " + err.Error()}}
	}
	docs, problems := nodes(text, name)
	var set policy.PolicySet
	for _, d := range docs {
		for _, o := range objects(d, &problems) {
			r := reader{at: d.at}
			p, ok := r.object(o)
			problems = append(problems, r.problems...)
			if ok && !r.invalid {
				set.Policies, problems = replace(set.Policies, p, problems)
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.At.Line - b.At.Line })
	return set, problems
}

// replace adds p, in the place of an earlier policy of its name.
func replace(list []policy.Policy, p policy.Policy, problems []Problem) ([]policy.Policy, []Problem) {
	i := slices.IndexFunc(list, func(q policy.Policy) bool { return q.Namespace == p.Namespace && q.Name == p.Name })
	if i < 0 {
		return append(list, p), problems
	}
	old := list[i].Source
	list[i] = p
	return list, append(problems, Problem{Note, p.Source, fmt.Sprintf("policy %s/%s replaces the one in line %d", p.Namespace, p.Name, old.Line)})
}

// objects gives the objects of a document: itself, or the items of a List.
func objects(d document, problems *[]Problem) []*yaml.Node {
	root := target(d.root)
	k := field(root, "kind")
	if k == nil || k.Value != "List" && k.Value != kind+"List" {
		return []*yaml.Node{root}
	}
	r := reader{at: d.at}
	var items []*yaml.Node
	r.fields(root, k.Value, map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "metadata": nil,
		"items": func(n *yaml.Node) { items = r.list(n, "items") }})
	*problems = append(*problems, r.problems...)
	return items
}

// field gives a field of a map, nil if there is none.
func field(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return target(n.Content[i+1])
		}
	}
	return nil
}

// object reads one object: a NetworkPolicy, or a problem that names what it is.
func (r *reader) object(n *yaml.Node) (policy.Policy, bool) {
	var p policy.Policy
	if null(n) {
		r.add(Skipped, n, "an empty document")
		return p, false
	}
	version, k := "", ""
	if v := field(n, "apiVersion"); v != nil {
		version = v.Value
	}
	if v := field(n, "kind"); v != nil {
		k = v.Value
	}
	switch {
	case n.Kind != yaml.MappingNode:
		r.bad(n, "want a Kubernetes object, have %s", typeOf(n))
		return p, false
	case k == "" || version == "":
		r.bad(n, "an object without apiVersion or kind")
		return p, false
	case version != apiVersion || k != kind:
		r.otherKind(n, version, k)
		return p, false
	}
	p.Source = r.at
	p.Source.Line += n.Line
	var body *yaml.Node
	meta := n
	r.fields(n, k, map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "status": nil,
		"metadata": func(m *yaml.Node) { meta = m; r.metadata(m, &p) }, "spec": func(s *yaml.Node) { body = s }})
	if p.Name == "" && !r.invalid {
		r.bad(meta, "metadata: no name")
	}
	if p.Namespace == "" && !r.invalid {
		p.Namespace = defaultNamespace
		r.add(Note, meta, "policy %s names no namespace: taken as %s", p.Name, defaultNamespace)
	}
	if body == nil {
		r.bad(n, "policy %s has no spec", p.Name)
		return p, false
	}
	r.spec(body, &p)
	return p, true
}

// otherKind tells a policy that decides connections, and is missing in the set, from everything else.
func (r *reader) otherKind(n *yaml.Node, version, k string) {
	what := version + " " + k + quoteHint(k+version)
	if strings.Contains(strings.ToLower(k), "networkpolic") {
		r.add(Unsupported, n, "%s: this dialect reads %s %s only", what, apiVersion, kind)
		return
	}
	r.add(Skipped, n, "%s is no policy", what)
}

// metadata reads what names the policy; the other fields of metadata have no meaning for connections.
func (r *reader) metadata(n *yaml.Node, p *policy.Policy) {
	f := map[string]func(*yaml.Node){
		"name": func(v *yaml.Node) {
			if s, ok := r.text(v, "metadata.name"); ok && !validName(s) {
				r.bad(v, "metadata.name: %q is not a name%s", s, quoteHint(s))
			} else if ok {
				p.Name = s
			}
		},
		"namespace": func(v *yaml.Node) {
			if null(v) {
				return
			}
			if s, ok := r.text(v, "metadata.namespace"); ok && s != "" && !validNamespace(s) {
				r.bad(v, "metadata.namespace: %q is not a namespace%s", s, quoteHint(s))
			} else if ok {
				p.Namespace = s
			}
		},
	}
	for _, k := range []string{"labels", "annotations", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
		"finalizers", "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"} {
		f[k] = nil
	}
	r.fields(n, "metadata", f)
}

// directions are what policyTypes can say.
var directions = map[string]model.Direction{"Ingress": model.Ingress, "Egress": model.Egress}
