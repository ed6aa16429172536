package calico

import (
	"slices"

	"sluice/model"
	"sluice/synth/policy"
)

// merge returns allow rules in the one form that does not depend on how they were split: a rule of Calico has one peer
// and one protocol, so several of them are a rule of ours. For each peer the ports of all its rules come together, then
// the peers of equal ports. Rules with further conditions stay as they are.
func merge(rules []policy.Rule) []policy.Rule {
	var out []policy.Rule
	type row struct {
		d       model.Direction
		anyPeer bool
		peers   string
	}
	rows := map[row]*policy.Rule{} // of one peer each, with its ports
	var order []row
	for _, r := range rules {
		r = r.Canonical()
		if r.Action != policy.Allow || len(r.Self) > 0 || len(r.NotPorts) > 0 {
			out = append(out, r)
			continue
		}
		for _, one := range peersOf(r) {
			key := row{one.Direction, one.AnyPeer, policy.PeersKey(one.Peers)}
			if rows[key] == nil {
				rows[key] = &policy.Rule{Direction: one.Direction, AnyPeer: one.AnyPeer, Peers: one.Peers,
					Source: one.Source}
				order = append(order, key)
			}
			w := rows[key]
			w.AnyPort = w.AnyPort || one.AnyPort
			w.Ports = append(w.Ports, one.Ports...)
		}
	}
	type column struct {
		d                model.Direction
		anyPeer, anyPort bool
		ports            string
	}
	at := map[column]int{}
	for _, k := range order {
		r := rows[k].Canonical()
		key := column{r.Direction, r.AnyPeer, r.AnyPort, policy.PortsKey(r.Ports)}
		if i, ok := at[key]; ok {
			out[i].Peers = append(out[i].Peers, r.Peers...)
			continue
		}
		at[key] = len(out)
		out = append(out, r)
	}
	for i := range out {
		out[i] = out[i].Canonical()
	}
	return out
}

// peersOf returns a rule for each peer of a rule.
func peersOf(r policy.Rule) []policy.Rule {
	if r.AnyPeer {
		return []policy.Rule{r}
	}
	var out []policy.Rule
	for i := range r.Peers {
		one := r
		one.Peers = slices.Clip(r.Peers[i : i+1])
		out = append(out, one)
	}
	return out
}

// split returns what Calico needs a rule each for: one peer, or the networks of one family, and one protocol.
func split(r policy.Rule) []policy.Rule {
	var out []policy.Rule
	for _, byPeer := range splitPeers(r) {
		if byPeer.AnyPort {
			out = append(out, byPeer)
			continue
		}
		for i, j := 0, 0; i < len(r.Ports); i = j {
			for j = i + 1; j < len(r.Ports) && together(r.Ports[i], r.Ports[j]); j++ {
			}
			one := byPeer
			one.Ports = slices.Clip(r.Ports[i:j])
			out = append(out, one)
		}
	}
	return out
}

// together reports whether one rule can name both ports.
func together(a, b policy.Port) bool {
	return a.Proto == b.Proto && a.Proto.HasPorts() && !a.Whole() && !b.Whole()
}

// splitPeers returns a rule for each peer, and one for all networks of a family that nothing is left out of.
func splitPeers(r policy.Rule) []policy.Rule {
	var out []policy.Rule
	nets := map[bool]int{} // by whether they are IPv4, 1 + the index of their rule
	for _, one := range peersOf(r) {
		if p := one.Peers; !r.AnyPeer && p[0].Kind == policy.PeerCIDR && len(p[0].Except) == 0 {
			four := p[0].CIDR.Addr().Is4()
			if i := nets[four]; i > 0 {
				out[i-1].Peers = append(out[i-1].Peers, p[0])
				continue
			}
			nets[four] = len(out) + 1
		}
		out = append(out, one)
	}
	return out
}
