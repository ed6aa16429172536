package run

import (
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/render"
)

// checkNetworks refuses networks of the configuration whose names say nothing, or of which the log has several: network
// sets of namespaces are NAMESPACE/NAME, and a name alone is the one that there is.
func (c *Config) checkNetworks(g *graph.Graph) error {
	named := func(name string) bool {
		for i := range c.Networks {
			if c.Networks[i].Name == name {
				return true
			}
		}
		return false
	}
	for i := range c.Networks {
		name := c.Networks[i].Name
		if ns, set, ok := strings.Cut(name, "/"); ok {
			if !render.ValidNamespace(ns) || set == "" || strings.Contains(set, "/") {
				return Usagef("config: networks: %q is no name: give NAME, or NAMESPACE/NAME of a NetworkSet", name)
			}
			continue
		}
		var are []string
		for j := range g.Peers {
			p := &g.Peers[j]
			full := p.NetworkName()
			if p.Name == name && (p.Kind == model.KindNetwork || p.Kind == model.KindNetworkSet) &&
				(p.Namespace == "" || !named(full)) && !slices.Contains(are, full) {
				are = append(are, full)
			}
		}
		if len(are) > 1 {
			slices.Sort(are)
			return Usagef("config: networks: %q may be any of %s in the log: name those of namespaces as NAMESPACE/NAME, "+
				"each with its addresses; NAME alone is then the one without a namespace", name, text.Some(are))
		}
	}
	return nil
}
