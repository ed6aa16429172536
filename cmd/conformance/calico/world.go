package main

// World is what there is, the policies for it, and the questions.
type World struct {
	Namespaces      []Namespace      `json:"namespaces"`
	ServiceAccounts []ServiceAccount `json:"serviceAccounts"` // "default" is there in every namespace
	Pods            []Pod            `json:"pods"`
	Services        []Service        `json:"services"`
	// Objects are texts of one YAML or JSON document each. One that is refused is not in force.
	Objects     []string     `json:"objects"`
	Connections []Connection `json:"connections"`
	Selectors   []Selector   `json:"selectors"`
}

// Namespace is a namespace; its name label is added.
type Namespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

// ServiceAccount is a service account and the labels that its pods inherit.
type ServiceAccount struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
}

// Pod is a pod in its own network.
type Pod struct {
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels"`
	Addresses      []string          `json:"addresses"`
	ServiceAccount string            `json:"serviceAccount"` // "" is default
	Ports          []Port            `json:"ports"`
}

// Port is a port of a container or of a service's endpoints.
type Port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"` // TCP, UDP or SCTP
	Port     int32  `json:"port"`
}

// Service is a service by its endpoint slice.
type Service struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Ports     []Port   `json:"ports"`
}

// Connection is one to ask about. For ICMP, Type and Code say which message.
type Connection struct {
	From     string `json:"from"` // addresses; those of no pod are outside
	To       string `json:"to"`
	Protocol int    `json:"protocol"` // IP protocol number
	FromPort int    `json:"fromPort"`
	ToPort   int    `json:"toPort"`
	Type     int    `json:"type"`
	Code     int    `json:"code"`
}

// Selector is a selector to parse and to evaluate.
type Selector struct {
	Text   string            `json:"text"`
	Labels map[string]string `json:"labels"`
}

// Answer holds one entry for each object, connection and selector of a World, in their order.
type Answer struct {
	Objects   []ObjectAnswer   `json:"objects"`
	Verdicts  []Verdict        `json:"verdicts"`
	Selectors []SelectorAnswer `json:"selectors"`
}

// ObjectAnswer says what was read, and why it was refused.
type ObjectAnswer struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
	// Enforced: it takes part in verdicts. Staged kinds never do.
	Enforced bool `json:"enforced"`
}

// Verdict is "allow" or "deny" for each end, "" where the end is no pod, with the rules that decided.
type Verdict struct {
	Egress       string `json:"egress"`
	Ingress      string `json:"ingress"`
	EgressTrace  string `json:"egressTrace,omitempty"`
	IngressTrace string `json:"ingressTrace,omitempty"`
}

// SelectorAnswer is the parser's error, or whether the labels match.
type SelectorAnswer struct {
	Error   string `json:"error,omitempty"`
	Matches bool   `json:"matches"`
}
