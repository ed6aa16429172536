package lint

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// The fields that say whom a policy selects, and those of its directions.
var (
	subjectFields   = []string{"podSelector", "endpointSelector", "selector"}
	directionFields = map[model.Direction][]string{
		model.Ingress: {"ingress", "ingressDeny", "policyTypes", "types"},
		model.Egress:  {"egress", "egressDeny", "policyTypes", "types"},
	}
)

// objects reads the files again as they are written.
func (l *linter) objects() {
	for _, name := range slices.Sorted(maps.Keys(l.Texts)) {
		l.texts = append(l.texts, render.Objects(l.Texts[name], name)...)
	}
	l.byPos = map[policy.Position]*render.Object{}
	for i := range l.texts {
		o := &l.texts[i]
		l.byPos[o.At(o.Root)] = o
	}
}

// spec returns the text of a policy and the part of it that says what the policy does, nil where it is not at hand.
func (l *linter) spec(p *policy.Policy) (*render.Object, *yaml.Node) {
	o := l.byPos[p.Source]
	if o == nil {
		return nil, nil
	}
	spec := render.Path(o.Root, "spec")
	if spec == nil || render.Path(o.Root, "specs") != nil {
		return nil, nil // several policies in one object
	}
	return o, spec
}

// place is where the first of some fields of a policy's spec stands, else the policy.
func (l *linter) place(p *policy.Policy, fields []string) policy.Position {
	o, spec := l.spec(p)
	if o == nil {
		return p.Source
	}
	for _, f := range fields {
		for i := 0; i+1 < len(spec.Content); i += 2 {
			if spec.Content[i].Value == f {
				return o.At(spec.Content[i])
			}
		}
	}
	return p.Source
}

// emptyList reports whether a field of a policy's spec is written as a list of nothing.
func (l *linter) emptyList(p *policy.Policy, field string) bool {
	_, spec := l.spec(p)
	n := render.Path(spec, field)
	return n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0
}

// rule returns the text of a rule and the object that it stands in, nil where it is not at hand.
func (l *linter) rule(p *policy.Policy, r *policy.Rule) (*render.Object, *yaml.Node) {
	o := l.byPos[p.Source]
	if o == nil {
		return nil, nil
	}
	return o, nodeAt(o, o.Root, r.Source)
}

func nodeAt(o *render.Object, n *yaml.Node, at policy.Position) *yaml.Node {
	if n.Kind == yaml.MappingNode && o.At(n) == at && n != o.Root {
		return n
	}
	for _, c := range n.Content {
		if found := nodeAt(o, c, at); found != nil {
			return found
		}
	}
	return nil
}

// renumbered are the edits that write another port in the ports of a rule, nil where they do not name it alone.
func (l *linter) renumbered(p *policy.Policy, r *policy.Rule, from, to string) []render.Edit {
	o, n := l.rule(p, r)
	if n == nil {
		return nil
	}
	var edits []render.Edit
	var walk func(n *yaml.Node, inPorts bool)
	walk = func(n *yaml.Node, inPorts bool) {
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.MappingNode && i%2 == 0:
			case n.Kind == yaml.MappingNode:
				walk(c, inPorts || strings.HasSuffix(strings.ToLower(n.Content[i-1].Value), "ports"))
			default:
				walk(c, inPorts)
			}
		}
		if n.Kind == yaml.ScalarNode && inPorts && n.Value == from {
			text := to
			if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
				text = `"` + to + `"`
			}
			edits = append(edits, o.Replace(n, text))
		}
	}
	walk(n, false)
	if len(edits) != 1 || edits[0].Line == 0 {
		return nil
	}
	return edits
}
