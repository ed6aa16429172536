package eval

import (
	"net/netip"

	"sluice/model"
	"sluice/synth/policy"
)

// Facts is what is known of one end of a connection. Nothing follows from what is left out.
type Facts struct {
	// IsPod: the end is a pod that policies can select, in Namespace and with Labels, which are then complete.
	IsPod bool
	// LabelsUnknown: the log does not have the pod's labels; Labels mean nothing.
	LabelsUnknown bool
	// Node: the end is a node. Which one, Entities may say: Host or RemoteNode. Its Labels are those of its host
	// endpoint (Calico).
	Node bool
	// NetworkSet: the end is an address in the set of this name (Calico), which is in Namespace, or in none, with Labels.
	NetworkSet string
	// HostNetwork: the end is a pod in its node's network. It is its node: nothing isolates it, no pod selector finds it.
	HostNetwork bool
	// Cluster is the name of the pod's cluster, "" where there is but one. The pods of other clusters are none that a
	// pod selector finds.
	Cluster string
	// Foreign: the pod is of another cluster than the policies, none of which selects it.
	Foreign   bool
	Namespace string
	Labels    model.Labels
	// NamespaceLabels are the labels of Namespace; nil where they are not known. Its name label is always known.
	NamespaceLabels model.Labels
	Address         netip.Addr // invalid where not known
	// Masked: Address is that of a node or another end of the cluster, taken for one outside since it was masqueraded. To
	// Cilium it is the entity world, and no CIDR but that of all addresses.
	Masked bool
	// Block is where an Address that is not known lies: any of its addresses may be meant. Invalid where that is not
	// known either.
	Block netip.Prefix
	// Names are the DNS names that resolved to Address for the pod that connects; nil where they are not known.
	Names    []string
	Entities model.Entities // Host is the node that the other end runs on
	// NamedPorts are the ports that the pod's containers name; nil where they are not known.
	NamedPorts []NamedPort
	// ServiceAccount is the name of the pod's, "" where it is not known, and ServiceAccountLabels its labels, nil where
	// they are not known.
	ServiceAccount       string
	ServiceAccountLabels model.Labels
	// Services are those that the end is an endpoint of, one for each port; nil where they are not known.
	Services []ServicePort
}

// ServicePort is a service and a port of its endpoints.
type ServicePort struct {
	Namespace, Name string
	Proto           model.Proto
	Port            uint16
}

// NamedPort is a port of a container that has a name.
type NamedPort = policy.NamedPort

// FactsOf returns what a logged endpoint says of itself.
func FactsOf(e *model.Endpoint) Facts {
	f := Facts{
		Cluster:        e.Cluster,
		Namespace:      e.Namespace,
		Entities:       e.Entities,
		HostNetwork:    e.Marks&model.MarkHostNetwork != 0,
		ServiceAccount: e.ServiceAccount,
	}
	switch e.Kind {
	case model.KindPod:
		f.IsPod = !f.HostNetwork
		f.Labels, f.LabelsUnknown = e.Labels, len(e.Labels) == 0
		if len(e.NamespaceLabels) > 0 {
			f.NamespaceLabels = e.NamespaceLabels
		}
	case model.KindAddress:
		f.Address, f.Names = e.Address, e.Names
	case model.KindNetworkSet:
		f.NetworkSet, f.Labels, f.LabelsUnknown = e.Name, e.Labels, len(e.Labels) == 0
	case model.KindHost:
		f.Node, f.Labels, f.LabelsUnknown = true, e.Labels, len(e.Labels) == 0
	default:
	}
	return f
}
