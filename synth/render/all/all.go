// Package all lists the dialects that sluice knows. A new one is a package beside this and a line here.
package all

import (
	"fmt"
	"strings"

	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/cluster"
	"sluice/synth/render/kubernetes"
)

// Dialects returns those that learn writes; everything else reads all of them at once. The first is the default.
func Dialects() []render.Dialect {
	return []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}, cluster.Dialect{}}
}

// Names returns the names of the dialects.
func Names() []string {
	var names []string
	for _, d := range Dialects() {
		names = append(names, d.Name())
	}
	return names
}

// Named returns the dialect of a name.
func Named(name string) (render.Dialect, error) {
	for _, d := range Dialects() {
		if d.Name() == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("there is no %q (%s)", name, strings.Join(Names(), ", "))
}

// Kinds returns the objects that some dialect reads.
func Kinds() []render.Kinds {
	var out []render.Kinds
	for _, d := range Dialects() {
		out = append(out, d.Kinds())
	}
	return out
}
