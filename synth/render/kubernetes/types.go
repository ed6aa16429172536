package kubernetes

import "sluice/synth/render"

// The API's name for what this dialect writes.
const (
	apiVersion = "networking.k8s.io/v1"
	kind       = "NetworkPolicy"
)

// networkPolicy is the part of the API object that means something. Field names are the API's.
type networkPolicy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       spec     `json:"spec"`
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
}

type spec struct {
	PodSelector render.LabelSelector `json:"podSelector" empty:"every pod of the namespace"`
	PolicyTypes []string             `json:"policyTypes" yaml:"flow"`
	Ingress     []ingress            `json:"ingress,omitempty"`
	Egress      []egress             `json:"egress,omitempty"`
}

type ingress struct {
	Note  render.Remark `json:"-"`
	From  []peer        `json:"from,omitempty"`
	Ports []port        `json:"ports,omitempty" yaml:"flow"`
}

type egress struct {
	Note  render.Remark `json:"-"`
	To    []peer        `json:"to,omitempty"`
	Ports []port        `json:"ports,omitempty" yaml:"flow"`
}

type peer struct {
	NamespaceSelector *render.LabelSelector `json:"namespaceSelector,omitempty" yaml:"flow" empty:"every namespace"`
	PodSelector       *render.LabelSelector `json:"podSelector,omitempty" yaml:"flow" empty:"every pod of the namespace"`
	IPBlock           *ipBlock              `json:"ipBlock,omitempty" yaml:"flow"`
}

type ipBlock struct {
	CIDR   string   `json:"cidr"`
	Except []string `json:"except,omitempty"`
}

type port struct {
	Protocol string `json:"protocol,omitempty"`
	Port     any    `json:"port,omitempty"` // a number or a name
	EndPort  uint16 `json:"endPort,omitempty"`
}
