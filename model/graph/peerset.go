package graph

import "slices"

// peerSet is a list of peers that is a set, in order, once it is closed. Who adds a peer again and again in a row adds
// it once; its room is that of its peers and a few times as many at most.
type peerSet []PeerID

func (s *peerSet) add(p PeerID) {
	if n := len(*s); n > 0 && (*s)[n-1] == p {
		return
	}
	if len(*s) == cap(*s) {
		s.close()
		if n := len(*s); 2*n >= cap(*s) {
			*s = slices.Grow(*s, n+1)
		}
	}
	*s = append(*s, p)
}

func (s *peerSet) close() {
	slices.Sort(*s)
	*s = slices.Compact(*s)
}

// has reports whether a closed set has a peer.
func (s peerSet) has(p PeerID) bool {
	_, ok := slices.BinarySearch(s, p)
	return ok
}

func (a *answers) close() {
	a.clients.close()
	a.servers.close()
	a.silent.close()
}
