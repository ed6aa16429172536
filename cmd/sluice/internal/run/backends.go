package run

import (
	"sluice/model"
	"sluice/model/graph"
)

// backends tells graphs which pods the manifests have behind a service, nil where no manifest speaks of services.
func (c *Config) backends() func(string, string, uint16, model.Proto, []string) []graph.Backend {
	m := &c.Cluster
	if len(m.Services)+len(m.Routes) == 0 {
		return nil
	}
	return func(namespace, service string, port uint16, proto model.Proto, hosts []string) []graph.Backend {
		var out []graph.Backend
		for _, b := range m.Behind(namespace, service, port, proto, hosts) {
			out = append(out, graph.Backend{Namespace: b.Namespace, Matches: b.Selector.Matches, Port: b.Port,
				Proxied: b.Proxied, Unknown: b.Unknown})
		}
		return out
	}
}
