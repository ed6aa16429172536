package hubble

import (
	"cmp"
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
	labels                  *labelled
	workload                workload // the first one
	known                   bool     // has an identity
}

// textAs copies a text, unless it is one that is known: that of an object mostly is what its labels say, too.
func textAs(b []byte, known string) string {
	if string(b) == known {
		return known
	}
	return string(b)
}

// labelled is what the labels of an object say. All objects with the same labels share it.
type labelled struct {
	namespace, cluster, account string
	own, ofNamespace            model.Labels
	entities                    model.Entities
	cidr                        bool
	none                        bool // there are no labels
}

// Labels of which one says what it is an endpoint of.
const (
	labelNamespace = "io.kubernetes.pod.namespace"
	labelCluster   = "io.cilium.k8s.policy.cluster"
	labelAccount   = "io.cilium.k8s.policy.serviceaccount"
)

func newLabelled(labels []string) *labelled {
	var room [2][32]string // most have no more
	own, ofNamespace := room[0][:0], room[1][:0]
	s := &labelled{none: len(labels) == 0}
	for _, l := range labels {
		if r, ok := strings.CutPrefix(l, "reserved:"); ok {
			x, known := model.ParseEntity(r)
			if !known {
				x = model.UnknownEntity
			}
			s.entities |= x
			continue
		}
		if strings.HasPrefix(l, "cidr:") || strings.HasPrefix(l, "fqdn:") || strings.HasPrefix(l, "cidrgroup:") {
			s.cidr = true
			continue
		}
		l = strings.TrimPrefix(l, "k8s:")
		k, v, _ := strings.Cut(l, "=")
		if n, ok := strings.CutPrefix(l, "io.cilium.k8s.namespace.labels."); ok {
			ofNamespace = append(ofNamespace, n)
			continue
		}
		switch k {
		case labelNamespace:
			s.namespace = cmp.Or(s.namespace, v)
		case labelCluster:
			s.cluster = cmp.Or(s.cluster, v)
		case labelAccount:
			s.account = v
		default:
			own = append(own, strings.TrimSuffix(l, "="))
		}
	}
	s.own, s.ofNamespace = model.MakeLabels(own), model.MakeLabels(ofNamespace)
	return s
}

// identity makes an endpoint of an object, without its address where that makes it, and tells whether its records carry
// the name of the pod. The labels are those of the identity, by which policies go; the namespace and the name are those
// of whoever has the address, in another namespace where the address just went from one pod to the next.
func (o *object) identity() (ep model.Endpoint, named bool) {
	s := o.labels
	pod := o.pod
	if s.namespace != "" && o.namespace != "" && s.namespace != o.namespace {
		pod = ""
	}
	ep = model.Endpoint{
		Namespace:       cmp.Or(s.namespace, o.namespace),
		Cluster:         cmp.Or(o.cluster, s.cluster),
		Owner:           model.Owner{Kind: o.workload.kind, Name: o.workload.name},
		ServiceAccount:  s.account,
		Labels:          s.own,
		NamespaceLabels: s.ofNamespace,
		Entities:        s.entities,
	}
	switch node := ep.Entities&(model.Host|model.RemoteNode) != 0; {
	case node && (s.namespace != "" || s.account != ""): // a node has labels, but never those of a pod
		return model.Endpoint{Kind: model.KindEntity, Entities: model.UnknownEntity}, false
	case node:
		m := model.Marks(0)
		if pod != "" {
			m = model.MarkHostNetwork
		}
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities, Marks: m}, false
	case len(s.own) > 0:
		ep.Kind, ep.Entities = model.KindPod, 0
	case pod != "" && ep.Entities&model.World != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkWorldPod
	case pod != "" && ep.Entities&model.Unmanaged != 0:
		ep.Kind, ep.Entities, ep.Name, ep.Marks = model.KindPod, 0, pod, model.MarkUnmanaged
	case ep.Entities&model.KubeAPIServer != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, false
	case ep.Entities&model.World != 0 || s.cidr:
		return model.Endpoint{Kind: model.KindAddress, Entities: model.World}, false
	case ep.Entities != 0:
		return model.Endpoint{Kind: model.KindEntity, Entities: ep.Entities}, false
	case pod != "" && s.none && !o.known:
		ep.Name = pod
	case pod != "":
		ep.Kind, ep.Name = model.KindPod, pod
	}
	return ep, pod == o.pod
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
