package cilium

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// term is one condition of a selector. Source is what stands before the colon of its key, "" for any source.
type term struct {
	source string
	policy.Requirement
	at *yaml.Node
}

// subject reads which pods a policy is for. A policy of a namespace is for its own pods whatever it says.
func (r reader) subject(n *yaml.Node, p *policy.Policy) {
	terms := r.selector(n, "spec.endpointSelector")
	pods, namespaces, reserved := r.sort(terms)
	if other := foreignSource(reserved); other != nil {
		r.Report(
			render.Unsupported,
			other.at,
			"spec.endpointSelector: %s:%s is no label of pods",
			other.source,
			other.Key,
		)
		return
	}
	p.Subject = pods.Canonical()
	if r.namespace == "" {
		p.SubjectNamespaces = withoutName(namespaces.Canonical())
		p.SubjectEntities = subjectEntities(terms)
	}
	p.EntitiesOnly = !podsMeet(reserved)
	if r.namespace == "" {
		return
	}
	for _, q := range namespaces {
		switch {
		case q.Key != policy.NamespaceName:
			r.Report(
				render.Unsupported,
				n,
				"spec.endpointSelector: a condition on the labels of the policy's own namespace",
			)
		case !q.Matches(model.Labels{policy.NamespaceName + "=" + r.namespace}):
			r.Report(
				render.Note,
				n,
				"spec.endpointSelector: the namespace is always the policy's own, %s: the condition %s is ignored",
				r.namespace,
				q,
			)
		}
	}
}

// foreignSource returns a condition on labels of which nobody knows what has them, nil if there is none.
func foreignSource(list []term) *term {
	for i := range list {
		if list[i].source != "reserved" {
			return &list[i]
		}
	}
	return nil
}

// podsMeet reports whether pods meet conditions on reserved labels, of which they have none.
func podsMeet(reserved []term) bool {
	return !slices.ContainsFunc(
		reserved,
		func(t term) bool { return t.Op != policy.NotIn && t.Op != policy.DoesNotExist },
	)
}

// subjects are the ends that the agent keeps policy for although they are no pods. Each has one label, "reserved:NAME".
const subjects = model.IngressEntity | model.HealthEndpoint

// subjectEntities returns which of the subjects a selector of a cluster-wide policy finds.
func subjectEntities(terms []term) model.Entities {
	var found model.Entities
	for _, e := range entityNames {
		if e.entity&subjects == 0 {
			continue
		}
		met := !slices.ContainsFunc(terms, func(t term) bool { return !t.meets(e.name) })
		if met {
			found |= e.entity
		}
	}
	return found
}

// meets reports whether an end whose only label is the reserved one of a name meets the condition.
func (t *term) meets(name string) bool {
	var labels model.Labels
	if t.source == "" || t.source == "any" || t.source == "reserved" {
		labels = model.Labels{name + "="}
	}
	return t.Requirement.Matches(labels)
}

// endpoints reads a peer. One that names no namespace means the policy's own, or every one in a policy of the cluster.
func (r reader) endpoints(n *yaml.Node, path string) []policy.Peer {
	terms := r.selector(n, path)
	pods, namespaces, reserved := r.sort(terms)
	if len(reserved) > 0 && (foreignSource(reserved) != nil || !podsMeet(reserved)) {
		return r.reserved(reserved, len(terms), path)
	}
	if len(namespaces) == 0 && r.namespace != "" {
		namespaces = policy.Namespace(r.namespace)
	}
	return []policy.Peer{
		{Kind: policy.PeerPods, Namespaces: withoutName(namespaces.Canonical()), Pods: pods.Canonical()},
	}
}

// reserved reads a peer that names an entity by its label.
func (r reader) reserved(list []term, terms int, path string) []policy.Peer {
	t := list[0]
	for _, e := range entityNames {
		is := t.Op == policy.Exists || t.Op == policy.In && len(t.Values) == 1 && t.Values[0] == ""
		if t.source == "reserved" && t.Key == e.name && is && terms == 1 && e.entity != model.World {
			return eachEntity(e.entity)
		}
	}
	r.Report(
		render.Unsupported,
		t.at,
		"%s: %s:%s beside or instead of labels of pods; entities have lists of their own",
		path,
		t.source,
		t.Key,
	)
	return nil
}

// sort tells conditions on namespaces from those on pods, and from those on what is no pod.
func (r reader) sort(terms []term) (pods, namespaces policy.Selector, reserved []term) {
	for _, t := range terms {
		q := t.Requirement
		key, ofNamespace := strings.CutPrefix(q.Key, namespaceLabels)
		switch {
		case t.source != "" && t.source != "k8s" && t.source != "any":
			reserved = append(reserved, t)
		case q.Key == namespaceLabel:
			q.Key = policy.NamespaceName
			namespaces = append(namespaces, q)
		case ofNamespace:
			q.Key = key
			namespaces = append(namespaces, q)
		default:
			pods = append(pods, q)
		}
	}
	return pods, namespaces, reserved
}

// selector reads the conditions of a selector.
func (r reader) selector(n *yaml.Node, path string) []term {
	var out []term
	r.SelectorFields(n, path, map[string]func(*yaml.Node){
		"matchLabels": func(v *yaml.Node) {
			for _, e := range r.Entries(v, path+".matchLabels") {
				t := r.key(e.Key, path+".matchLabels", e.Key.Value)
				if value, ok := r.value(e.Value, path+".matchLabels."+e.Key.Value); ok {
					t.Values = []string{value}
					out = append(out, t)
				}
			}
		},
		"matchExpressions": func(v *yaml.Node) {
			for _, item := range r.List(v, path+".matchExpressions") {
				out = append(out, r.expression(item, path+".matchExpressions"))
			}
		},
	})
	return out
}

// key splits a key from its source.
func (r reader) key(n *yaml.Node, path, key string) term {
	source, rest, ok := strings.Cut(key, ":")
	if !ok {
		source, rest = "", key
	}
	prefix := source
	if !ok {
		prefix = "any"
	}
	if !render.ValidKey(prefix + "." + rest) { // the form that the API checks
		r.Bad(n, "%s: %q is not a label key%s", path, key, render.QuoteHint(key))
	}
	return term{source: source, Requirement: policy.Requirement{Key: rest}, at: n}
}

func (r reader) value(n *yaml.Node, path string) (string, bool) {
	s, ok := r.Text(n, path)
	if ok && !render.ValidValue(s) {
		r.Bad(n, "%s: %q is not a label value%s", path, s, render.QuoteHint(s))
		return "", false
	}
	return s, ok
}

func (r reader) expression(n *yaml.Node, path string) term {
	var t term
	var values []string
	op, hasOp, hasKey := policy.In, false, false
	r.Fields(n, path, map[string]func(*yaml.Node){
		"key": func(v *yaml.Node) {
			if s, ok := r.Text(v, path+".key"); ok {
				t, hasKey = r.key(v, path, s), true
			}
		},
		"operator": func(v *yaml.Node) {
			s, ok := r.Text(v, path+".operator")
			if !ok {
				return
			}
			if op, hasOp = policy.ParseOp(s); !hasOp {
				r.Bad(v, "%s.operator: %q is not In, NotIn, Exists or DoesNotExist%s", path, s, render.QuoteHint(s)).
					Called(render.WrongValue, r.Meant(v, "In", "NotIn", "Exists", "DoesNotExist"))
			}
		},
		"values": func(v *yaml.Node) {
			for _, x := range r.List(v, path+".values") {
				if s, ok := r.value(x, path+".values"); ok {
					values = append(values, s)
				}
			}
		},
	})
	t.Op, t.Values = op, values
	if r.Invalid() {
		return t
	}
	switch withValues := op == policy.In || op == policy.NotIn; {
	case !hasKey:
		r.Bad(n, "%s: no key", path)
	case !hasOp:
		r.Bad(n, "%s: no operator", path)
	case withValues && len(values) == 0:
		r.Bad(n, "%s: %s needs values", path, op)
	case !withValues && len(values) > 0:
		r.Bad(n, "%s: %s takes no values", path, op)
	}
	return t
}
