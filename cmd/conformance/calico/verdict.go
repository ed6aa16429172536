package main

import (
	"net"
	"net/netip"
	"strings"

	"github.com/projectcalico/calico/app-policy/checker"
	"github.com/projectcalico/calico/app-policy/policystore"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/felix/rules"
	"github.com/projectcalico/calico/libcalico-go/lib/selector"
)

// flow is a connection as the checker asks for it.
type flow struct {
	from, to net.IP
	c        *Connection
}

func (f *flow) GetSourceIP() net.IP                { return f.from }
func (f *flow) GetDestIP() net.IP                  { return f.to }
func (f *flow) GetSourcePort() int                 { return f.c.FromPort }
func (f *flow) GetDestPort() int                   { return f.c.ToPort }
func (f *flow) GetProtocol() int                   { return f.c.Protocol }
func (f *flow) GetHttpMethod() *string             { return nil }
func (f *flow) GetHttpPath() *string               { return nil }
func (f *flow) GetSourcePrincipal() *string        { return nil }
func (f *flow) GetDestPrincipal() *string          { return nil }
func (f *flow) GetSourceLabels() map[string]string { return nil }
func (f *flow) GetDestLabels() map[string]string   { return nil }

// verdict asks for both ends.
func (e *engine) verdict(c Connection) (Verdict, error) {
	from, err := netip.ParseAddr(c.From)
	if err != nil {
		return Verdict{}, err
	}
	to, err := netip.ParseAddr(c.To)
	if err != nil {
		return Verdict{}, err
	}
	e.asked = &c
	store := e.storeFor(&c, to.Is6())
	f := &flow{net.IP(from.AsSlice()), net.IP(to.AsSlice()), &c}
	var v Verdict
	v.Egress, v.EgressTrace = ask(store, rules.RuleDirEgress, e.byAddress[from], f)
	v.Ingress, v.IngressTrace = ask(store, rules.RuleDirIngress, e.byAddress[to], f)
	return v, nil
}

// ask returns the verdict of one end and the rules that led to it, "" for an end that is no pod.
func ask(store *policystore.PolicyStore, dir rules.RuleDir, ep *proto.WorkloadEndpoint, f *flow) (verdict, trace string) {
	if ep == nil {
		return "", ""
	}
	hits := checker.Evaluate(dir, store, ep, f)
	if len(hits) == 0 {
		return "deny", ""
	}
	var texts []string
	for _, h := range hits {
		texts = append(texts, h.GetFlowLogPolicyName()+"|"+h.IndexStr)
	}
	verdict = "deny"
	if hits[len(hits)-1].Action == rules.RuleActionAllow {
		verdict = "allow"
	}
	return verdict, strings.Join(texts, " ; ")
}

func askSelector(s Selector) SelectorAnswer {
	sel, err := selector.Parse(s.Text)
	if err != nil {
		return SelectorAnswer{Error: err.Error()}
	}
	return SelectorAnswer{Matches: sel.Evaluate(s.Labels)}
}
