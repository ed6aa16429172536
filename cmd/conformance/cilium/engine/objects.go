package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"

	"github.com/cilium/cilium/pkg/k8s"
	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	slimnet "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/policy/utils"
	"sigs.k8s.io/network-policy-api/apis/v1alpha2"
	"sigs.k8s.io/yaml"
)

// cluster is the name of the cluster that the policies are of.
const cluster = "default"

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// objects are what was read of a world's YAML.
type objects struct {
	policies []types.PolicyEntries
	groups   map[string][]netip.Prefix
}

// add reads one document as the agent does, which is strict about rules, and as the API server does with strict field
// validation, which is strict about fields.
func (o *objects) add(text string) ObjectAnswer {
	var head struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	if err := yaml.Unmarshal([]byte(text), &head); err != nil {
		return ObjectAnswer{Error: err.Error()}
	}
	a := ObjectAnswer{Kind: head.Kind, Name: head.Metadata.Namespace + "/" + head.Metadata.Name}
	var entries types.PolicyEntries
	var err error
	switch head.Kind {
	case "NetworkPolicy":
		entries, err = kubernetes(text)
	case "ClusterNetworkPolicy":
		entries, err = aroundNamespaces(text)
	case "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy":
		entries, err = cilium(text)
	case "CiliumCIDRGroup":
		err = o.group(text)
	default:
		err = fmt.Errorf("kind %q", head.Kind)
	}
	if err != nil {
		a.Error = err.Error()
		return a
	}
	o.policies = append(o.policies, entries)
	return a
}

func kubernetes(text string) (types.PolicyEntries, error) {
	var np slimnet.NetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &np); err != nil {
		return nil, err
	}
	entries, err := k8s.ParseNetworkPolicy(silent, cluster, &np)
	if err == nil {
	}
	return entries, err
}

// aroundNamespaces reads a policy of the tiers around those of namespaces. Cilium knows v1alpha2, which has the fields
// of v1beta1.
func aroundNamespaces(text string) (types.PolicyEntries, error) {
	var p v1alpha2.ClusterNetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		return nil, err
	}
	entries, err := k8s.ParseClusterNetworkPolicy(silent, cluster, &p)
	for _, e := range entries {
		withoutL7(e.L4)
	}
	return entries, err
}

// cilium reads a policy without its rules for layer 7: offline there is no proxy to send connections to, and what is
// asked is whether they may be made at all.
func cilium(text string) (types.PolicyEntries, error) {
	var p ciliumv2.CiliumNetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		return nil, err
	}
	rules, err := p.Parse(silent, cluster)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		for i := range r.Ingress {
			withoutL7(r.Ingress[i].ToPorts)
		}
		for i := range r.Egress {
			withoutL7(r.Egress[i].ToPorts)
		}
	}
	return utils.RulesToPolicyEntries(rules), nil
}

func withoutL7(ports api.PortRules) {
	for i := range ports {
		ports[i].Rules = nil
	}
}

func (o *objects) group(text string) error {
	var g ciliumv2.CiliumCIDRGroup
	if err := yaml.UnmarshalStrict([]byte(text), &g); err != nil {
		return err
	}
	if o.groups == nil {
		o.groups = map[string][]netip.Prefix{}
	}
	for _, c := range g.Spec.ExternalCIDRs {
		p, err := netip.ParsePrefix(string(c))
		if err != nil {
			return err
		}
		o.groups[g.Name] = append(o.groups[g.Name], p.Masked())
	}
	return nil
}

// prefixes are the networks that some policy or group names, exceptions among them: the agent gives each its identity.
func (o *objects) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, g := range o.groups {
		out = append(out, g...)
	}
	o.selectors(func(s types.Selector) { out = append(out, s.GetCIDRPrefixes()...) })
	return out
}

// names are the selectors of names that some policy has.
func (o *objects) names() []*api.FQDNSelector {
	var out []*api.FQDNSelector
	o.selectors(func(s types.Selector) {
		if f, ok := s.GetFQDNSelector(); ok {
			out = append(out, f)
		}
	})
	return out
}

func (o *objects) selectors(f func(types.Selector)) {
	for _, entries := range o.policies {
		for _, e := range entries {
			for _, s := range e.L3 {
				f(s)
			}
		}
	}
}
