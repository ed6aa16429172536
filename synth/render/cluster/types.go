package cluster

import "sluice/synth/render"

// clusterPolicy is the part of the API object that means something. Field names are the API's.
type clusterPolicy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       spec     `json:"spec"`
}

type metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

type spec struct {
	Tier     string    `json:"tier"`
	Priority int       `json:"priority"`
	Subject  pods      `json:"subject"`
	Ingress  []ingress `json:"ingress,omitempty"`
	Egress   []egress  `json:"egress,omitempty"`
}

// pods are those of some namespaces, all of them or some.
type pods struct {
	Namespaces *render.LabelSelector `json:"namespaces,omitempty" yaml:"flow" empty:"every namespace"`
	Pods       *namespacedPod        `json:"pods,omitempty" yaml:"flow"`
}

type namespacedPod struct {
	NamespaceSelector render.LabelSelector `json:"namespaceSelector" yaml:"flow"`
	PodSelector       render.LabelSelector `json:"podSelector" yaml:"flow"`
}

type ingress struct {
	Note      render.Remark `json:"-"`
	Action    string        `json:"action"`
	From      []pods        `json:"from"`
	Protocols []protocol    `json:"protocols,omitempty" yaml:"flow"`
}

type egress struct {
	Note      render.Remark `json:"-"`
	Action    string        `json:"action"`
	To        []peer        `json:"to"`
	Protocols []protocol    `json:"protocols,omitempty" yaml:"flow"`
}

// peer is a destination: one of its fields.
type peer struct {
	Namespaces  *render.LabelSelector `json:"namespaces,omitempty" yaml:"flow" empty:"every namespace"`
	Pods        *namespacedPod        `json:"pods,omitempty" yaml:"flow"`
	Nodes       *render.LabelSelector `json:"nodes,omitempty" yaml:"flow" empty:"every node"`
	Networks    []string              `json:"networks,omitempty" yaml:"flow"`
	DomainNames []string              `json:"domainNames,omitempty" yaml:"flow"`
}

// protocol is one of its fields.
type protocol struct {
	TCP  *portMatch `json:"tcp,omitempty"`
	UDP  *portMatch `json:"udp,omitempty"`
	SCTP *portMatch `json:"sctp,omitempty"`
	Name string     `json:"destinationNamedPort,omitempty"`
}

type portMatch struct {
	DestinationPort port `json:"destinationPort"`
}

type port struct {
	Number uint16     `json:"number,omitempty"`
	Range  *portRange `json:"range,omitempty"`
}

type portRange struct {
	Start uint16 `json:"start"`
	End   uint16 `json:"end"`
}
