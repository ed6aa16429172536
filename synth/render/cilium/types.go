package cilium

import "sluice/synth/render"

// The API's names for what this dialect writes.
const (
	apiVersion      = "cilium.io/v2"
	alphaVersion    = "cilium.io/v2alpha1" // where CIDR groups were until Cilium 1.18
	kindNamespaced  = "CiliumNetworkPolicy"
	kindClusterWide = "CiliumClusterwideNetworkPolicy"
	kindGroup       = "CiliumCIDRGroup"
)

// networkPolicy is the part of the API object that means something. Field names are the API's.
type networkPolicy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       *spec    `json:"spec,omitempty"`
	Specs      []*spec  `json:"specs,omitempty"`
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

type spec struct {
	EndpointSelector  render.LabelSelector `json:"endpointSelector" empty:"every pod of the namespace"`
	EnableDefaultDeny *defaultDeny         `json:"enableDefaultDeny,omitempty"`
	Log               *logged              `json:"log,omitempty"`
	Ingress           []rule               `json:"ingress,omitempty"`
	IngressDeny       []rule               `json:"ingressDeny,omitempty"`
	Egress            []rule               `json:"egress,omitempty"`
	EgressDeny        []rule               `json:"egressDeny,omitempty"`
}

// logged is what Hubble's flows say of the connections that a spec decides.
type logged struct {
	Value string `json:"value"`
}

type defaultDeny struct {
	Ingress *bool `json:"ingress,omitempty"`
	Egress  *bool `json:"egress,omitempty"`
}

// rule is one of either direction; an empty one isolates and allows nothing.
type rule struct {
	Note          render.Remark          `json:"-"`
	FromEndpoints []render.LabelSelector `json:"fromEndpoints,omitempty" empty:"every pod of the namespace"`
	FromEntities  []string               `json:"fromEntities,omitempty" yaml:"flow"`
	FromCIDR      []string               `json:"fromCIDR,omitempty"`
	FromCIDRSet   []cidrRule             `json:"fromCIDRSet,omitempty"`
	ToEndpoints   []render.LabelSelector `json:"toEndpoints,omitempty" empty:"every pod of the namespace"`
	ToEntities    []string               `json:"toEntities,omitempty" yaml:"flow"`
	ToCIDR        []string               `json:"toCIDR,omitempty"`
	ToCIDRSet     []cidrRule             `json:"toCIDRSet,omitempty"`
	ToFQDNs       []fqdn                 `json:"toFQDNs,omitempty"`
	ToPorts       []portRule             `json:"toPorts,omitempty"`
	ICMPs         []icmpRule             `json:"icmps,omitempty"`
}

type cidrRule struct {
	CIDR         string   `json:"cidr,omitempty"`
	CIDRGroupRef string   `json:"cidrGroupRef,omitempty"`
	Except       []string `json:"except,omitempty"`
}

type fqdn struct {
	MatchName    string `json:"matchName,omitempty"`
	MatchPattern string `json:"matchPattern,omitempty"`
}

type portRule struct {
	Ports []port   `json:"ports" yaml:"flow"`
	Rules *l7Rules `json:"rules,omitempty"`
}

type port struct {
	Port     string `json:"port,omitempty"`
	EndPort  uint16 `json:"endPort,omitempty"`
	Protocol string `json:"protocol"`
}

type l7Rules struct {
	DNS []fqdn `json:"dns" yaml:"flow"`
}

type icmpRule struct {
	Fields []icmpField `json:"fields" yaml:"flow"`
}

type icmpField struct {
	Family string `json:"family"`
	Type   uint16 `json:"type"`
}

type cidrGroup struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   metadata  `json:"metadata"`
	Spec       groupSpec `json:"spec"`
}

type groupSpec struct {
	ExternalCIDRs []string `json:"externalCIDRs"`
}
