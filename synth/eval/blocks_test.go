package eval

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"sluice/model"
	"sluice/synth/policy"
)

// TestManyNetworks: of a rule with many networks those that may hold an end are asked, and the answer, with what is
// missing for it, is that of asking all.
func TestManyNetworks(t *testing.T) {
	asked := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var set policy.PolicySet
		for i := range 3 {
			p := policy.Policy{Name: fmt.Sprint("p", i), Namespace: "shop", Egress: true, Ingress: true}
			for range 2 {
				rule := policy.Rule{Direction: model.Direction(1 + r.IntN(2)), AnyPort: true}
				networks := r.IntN(3) == 0
				for range r.IntN(60) {
					p := anyPeer(r)
					if networks {
						p = policy.Peer{Kind: policy.PeerCIDR, CIDR: anyPrefix(r)}
					}
					rule.Peers = append(rule.Peers, p)
				}
				p.Rules = append(p.Rules, rule)
			}
			set = set.Add(p)
		}
		sem := Semantics(r.IntN(3))
		e, plain := New(set, sem), New(set, sem)
		for i := range plain.peers {
			for j := range plain.peers[i] {
				s := &plain.peers[i][j]
				s.names, s.blocks, s.read = nil, blocks{}, nil
			}
		}
		pod := Facts{IsPod: true, Namespace: "shop", Labels: model.Labels{"app=web"}}
		for range 60 {
			f := anyEnd(r)
			for _, turned := range []bool{false, true} {
				src, dst := pod, f
				if turned {
					src, dst = f, pod
				}
				got := e.Decide(e.End(src), e.End(dst), model.TCP, 443)
				want := plain.Decide(plain.End(src), plain.End(dst), model.TCP, 443)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d, %s, %+v: %+v, asked one by one %+v", seed, sem, f, got, want)
				}
				if want.Allowed {
					asked++
				}
			}
		}
	}
	if asked == 0 {
		t.Error("nothing is allowed")
	}
}

func anyAddress(r *rand.Rand) netip.Addr {
	switch r.IntN(5) {
	case 0:
		return netip.AddrFrom16([16]byte{0x20, 1, 15: byte(r.IntN(8))})
	case 1:
		return netip.AddrFrom16([16]byte{10: 0xff, 0xff, 10, 0, 0, byte(r.IntN(8))})
	default:
		return netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(2)), byte(r.IntN(16))})
	}
}

func anyPrefix(r *rand.Rand) netip.Prefix {
	a := anyAddress(r)
	if r.IntN(30) == 0 {
		return netip.PrefixFrom(a, 0).Masked()
	}
	return netip.PrefixFrom(a, a.BitLen()-r.IntN(12))
}

func anyPeer(r *rand.Rand) policy.Peer {
	switch r.IntN(12) {
	case 0:
		return policy.Peer{Kind: policy.PeerFQDN, Name: fmt.Sprintf("n%d.example.org", r.IntN(20))}
	case 1:
		return policy.PodsIn("shop", policy.MatchLabels(map[string]string{"app": fmt.Sprint(r.IntN(3))}))
	case 2:
		return policy.Peer{Kind: policy.PeerEntities, Entities: model.Host}
	default:
		p := policy.Peer{Kind: policy.PeerCIDR, CIDR: anyPrefix(r)}
		for range max(0, r.IntN(8)-5) {
			p.Except = append(p.Except, anyPrefix(r))
		}
		return p
	}
}

func anyEnd(r *rand.Rand) Facts {
	f := Facts{}
	switch r.IntN(4) {
	case 0:
		f.Block = anyPrefix(r).Masked()
	case 1:
	default:
		f.Address = anyAddress(r)
		if r.IntN(10) == 0 && f.Address.Is6() {
			f.Address = f.Address.WithZone("eth0")
		}
	}
	switch r.IntN(5) {
	case 0:
		f.IsPod, f.Namespace, f.Labels = true, "shop", model.Labels{fmt.Sprint("app=", r.IntN(3))}
	case 1:
		f.Node = true
	case 2:
		f.Masked, f.Entities = true, model.World
	default:
		f.Entities = model.World
		for range r.IntN(3) {
			f.Names = append(f.Names, fmt.Sprintf("n%d.example.org", r.IntN(20)))
		}
	}
	return f
}
