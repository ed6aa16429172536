package render

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// LabelSelector is one of the Kubernetes API, as it is written.
type LabelSelector struct {
	MatchLabels      Labels             `json:"matchLabels,omitempty"`
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is one of its expressions.
type LabelRequirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values,omitempty" yaml:"flow"`
}

// NewLabelSelector writes a selector.
func NewLabelSelector(s policy.Selector) *LabelSelector {
	out := &LabelSelector{}
	for _, q := range s {
		out.Add(q.Key, q)
	}
	return out
}

// Add writes a requirement under a key. In with one value becomes a label; a second one for the same key has to be an
// expression.
func (s *LabelSelector) Add(key string, q policy.Requirement) {
	if q.Op != policy.In || len(q.Values) != 1 || !s.MatchLabels.add(key, q.Values[0]) {
		s.MatchExpressions = append(s.MatchExpressions, LabelRequirement{key, q.Op.String(), q.Values})
	}
}

// Labels are texts by their keys, sorted by these. They are written as a map is.
type Labels struct{ list []label }

type label struct{ key, value string }

// add adds a label unless there is one of its key.
func (l *Labels) add(key, value string) bool {
	at, taken := slices.BinarySearchFunc(l.list, key, func(x label, key string) int { return strings.Compare(x.key, key) })
	if !taken {
		l.list = slices.Insert(l.list, at, label{key, value})
	}
	return !taken
}

// MarshalJSON writes what a map would be.
func (l Labels) MarshalJSON() ([]byte, error) {
	m := make(map[string]string, len(l.list))
	for _, x := range l.list {
		m[x.key] = x.value
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads a map.
func (l *Labels) UnmarshalJSON(text []byte) error {
	var m map[string]string
	err := json.Unmarshal(text, &m)
	for k, v := range m {
		l.add(k, v)
	}
	return err
}

// Drop leaves out the label of a key.
func (l *Labels) Drop(key string) {
	l.list = slices.DeleteFunc(l.list, func(x label) bool { return x.key == key })
}

// Selector reads a label selector of the Kubernetes API. path says where it stands.
func (r *Reader) Selector(n *yaml.Node, path string) policy.Selector {
	if s, ok := labelsOf(n); ok {
		return s.Canonical()
	}
	return r.selector(n, path)
}

func (r *Reader) selector(n *yaml.Node, path string) policy.Selector {
	var s policy.Selector
	r.SelectorFields(n, path, map[string]func(*yaml.Node){
		"matchLabels": func(v *yaml.Node) {
			for _, e := range r.Entries(v, path+".matchLabels") {
				r.key(e.Key, path+".matchLabels", e.Key.Value)
				if value, ok := r.value(e.Value, path+".matchLabels."+e.Key.Value); ok {
					s = append(s, policy.Requirement{Key: e.Key.Value, Values: []string{value}})
				}
			}
		},
		"matchExpressions": func(v *yaml.Node) {
			for _, item := range r.List(v, path+".matchExpressions") {
				s = append(s, r.expression(item, path+".matchExpressions"))
			}
		},
	})
	return s.Canonical()
}

// labelsOf reads a selector that has labels alone, as most have, and of which there is nothing to tell. It is false of
// every other.
func labelsOf(n *yaml.Node) (policy.Selector, bool) {
	fields, ok := Pick(n, "matchLabels")
	if ok && fields[0] == nil {
		return nil, true
	}
	if !ok || fields[0].Kind != yaml.MappingNode || len(fields[0].Content) == 0 {
		return nil, false
	}
	labels := fields[0].Content
	s, values := make(policy.Selector, len(labels)/2), make([]string, len(labels)/2)
	for i := range s {
		k, v := labels[2*i], Target(labels[2*i+1])
		if !isClean(k) || !isClean(v) || !ValidKey(k.Value) || !ValidValue(v.Value) {
			return nil, false
		}
		values[i] = v.Value
		s[i] = policy.Requirement{Key: k.Value, Values: values[i : i+1 : i+1]}
		if slices.ContainsFunc(s[:i], func(q policy.Requirement) bool { return q.Key == k.Value }) {
			return nil, false
		}
	}
	return s, true
}

func (r *Reader) key(n *yaml.Node, path, key string) {
	if !ValidKey(key) {
		r.Bad(n, "%s: %q is not a label key%s", path, key, QuoteHint(key))
	}
}

func (r *Reader) value(n *yaml.Node, path string) (string, bool) {
	s, ok := r.Text(n, path)
	if ok && !ValidValue(s) {
		r.Bad(n, "%s: %q is not a label value%s", path, s, QuoteHint(s))
		return "", false
	}
	return s, ok
}

func (r *Reader) expression(n *yaml.Node, path string) policy.Requirement {
	var q policy.Requirement
	operator := false
	r.Fields(n, path, map[string]func(*yaml.Node){
		"key": func(v *yaml.Node) {
			if s, ok := r.Text(v, path+".key"); ok {
				q.Key = s
			}
		},
		"operator": func(v *yaml.Node) {
			s, ok := r.Text(v, path+".operator")
			if !ok {
				return
			}
			if q.Op, operator = policy.ParseOp(s); !operator {
				r.Bad(v, "%s.operator: %q is not In, NotIn, Exists or DoesNotExist%s", path, s, QuoteHint(s)).
					Called(WrongValue, r.Meant(v, "In", "NotIn", "Exists", "DoesNotExist"))
			}
		},
		"values": func(v *yaml.Node) {
			for _, x := range r.List(v, path+".values") {
				if s, ok := r.value(x, path+".values"); ok {
					q.Values = append(q.Values, s)
				}
			}
		},
	})
	if r.invalid {
		return q
	}
	r.key(n, path, q.Key)
	switch withValues := q.Op == policy.In || q.Op == policy.NotIn; {
	case !operator:
		r.Bad(n, "%s: no operator", path)
	case withValues && len(q.Values) == 0:
		r.Bad(n, "%s: %s needs values", path, q.Op)
	case !withValues && len(q.Values) > 0:
		r.Bad(n, "%s: %s takes no values", path, q.Op)
	}
	return q
}
