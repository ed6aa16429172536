package main

// World is what there is, the policies for it, and the questions.
type World struct {
	Pods        []Pod             `json:"pods"`
	Nodes       []Node            `json:"nodes"`
	Names       map[string]string `json:"names"`   // DNS names by the address that they have
	Objects     []string          `json:"objects"` // texts of one YAML or JSON document each; one that is refused is not in force
	Connections []Connection      `json:"connections"`
}

// Pod is a pod in its own network.
type Pod struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Name            string            `json:"name"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
	Ports           []Port            `json:"ports"`
}

// Port is a port of a container.
type Port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"` // TCP, UDP or SCTP
	Port     int32  `json:"port"`
}

// Node is a node by its address.
type Node struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Address string            `json:"address"`
}

// Connection is one to ask about.
type Connection struct {
	From     string `json:"from"` // addresses; those of no pod are outside
	To       string `json:"to"`
	Protocol string `json:"protocol"` // TCP, UDP, SCTP or ICMP
	Port     int    `json:"port"`
}

// Answer holds one entry for each object and connection of a World, in their order.
type Answer struct {
	Objects []Object `json:"objects"`
	Allowed []bool   `json:"allowed"`
}

// Object says what was read, and why it was refused.
type Object struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
}
