package kubernetes

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/render"
)

// items are those of a list, none of anything else.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var out []*yaml.Node
	for _, c := range n.Content {
		out = append(out, render.Target(c))
	}
	return out
}
