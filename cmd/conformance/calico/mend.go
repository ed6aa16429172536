package main

import (
	"fmt"
	"net/netip"
	"strings"

	googleproto "google.golang.org/protobuf/proto"

	"github.com/projectcalico/calico/app-policy/policystore"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/felix/rules"
	"github.com/projectcalico/calico/felix/types"
)

// The checker of 3.31.0 is what fills in pending policies, and differs from the data plane in these points. Each is
// mended here from outside: the sets and the policies it is shown, never its own code.
//
//   - named ports never match: it asks the set of "address,protocol:port" with the bare port
//   - addresses in networks of 25 to 31 bits (IPv6: 121 to 127) never match a network set
//   - SCTP is missing where a port set is asked with its protocol
//   - ICMP types and codes, and the IP version of a rule, are not compared

// mended returns the set to use in place of the checker's own, nil where that is right.
func (e *engine) mended(u *proto.IPSetUpdate) policystore.IPSet {
	switch u.Type {
	case proto.IPSetUpdate_NET:
		return netSet{}
	case proto.IPSetUpdate_IP_AND_PORT:
		return portSet{map[string]bool{}, e}
	}
	return nil
}

type netSet map[netip.Prefix]bool

func (s netSet) AddString(v string)    { s[prefix(v)] = true }
func (s netSet) RemoveString(v string) { delete(s, prefix(v)) }

func (s netSet) Members() []string {
	var out []string
	for p := range s {
		out = append(out, p.String())
	}
	return out
}

func (s netSet) Contains(v string) bool {
	a, err := netip.ParseAddr(v)
	if err != nil {
		return false
	}
	a = a.Unmap()
	for p := range s {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// prefix reads what the calculation graph wrote, which may be a bare address.
func prefix(v string) netip.Prefix {
	if !strings.Contains(v, "/") {
		a := netip.MustParseAddr(v)
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.MustParsePrefix(v).Masked()
}

type portSet struct {
	members map[string]bool
	engine  *engine
}

func (s portSet) AddString(v string)    { s.members[v] = true }
func (s portSet) RemoveString(v string) { delete(s.members, v) }

func (s portSet) Members() []string {
	var out []string
	for m := range s.members {
		out = append(out, m)
	}
	return out
}

// Contains asks for the server's address, protocol and port, whatever it is asked with.
func (s portSet) Contains(string) bool {
	c := s.engine.asked
	protocol := map[int]string{6: "tcp", 17: "udp", 132: "sctp"}[c.Protocol]
	return s.members[fmt.Sprintf("%s,%s:%d", c.To, protocol, c.ToPort)]
}

// variant is what the checker does not compare of a connection. Connections that agree in it share a store.
type variant struct {
	six        bool
	icmp       bool
	kind, code int
}

// storeFor returns the store with the rules that a connection's version and message type can match; the others stay in
// their place as rules for no protocol.
func (e *engine) storeFor(c *Connection, six bool) *policystore.PolicyStore {
	v := variant{six: six, icmp: c.Protocol == 1 || c.Protocol == 58}
	if v.icmp {
		v.kind, v.code = c.Type, c.Code
	}
	if s := e.variants[v]; s != nil {
		return s
	}
	s := &policystore.PolicyStore{IPToIndexes: e.store.IPToIndexes, PolicyByID: map[types.PolicyID]*proto.Policy{},
		ProfileByID: e.store.ProfileByID, IPSetByID: e.store.IPSetByID, Endpoint: e.store.Endpoint, Endpoints: e.store.Endpoints,
		ServiceAccountByID: e.store.ServiceAccountByID, NamespaceByID: e.store.NamespaceByID}
	for id, p := range e.store.PolicyByID {
		p = googleproto.Clone(p).(*proto.Policy)
		p.InboundRules, p.OutboundRules = v.rules(p.InboundRules), v.rules(p.OutboundRules)
		s.PolicyByID[id] = p
	}
	e.variants[v] = s
	return s
}

func (v variant) rules(list []*proto.Rule) []*proto.Rule {
	out := make([]*proto.Rule, len(list))
	for i, r := range list {
		version := uint8(4)
		if v.six {
			version = 6
		}
		out[i] = rules.FilterRuleToIPVersion(version, r)
		if out[i] == nil || !v.matches(r) {
			out[i] = &proto.Rule{Action: r.Action, RuleId: r.RuleId, Protocol: &proto.Protocol{NumberOrName: &proto.Protocol_Name{Name: "none"}}}
		}
	}
	return out
}

// matches compares the ICMP part of a rule.
func (v variant) matches(r *proto.Rule) bool {
	if !v.icmp {
		return true
	}
	switch m := r.Icmp.(type) {
	case *proto.Rule_IcmpType:
		if int(m.IcmpType) != v.kind {
			return false
		}
	case *proto.Rule_IcmpTypeCode:
		if int(m.IcmpTypeCode.Type) != v.kind || int(m.IcmpTypeCode.Code) != v.code {
			return false
		}
	}
	switch m := r.NotIcmp.(type) {
	case *proto.Rule_NotIcmpType:
		return int(m.NotIcmpType) != v.kind
	case *proto.Rule_NotIcmpTypeCode:
		return int(m.NotIcmpTypeCode.Type) != v.kind || int(m.NotIcmpTypeCode.Code) != v.code
	}
	return true
}
