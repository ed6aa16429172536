package calico

import "sluice/synth/render"

// The API's names for what this dialect reads and writes.
const (
	apiVersion = "projectcalico.org/v3"
	// crdVersion is how Calico keeps the same objects: what kubectl gives where no API server of Calico's runs.
	crdVersion = "crd.projectcalico.org/v1"

	kindPolicy           = "NetworkPolicy"
	kindGlobalPolicy     = "GlobalNetworkPolicy"
	kindNetworkSet       = "NetworkSet"
	kindGlobalNetworkSet = "GlobalNetworkSet"
	kindTier             = "Tier"
	kindStagedKubernetes = "StagedKubernetesNetworkPolicy"

	staged = "Staged" // before the kind of a policy
)

// networkLabel is the label that a named network carries its name in, for selectors to find it.
const networkLabel = "sluice/network"

// Labels of service accounts, as selectors of pods see them.
const (
	accountName   = "projectcalico.org/serviceaccount"
	accountPrefix = "pcsa."
)

// object is an object of the API. Field names are the API's.
type object struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec"`
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

type policySpec struct {
	Tier              string   `json:"tier,omitempty"`
	Order             *float64 `json:"order,omitempty"`
	Selector          string   `json:"selector,omitempty"`
	NamespaceSelector string   `json:"namespaceSelector,omitempty"`
	Types             []string `json:"types" yaml:"flow"`
	Ingress           []rule   `json:"ingress,omitempty"`
	Egress            []rule   `json:"egress,omitempty"`
}

type rule struct {
	Note        render.Remark `json:"-"`
	Action      string        `json:"action"`
	Protocol    any           `json:"protocol,omitempty"` // a name or a number
	NotProtocol any           `json:"notProtocol,omitempty"`
	ICMP        *icmp         `json:"icmp,omitempty"`
	NotICMP     *icmp         `json:"notICMP,omitempty"`
	Source      *entity       `json:"source,omitempty"`
	Destination *entity       `json:"destination,omitempty"`
}

type icmp struct {
	Type uint16 `json:"type"`
	Code *int   `json:"code,omitempty"`
}

type entity struct {
	Selector          string   `json:"selector,omitempty"`
	NotSelector       string   `json:"notSelector,omitempty"`
	NamespaceSelector string   `json:"namespaceSelector,omitempty"`
	Nets              []string `json:"nets,omitempty"`
	NotNets           []string `json:"notNets,omitempty"`
	Services          *service `json:"services,omitempty"`
	Ports             []any    `json:"ports,omitempty" yaml:"flow"` // numbers, ranges "first:last", names
	NotPorts          []any    `json:"notPorts,omitempty" yaml:"flow"`
}

type service struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type tierSpec struct {
	Order         *float64 `json:"order,omitempty"`
	DefaultAction string   `json:"defaultAction"`
}

type networkSpec struct {
	Nets []string `json:"nets"`
}
