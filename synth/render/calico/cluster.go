package calico

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// plugin is what the objects of a cluster call Calico, evaluationMode says whether its flows tell of staged policies.
const (
	plugin         = "calico"
	evaluationMode = "flowLogsPolicyEvaluationMode"
)

// parseInformation reads which version the cluster has.
func parseInformation(r *render.Reader, n *yaml.Node) []policy.Policy {
	r.Report(render.Skipped, n, "a ClusterInformation is no policy")
	if v := render.Path(n, "spec", "calicoVersion"); v != nil && v.Value != "" {
		r.Beside(policy.Manifests{Plugins: []policy.Plugin{{Name: plugin, Versions: []string{v.Value}}}})
	}
	return nil
}

// parseFelix reads of the configuration of all nodes what policies depend on.
func parseFelix(r *render.Reader, n *yaml.Node) []policy.Policy {
	r.Report(render.Skipped, n, "a FelixConfiguration is no policy")
	if name := render.Path(n, "metadata", "name"); name == nil || name.Value != "default" {
		return nil
	}
	options := map[string]string{}
	if v := render.Path(n, "spec", evaluationMode); v != nil {
		options[evaluationMode] = v.Value
	}
	r.Beside(policy.Manifests{Plugins: []policy.Plugin{{Name: plugin, Options: options}}})
	return nil
}
