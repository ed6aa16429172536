package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// DefaultNamespace is where an object without namespace goes unless who applies it says otherwise.
const DefaultNamespace = "default"

// Kind is an object's apiVersion and kind.
type Kind struct{ APIVersion, Kind string }

// Kinds says how objects are read. A function gives the policies of one object, and keeps no node of it; it reports
// with Bad what makes the object unusable, which is then left out whole. A nil function stands for a kind that has no
// part in decisions.
type Kinds map[Kind]func(r *Reader, object *yaml.Node) []policy.Policy

// Parse reads the policies of one file of YAML or JSON documents, Lists among them. An object is taken over whole or
// not at all, and whatever is not taken over is a problem with its line. Of policies with one name the last stays, as
// when they are applied in order. name is the file's name for positions.
func Parse(in io.Reader, name string, kinds ...Kinds) (policy.PolicySet, []Problem) {
	text, err := io.ReadAll(in)
	if err != nil {
		return policy.PolicySet{}, []Problem{
			{
				Severity: Invalid,
				At:       policy.Position{File: name, Document: 1, Line: 1},
				Text:     "read: " + err.Error(),
			},
		}
	}
	return ParseText(text, name, kinds...)
}

// ParseText is Parse of a file that is in memory.
func ParseText(text []byte, name string, kinds ...Kinds) (policy.PolicySet, []Problem) {
	docs, problems := nodes(text, name)
	var set policy.PolicySet
	for _, d := range docs {
		for _, o := range objects(d, &problems) {
			r := Reader{at: d.at, lines: d.lines}
			list := r.object(o.node, o.of, kinds)
			problems = append(problems, r.problems...)
			if r.invalid {
				continue
			}
			for _, p := range list {
				set.Policies, problems = replace(set.Policies, p, problems)
			}
			set.Tiers, set.Networks = append(set.Tiers, r.tiers...), append(set.Networks, r.networks...)
			set.Manifests.Join(r.beside)
		}
		giveBack(d.lent)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.At.Line - b.At.Line })
	return set, problems
}

// replace adds p, in the place of an earlier policy of its kind and name.
func replace(list []policy.Policy, p policy.Policy, problems []Problem) ([]policy.Policy, []Problem) {
	i := slices.IndexFunc(list, func(q policy.Policy) bool {
		return q.Namespace == p.Namespace && q.Name == p.Name && q.Kind == p.Kind
	})
	if i < 0 {
		return append(list, p), problems
	}
	old := list[i].Source
	list[i] = p
	return list, append(problems, Problem{Severity: Note, At: p.Source,
		Text: fmt.Sprintf("policy %s/%s replaces the one in line %d", p.Namespace, p.Name, old.Line)})
}

// item is an object, and what it is where it does not say so itself: the API leaves that out of the items of its lists.
type item struct {
	node *yaml.Node
	of   Kind
}

// objects returns the objects of a document: itself, or the items of a List.
func objects(d document, problems *[]Problem) []item {
	root := Target(d.root)
	k := Field(root, "kind")
	if k == nil || Field(root, "items") == nil || !strings.HasSuffix(k.Value, "List") {
		return []item{{node: root}}
	}
	var of Kind
	if name := strings.TrimSuffix(k.Value, "List"); name != "" {
		of.Kind = name
		if v := Field(root, "apiVersion"); v != nil {
			of.APIVersion = v.Value
		}
	}
	r := Reader{at: d.at, lines: d.lines}
	var items []item
	r.Fields(root, k.Value, map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "metadata": nil,
		"items": func(n *yaml.Node) {
			for _, o := range r.List(n, "items") {
				items = append(items, item{o, of})
			}
		}})
	*problems = append(*problems, r.problems...)
	return items
}

// object reads one object of a known kind, or reports what it is. of is its kind where it names none itself.
func (r *Reader) object(n *yaml.Node, of Kind, kinds []Kinds) []policy.Policy {
	if IsNull(n) {
		r.Report(Skipped, n, "an empty document")
		return nil
	}
	version, k := of.APIVersion, of.Kind
	if v := Field(n, "apiVersion"); v != nil {
		version = v.Value
	}
	if v := Field(n, "kind"); v != nil {
		k = v.Value
	}
	switch {
	case n.Kind != yaml.MappingNode:
		r.Bad(n, "want a Kubernetes object, have %s", strangerOf(n))
		return nil
	case k == "" || version == "":
		r.Bad(n, "an object without apiVersion or kind")
		return nil
	}
	for _, list := range kinds {
		if read, ok := list[Kind{version, k}]; ok && read != nil {
			policies := read(r, n)
			for i := range policies {
				policies[i].Kind, policies[i].Bundle = version+" "+k, bundleOf(n)
			}
			return policies
		} else if ok {
			r.Report(Skipped, n, "%s %s is no policy", version, k)
			return nil
		}
	}
	r.otherKind(n, version, k, kinds)
	return nil
}

// The labels by which an object of a bundle is known.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	BundleLabel    = "sluice.dev/bundle"
)

// bundleOf returns the bundle that an object says it is of, "" for none.
func bundleOf(n *yaml.Node) string {
	meta := Field(n, "metadata")
	if meta == nil || Field(meta, "labels") == nil {
		return ""
	}
	labels := Field(meta, "labels")
	by, of := Field(labels, ManagedByLabel), Field(labels, BundleLabel)
	if by == nil || of == nil || by.Value != "sluice" {
		return ""
	}
	return of.Value
}

// otherKind tells a policy that decides connections, and is missing in the set, from everything else.
func (r *Reader) otherKind(n *yaml.Node, version, k string, kinds []Kinds) {
	what := version + " " + k + QuoteHint(k+version)
	if !isPolicy(k) {
		r.Report(Skipped, n, "%s is no policy", what)
		return
	}
	var known []string
	for _, list := range kinds {
		for kind, read := range list {
			if read != nil && isPolicy(kind.Kind) {
				known = append(known, kind.APIVersion+" "+kind.Kind)
			}
		}
	}
	slices.Sort(known)
	r.Report(Unsupported, n, "%s: what is read: %s", what, strings.Join(slices.Compact(known), ", "))
}

// isPolicy reports whether objects of a kind decide connections.
func isPolicy(kind string) bool { return strings.Contains(strings.ToLower(kind), "networkpolic") }

// Metadata reads what names an object; the other fields of metadata have no meaning for connections. Nothing is read
// for a nil node. A missing name is a problem.
func (r *Reader) Metadata(object *yaml.Node) (namespace, name string) {
	meta := object
	f := map[string]func(*yaml.Node){
		"name": func(v *yaml.Node) {
			if s, ok := r.Text(v, "metadata.name"); ok && !ValidName(s) {
				r.Bad(v, "metadata.name: %q is not a name%s", s, QuoteHint(s))
			} else if ok {
				name = s
			}
		},
		"namespace": func(v *yaml.Node) {
			if IsNull(v) {
				return
			}
			if s, ok := r.Text(v, "metadata.namespace"); ok && s != "" && !ValidNamespace(s) {
				r.Bad(v, "metadata.namespace: %q is not a namespace%s", s, QuoteHint(s))
			} else if ok {
				namespace = s
			}
		},
	}
	for _, k := range []string{"labels", "annotations", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
		"finalizers", "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"} {
		f[k] = nil
	}
	if m := Field(object, "metadata"); m != nil {
		meta = m
		r.Fields(m, "metadata", f)
	}
	if name == "" && !r.invalid {
		r.Bad(meta, "metadata: no name")
	}
	return namespace, name
}

// NamespaceOrDefault returns the namespace of an object that has to have one: the default one, which is noted, for
// none.
func (r *Reader) NamespaceOrDefault(object *yaml.Node, namespace, name string) string {
	if namespace != "" || r.invalid {
		return namespace
	}
	meta := object
	if m := Field(object, "metadata"); m != nil {
		meta = m
	}
	r.Report(Note, meta, "policy %s names no namespace: taken as %s", name, DefaultNamespace).Called(NoNamespace)
	return DefaultNamespace
}

// strangerOf says what stands where an object should, and nothing of its text: that may be a secret in a file that is
// there by mistake, and what is said goes into comments and logs.
func strangerOf(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return "a text or number"
	}
	return TypeOf(n)
}
