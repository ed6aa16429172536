package hubble

import (
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
)

// workload is an item of an endpoint's workloads.
type workload struct{ name, kind string }

// object is what an endpoint object holds.
type object struct {
	cluster, namespace, pod string
	labels                  []string
	workload                workload // the first one
	known                   bool     // has an identity
}

// Labels of which one says what it is an endpoint of.
const (
	labelNamespace = "io.kubernetes.pod.namespace"
	labelCluster   = "io.cilium.k8s.policy.cluster"
	labelAccount   = "io.cilium.k8s.policy.serviceaccount"
)

// identity makes an endpoint of an object, without its address where that makes it, and tells whether its records carry
// the name of the pod.
func (o *object) identity() (ep model.Endpoint, named bool) {
	ep = model.Endpoint{
		Namespace: o.namespace,
		Cluster:   o.cluster,
		Owner:     model.Owner{Kind: o.workload.kind, Name: o.workload.name},
	}
	var room [2][32]string // most have no more
	own, ns := room[0][:0], room[1][:0]
	cidr := false
	for _, l := range o.labels {
		if r, ok := strings.CutPrefix(l, "reserved:"); ok {
			x, known := model.ParseEntity(r)
			if !known {
				x = model.UnknownEntity
			}
			ep.Entities |= x
			continue
		}
		if strings.HasPrefix(l, "cidr:") || strings.HasPrefix(l, "fqdn:") || strings.HasPrefix(l, "cidrgroup:") {
			cidr = true
			continue
		}
		l = strings.TrimPrefix(l, "k8s:")
		k, v, _ := strings.Cut(l, "=")
		if n, ok := strings.CutPrefix(l, "io.cilium.k8s.namespace.labels."); ok {
			ns = append(ns, n)
			continue
		}
		switch k {
		case labelNamespace:
			if ep.Namespace == "" {
				ep.Namespace = v
			}
		case labelCluster:
			if ep.Cluster == "" {
				ep.Cluster = v
			}
		case labelAccount:
			ep.ServiceAccount = v
		default:
			own = append(own, strings.TrimSuffix(l, "="))
		}
	}
	ep.Labels, ep.NamespaceLabels = model.MakeLabels(own), model.MakeLabels(ns)
	switch pod := o.pod; {
	case ep.Entities&(model.Host|model.RemoteNode) != 0:
		m := model.Marks(0)
		if pod != "" {
			m = model.MarkHostNetwork
		}
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities, Marks: m}, false
	case len(own) > 0:
		ep.Kind, ep.Entities = model.KindPod, 0
	case pod != "" && ep.Entities&model.World != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkWorldPod
	case pod != "" && ep.Entities&model.Unmanaged != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkUnmanaged
	case ep.Entities&model.KubeAPIServer != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, false
	case ep.Entities&model.World != 0 || cidr:
		return model.Endpoint{Kind: model.KindAddress, Entities: model.World}, false
	case ep.Entities != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, false
	case pod != "" && len(o.labels) == 0 && !o.known:
		ep.Name = pod
	case pod != "":
		ep.Kind, ep.Name = model.KindPod, pod
	}
	return ep, true
}

// refer interns an endpoint; one that its address makes gets its number later.
func refer(t model.Tables, ep model.Endpoint) model.Ref {
	r := model.Ref{Kind: ep.Kind, Entities: ep.Entities, Marks: ep.Marks}
	if ep.Kind != model.KindAddress {
		r.ID = t.Endpoints.Intern(ep)
	}
	return r
}

// addresses are the endpoints of addresses outside the cluster, with the names that their client asked for, and of
// services.
type addresses struct {
	tables model.Tables
	known  map[addressKey]addressed
}

// addressKey are the texts that make an endpoint, each by itself: a text may hold any byte, so that no separator
// between two of them would tell where the first one ends.
type addressKey struct {
	ip, names          string
	namespace, service string
}

type addressed struct {
	ref   model.Ref
	valid bool // the text is an address
}

const maxAddresses = 1 << 15

func newAddresses(t model.Tables) addresses {
	return addresses{tables: t, known: map[addressKey]addressed{}}
}

// endpoint returns the endpoint of an address outside the cluster; other endpoints do not depend on the address. ip is
// emptied where it is no address: what an anonymized export has there cannot be learned from.
func (a *addresses) endpoint(r model.Ref, ip *[]byte, names []byte) model.Ref {
	if r.Kind != model.KindAddress {
		return r
	}
	k, ok := a.known[addressKey{ip: string(*ip), names: string(names)}]
	if !ok {
		addr, err := netip.ParseAddr(string(*ip))
		k = addressed{r, err == nil}
		k.ref.ID = a.tables.Endpoints.Intern(
			model.Endpoint{Kind: r.Kind, Entities: r.Entities, Marks: r.Marks, Address: addr.Unmap(),
				Names: nameList(names)},
		)
		a.remember(addressKey{ip: string(*ip), names: string(names)}, k)
	}
	if !k.valid {
		*ip = nil
	}
	return k.ref
}

// serviceAt returns the endpoint of a service at one of its addresses.
func (a *addresses) serviceAt(ip []byte, s *service) model.Ref {
	k, ok := a.known[addressKey{ip: string(ip), namespace: string(s.namespace), service: string(s.name)}]
	if !ok {
		addr, _ := netip.ParseAddr(string(ip))
		k.ref.Kind = model.KindService
		k.ref.ID = a.tables.Endpoints.Intern(model.Endpoint{Kind: model.KindService, Namespace: string(s.namespace),
			Name: string(s.name), Address: addr.Unmap()})
		a.remember(addressKey{ip: string(ip), namespace: string(s.namespace), service: string(s.name)}, k)
	}
	return k.ref
}

func (a *addresses) remember(key addressKey, k addressed) {
	if len(a.known) >= maxAddresses {
		clear(a.known)
	}
	a.known[key] = k
}

// nameList returns the names of facts, sorted.
func nameList(names []byte) (list []string) {
	for n := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if n, ok := model.DNSName(n); ok {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
