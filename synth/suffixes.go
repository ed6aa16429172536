package synth

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// domains are those that a workload asked for several names of, right below them, by workload and domain. Nobody's own
// domain is one: below a public suffix each name is somebody else's.
type domains map[graph.WorkloadID]map[string]map[string]bool

// domainsAsked collects the domains where the widening is asked for.
func domainsAsked(s *scope) domains {
	out := domains{}
	if !s.cfg.widens(WidenSuffixes) {
		return out
	}
	for i, e := range s.g.AllEdges() {
		w := s.g.Peers[e.Src].Workload
		if w < 0 || !s.accepted(i) || s.g.Peers[e.Dst].Kind != model.KindAddress {
			continue
		}
		for _, name := range e.Names {
			_, domain, _ := strings.Cut(name, ".")
			if _, err := publicsuffix.EffectiveTLDPlusOne(domain); err != nil {
				continue
			}
			if out[w] == nil {
				out[w] = map[string]map[string]bool{}
			}
			if out[w][domain] == nil {
				out[w][domain] = map[string]bool{}
			}
			out[w][domain][name] = true
		}
	}
	return out
}

// widened returns the pattern that stands for a name of a workload: one label below its domain, in every version of
// Cilium. It is the name itself where the workload asked for no other beside it.
func (d domains) widened(w graph.WorkloadID, name string) string {
	if _, domain, _ := strings.Cut(name, "."); len(d[w][domain]) > 1 {
		return "*." + domain
	}
	return name
}

// isPattern reports whether a peer is every name below a domain.
func isPattern(p policy.Peer) bool { return p.Kind == policy.PeerFQDN && strings.Contains(p.Name, "*") }
