package kubernetes

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

func (r *reader) selector(n *yaml.Node, path string) policy.Selector {
	var s policy.Selector
	r.fields(n, path, map[string]func(*yaml.Node){
		"matchLabels": func(v *yaml.Node) {
			for _, e := range r.entries(v, path+".matchLabels") {
				r.key(e.key, path+".matchLabels", e.key.Value)
				if value, ok := r.value(e.value, path+".matchLabels."+e.key.Value); ok {
					s = append(s, policy.Requirement{Key: e.key.Value, Values: []string{value}})
				}
			}
		},
		"matchExpressions": func(v *yaml.Node) {
			for _, item := range r.list(v, path+".matchExpressions") {
				s = append(s, r.expression(item, path+".matchExpressions"))
			}
		},
	})
	return s.Canonical()
}

func (r *reader) key(n *yaml.Node, path, key string) {
	if !validKey(key) {
		r.bad(n, "%s: %q is not a label key%s", path, key, quoteHint(key))
	}
}

func (r *reader) value(n *yaml.Node, path string) (string, bool) {
	s, ok := r.text(n, path)
	if ok && !validValue(s) {
		r.bad(n, "%s: %q is not a label value%s", path, s, quoteHint(s))
		return "", false
	}
	return s, ok
}

func (r *reader) expression(n *yaml.Node, path string) policy.Requirement {
	var q policy.Requirement
	operator := false
	r.fields(n, path, map[string]func(*yaml.Node){
		"key": func(v *yaml.Node) {
			if s, ok := r.text(v, path+".key"); ok {
				q.Key = s
			}
		},
		"operator": func(v *yaml.Node) {
			s, ok := r.text(v, path+".operator")
			if !ok {
				return
			}
			if q.Op, operator = policy.ParseOp(s); !operator {
				r.bad(v, "%s.operator: %q is not In, NotIn, Exists or DoesNotExist%s", path, s, quoteHint(s))
			}
		},
		"values": func(v *yaml.Node) {
			for _, x := range r.list(v, path+".values") {
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
		r.bad(n, "%s: no operator", path)
	case withValues && len(q.Values) == 0:
		r.bad(n, "%s: %s needs values", path, q.Op)
	case !withValues && len(q.Values) > 0:
		r.bad(n, "%s: %s takes no values", path, q.Op)
	}
	return q
}
