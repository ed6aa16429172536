package cli

import (
	"strings"

	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
)

// dialects are those that learn writes; everything else reads all of them at once. The first is the default.
var dialects = []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}}

func dialectNames() []string {
	var names []string
	for _, d := range dialects {
		names = append(names, d.Name())
	}
	return names
}

func dialectOf(name string) (render.Dialect, error) {
	for _, d := range dialects {
		if d.Name() == name {
			return d, nil
		}
	}
	return nil, usageError("--dialect: there is no %q (%s)", name, strings.Join(dialectNames(), ", "))
}

// kinds are the objects that some dialect reads.
func kinds() []render.Kinds {
	var out []render.Kinds
	for _, d := range dialects {
		out = append(out, d.Kinds())
	}
	return out
}
