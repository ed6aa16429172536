package main

// World is what there is, the policies for it, and the questions.
type World struct {
	Ends []End `json:"ends"`
	// Objects are texts of one YAML or JSON document each: policies and CIDR groups. One that is refused is not in force.
	Objects     []string     `json:"objects"`
	Connections []Connection `json:"connections"`
}

// End is one end of connections: a pod where it has a namespace, else what its entities and its address say.
type End struct {
	Cluster         string            `json:"cluster"` // "" is the cluster that the policies are of
	Namespace       string            `json:"namespace"`
	Labels          map[string]string `json:"labels"`
	NamespaceLabels map[string]string `json:"namespaceLabels"` // the name label is added
	ServiceAccount  string            `json:"serviceAccount"`  // "" is default
	Ports           []Port            `json:"ports"`
	Entities        []string          `json:"entities"`
	Address         string            `json:"address"` // of an end outside
	Names           []string          `json:"names"`   // DNS names that resolved to Address
}

// Port is a port of a container that has a name.
type Port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"` // TCP or UDP
	Port     uint16 `json:"port"`
}

// Connection is one to ask about, between two of the world's ends by their index. For ICMP the port is the message
// type, which cannot be 0: the engine refuses to look that up.
type Connection struct {
	From     int    `json:"from"`
	To       int    `json:"to"`
	Protocol uint8  `json:"protocol"` // IP protocol number
	Port     uint16 `json:"port"`
}

// Answer holds one entry for each object and connection of a World, in their order.
type Answer struct {
	Objects  []ObjectAnswer `json:"objects"`
	Verdicts []Verdict      `json:"verdicts"`
}

// ObjectAnswer says what was read, and why it was refused.
type ObjectAnswer struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
}

// Verdict is "allow" or "deny" for each end.
type Verdict struct {
	Egress  string `json:"egress"`
	Ingress string `json:"ingress"`
}
