package render

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// Object is one object of a file as it is written: what a policy means, Parse says; how it was put, only the text does.
type Object struct {
	Kind   string // "Ingress"
	Root   *yaml.Node
	reader Reader
}

// Objects returns the objects of a file of YAML or JSON documents, Lists among them, read or not. What is no YAML is
// left out: Parse tells of it.
func Objects(text []byte, name string) []Object {
	docs, problems := nodes(text, name)
	var out []Object
	for _, d := range docs {
		for _, o := range objects(d, &problems) {
			kind := o.of.Kind
			if k := Field(o.node, "kind"); k != nil {
				kind = k.Value
			}
			out = append(out, Object{kind, o.node, Reader{at: d.at, lines: d.lines}})
		}
	}
	return out
}

// At is where a node of the object stands.
func (o *Object) At(n *yaml.Node) policy.Position { return o.reader.Position(n) }

// Replace is the edit that puts a text in the place of a scalar; see Reader.Replace.
func (o *Object) Replace(n *yaml.Node, text string) Edit { return o.reader.Replace(n, text) }

// Path returns the node that fields lead to, nil where there is none.
func Path(n *yaml.Node, fields ...string) *yaml.Node {
	for _, f := range fields {
		if n == nil {
			return nil
		}
		n = Field(n, f)
	}
	return n
}
