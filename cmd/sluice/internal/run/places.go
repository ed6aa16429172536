package run

import (
	"net/netip"
	"slices"

	"sluice/synth"
)

// places tells synthesis which addresses are the cluster's own, as the manifests say, and makes networks of them where
// that was asked for and the configuration does not name them.
func (c *Config) places(cfg *synth.Config) error {
	cfg.Places = map[netip.Addr]synth.Place{}
	var nodes, api []netip.Prefix
	for i := range c.Cluster.Nodes {
		n := &c.Cluster.Nodes[i]
		for _, a := range n.Addresses {
			nodes = append(nodes, netip.PrefixFrom(a, a.BitLen()))
			cfg.Places[a.Unmap()] = synth.Place{What: "node " + n.Name, Network: synth.NodesNetwork}
		}
	}
	for _, a := range c.Cluster.APIServer {
		api = append(api, netip.PrefixFrom(a, a.BitLen()))
		cfg.Places[a.Unmap()] = synth.Place{What: "the API server", Network: synth.APINetwork}
	}
	for _, w := range []struct {
		widening, network string
		list              []netip.Prefix
		who, objects      string
	}{
		{synth.WidenAPI, synth.APINetwork, api, "where the API server is", "the EndpointSlice default/kubernetes"},
		{synth.WidenNodes, synth.NodesNetwork, nodes, "what the nodes are", "Node objects"},
	} {
		named := slices.ContainsFunc(cfg.Networks, func(n synth.Network) bool { return n.Name == w.network })
		switch {
		case !slices.Contains(cfg.Widen, w.widening) || named:
		case len(w.list) == 0:
			return Usagef("--widen %s: nobody says %s: give --manifests with %s, or cluster", w.widening, w.who, w.objects)
		default:
			slices.SortFunc(w.list, netip.Prefix.Compare)
			cfg.Networks = append(cfg.Networks, synth.Network{Name: w.network, CIDRs: slices.Compact(w.list)})
		}
	}
	return nil
}
