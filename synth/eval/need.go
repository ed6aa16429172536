package eval

import "sluice/model"

// need collects what an unsure match lacks; the first is told.
type need string

func (n *need) unknown(what need) model.Tri {
	if *n == "" {
		*n = what
	}
	return model.Unknown
}

// What a decision can lack.
const (
	needNamespace need = "the labels of the namespace"
	needPort      need = "the named ports of the destination"
	needAddress   need = "the address"
	needNames     need = "the DNS names of the address"
	needNetworks  need = "the addresses of the named network"
	needLabels    need = "the labels of the pod"
	needPeer      need = "peers that this evaluator does not know"
	needEntity    need = "what the address belongs to"
	needNode      need = "whether the node is the pod's own"
	needCode      need = "the code of the ICMP message"
	needOrder     need = "the order of tiers, which this evaluator does not know"
	needCluster   need = "the name of the pod's cluster"
	needService   need = "the service, which is not among the manifests"
	needEndpoints need = "the endpoints of a service without selector"
)

// What a decision of Calico's can lack beside the rest.
const (
	needAccount  need = "the service account of the pod"
	needLabelled need = "the labels of the service account"
	needServices need = "the endpoints of services"
	needHost     need = "the labels of the host endpoint"
	needSet      need = "the labels of the network set"

	// needHostPolicy is what nobody can give: it is not judged.
	needHostPolicy need = "what policies decide at the host endpoint, which no replay tells"

	needTier = "the tier " // and its name
)

// What one can lack beside them around the policies of namespaces.
const (
	needPriority   need = "the order of policies with one priority, which the API leaves open"
	needNodeLabels need = "the labels of the node"
)

// given says how somebody can give a fact, where somebody can.
var given = map[need]string{
	needNamespace:  "its Namespace among --manifests gives them",
	needPort:       "its workload among --manifests gives them",
	needAccount:    "its workload among --manifests names it",
	needLabelled:   "the ServiceAccount among --manifests gives them",
	needServices:   "the Service among --manifests gives them",
	needService:    "--manifests gives it",
	needEndpoints:  "its Endpoints or EndpointSlices among --manifests list them",
	needNetworks:   "its NetworkSet among the policies, or networks in the configuration, gives them",
	needSet:        "its NetworkSet among the policies gives them",
	needNodeLabels: "its Node among --manifests gives them",
}

// String returns the need and how somebody can give what is missing.
func (n need) String() string {
	if how := given[n]; how != "" {
		return string(n) + " (" + how + ")"
	}
	return string(n)
}

// and is No if either is, else Unknown if either is.
func and(a, b model.Tri) model.Tri {
	if a == model.No || b == model.No {
		return model.No
	}
	return min(a, b)
}

func tri(b bool) model.Tri {
	if b {
		return model.Yes
	}
	return model.No
}

// either is Yes if either is, else Unknown if either is.
func either(a, b model.Tri) model.Tri {
	if a == model.Yes || b == model.Yes {
		return model.Yes
	}
	return min(a, b)
}

func not(t model.Tri) model.Tri {
	switch t {
	case model.Yes:
		return model.No
	case model.No:
		return model.Yes
	default:
	}
	return t
}
