package cilium

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// plugin is what the objects of a cluster call Cilium, configMap what holds the options of its agents.
const (
	plugin    = "cilium"
	configMap = "cilium-config"
)

// parseConfigMap reads the options of the agents. Every other ConfigMap is the cluster's own affair.
func parseConfigMap(r *render.Reader, n *yaml.Node) []policy.Policy {
	r.Report(render.Skipped, n, "a ConfigMap is no policy")
	if name := render.Path(n, "metadata", "name"); name == nil || name.Value != configMap {
		return nil
	}
	options := map[string]string{}
	if data := render.Field(n, "data"); data != nil && data.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(data.Content); i += 2 {
			options[data.Content[i].Value] = render.Target(data.Content[i+1]).Value
		}
	}
	r.Beside(policy.Manifests{Plugins: []policy.Plugin{{Name: plugin, Options: options}}})
	return nil
}
