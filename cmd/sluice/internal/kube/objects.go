package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"strings"
)

// Part is a part of what a cluster has.
type Part int

// The parts.
const (
	Policies Part = iota // what decides connections, and the sets of addresses that policies name
	Declared             // workloads, services, namespaces and nodes: what manifests say
)

// kind is one that is read, in any of the groups and versions that serve it, the first that is there.
type kind struct {
	part     Part
	resource string
	kind     string
	at       []string // "v1", "apps/v1"
	scope
}

// scope is where its objects lie, and what they are.
type scope struct {
	wide bool   // of no namespace
	pods bool   // they make pods
	tier bool   // Calico's API server lists those of the tiers that the user may read, and asks for a right of its own
	one  string // only the object of that name, in namespace, is read
	in   string // the namespace of one
}

// only is one object that tells something of the cluster itself: "" is the namespace of what has none.
func only(namespace, name string) scope {
	return scope{wide: namespace == "", one: name, in: namespace}
}

var (
	inNamespaces = scope{}
	wide         = scope{wide: true}
	workloads    = scope{pods: true}
	inTiers      = scope{tier: true}
	wideInTiers  = scope{tier: true, wide: true}

	calicoVersions = []string{"projectcalico.org/v3", "crd.projectcalico.org/v1"}
	ciliumVersions = []string{"cilium.io/v2"}

	gatewayVersions = []string{"gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"}
	oldRoutes       = []string{"gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha3", "gateway.networking.k8s.io/v1alpha2"}

	policyAPI = []string{"policy.networking.k8s.io/v1beta1", "policy.networking.k8s.io/v1alpha2"}
)

// kinds are all that is ever read, with get and list, what is one object with get alone.
var kinds = []kind{
	{Policies, "networkpolicies", "NetworkPolicy", []string{"networking.k8s.io/v1"}, inNamespaces},
	{Policies, "ciliumnetworkpolicies", "CiliumNetworkPolicy", ciliumVersions, inNamespaces},
	{Policies, "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", ciliumVersions, wide},
	{Policies, "ciliumcidrgroups", "CiliumCIDRGroup", []string{"cilium.io/v2", "cilium.io/v2alpha1"}, wide},
	{Policies, "networkpolicies", "NetworkPolicy", calicoVersions, inTiers},
	{Policies, "globalnetworkpolicies", "GlobalNetworkPolicy", calicoVersions, wideInTiers},
	{Policies, "tiers", "Tier", calicoVersions, wide},
	{Policies, "networksets", "NetworkSet", calicoVersions, inNamespaces},
	{Policies, "globalnetworksets", "GlobalNetworkSet", calicoVersions, wide},
	{Policies, "clusternetworkpolicies", "ClusterNetworkPolicy", policyAPI, wide},
	{Policies, "adminnetworkpolicies", "AdminNetworkPolicy", []string{"policy.networking.k8s.io/v1alpha1"}, wide},
	{Policies, "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", []string{"policy.networking.k8s.io/v1alpha1"}, wide},
	{Declared, "namespaces", "Namespace", []string{"v1"}, wide},
	{Declared, "services", "Service", []string{"v1"}, inNamespaces},
	{Declared, "serviceaccounts", "ServiceAccount", []string{"v1"}, inNamespaces},
	{Declared, "nodes", "Node", []string{"v1"}, wide},
	{Declared, "deployments", "Deployment", []string{"apps/v1"}, workloads},
	{Declared, "statefulsets", "StatefulSet", []string{"apps/v1"}, workloads},
	{Declared, "daemonsets", "DaemonSet", []string{"apps/v1"}, workloads},
	{Declared, "cronjobs", "CronJob", []string{"batch/v1"}, workloads},
	{Declared, "ingresses", "Ingress", []string{"networking.k8s.io/v1"}, inNamespaces},
	{Declared, "gateways", "Gateway", gatewayVersions, inNamespaces},
	{Declared, "httproutes", "HTTPRoute", gatewayVersions, inNamespaces},
	{Declared, "grpcroutes", "GRPCRoute", []string{"gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"}, inNamespaces},
	{Declared, "tlsroutes", "TLSRoute", oldRoutes, inNamespaces},
	{Declared, "tcproutes", "TCPRoute", oldRoutes, inNamespaces},
	{Declared, "udproutes", "UDPRoute", oldRoutes, inNamespaces},
	{Declared, "ippools", "IPPool", calicoVersions, wide},
	{Declared, "endpointslices", "EndpointSlice", []string{"discovery.k8s.io/v1"}, only("default", "kubernetes")},
	{Declared, "configmaps", "ConfigMap", []string{"v1"}, only("kube-system", "cilium-config")},
	{Declared, "clusterinformations", "ClusterInformation", calicoVersions, only("", "default")},
	{Declared, "felixconfigurations", "FelixConfiguration", calicoVersions, only("", "default")},
}

// group returns the API group of a version, "" for the core.
func group(version string) string {
	g, _, ok := strings.Cut(version, "/")
	if !ok {
		return ""
	}
	return g
}

// path is where an API version has its resources.
func path(version string) string {
	if group(version) == "" {
		return "/api/" + version
	}
	return "/apis/" + version
}

// access is what listing the kind of a version needs.
func (k *kind) access(version string) access {
	resource := k.resource
	if g := group(version); g != "" {
		resource += "." + g
	}
	if k.one != "" {
		return access{"get", resource, k.in}
	}
	return access{verb: "list", resource: resource}
}

// Each calls take with every object of a part of the cluster: its name for people, and its JSON. A kind that the
// cluster does not have is no loss, one that may not be read is: lost has an error for each, and what could be read is
// taken all the same. Who may not list a kind everywhere may do so in the namespaces of within: that is a loss, too,
// and an error of type *Narrowed.
func (c *Cluster) Each(
	ctx context.Context, part Part, within []string, take func(name string, object []byte) error,
) (lost []error, err error) {
	for i := range kinds {
		k := &kinds[i]
		if k.part != part {
			continue
		}
		err := c.objects(ctx, k, within, take)
		var no *Forbidden
		var some *Narrowed
		if errors.As(err, &no) || errors.As(err, &some) {
			lost = append(lost, err)
		} else if err != nil {
			return lost, err
		}
	}
	return lost, nil
}

// objects reads the objects of a kind, in the first version that the cluster has.
func (c *Cluster) objects(ctx context.Context, k *kind, within []string, take func(string, []byte) error) error {
	for _, version := range k.at {
		err := c.inNamespace(ctx, k, version, k.in, take)
		var none *absent
		var no *Forbidden
		switch {
		case errors.As(err, &none):
			continue
		case errors.As(err, &no):
			there, asking := c.Serves(ctx, version, k.resource)
			if asking == nil && !there {
				continue // roles come before what there is: nobody may read what is not there
			}
			no.wide = k.wide || k.one != ""
			if !no.wide && len(within) > 0 {
				return c.narrowed(ctx, k, version, within, no, take)
			}
		}
		return err
	}
	return nil
}

// narrowed reads the objects of some namespaces of those who may not read all. Where they may read none of them either
// that is the error for all.
func (c *Cluster) narrowed(
	ctx context.Context, k *kind, version string, within []string, all *Forbidden, take func(string, []byte) error,
) error {
	for _, ns := range within {
		err := c.inNamespace(ctx, k, version, ns, take)
		var no *Forbidden
		if errors.As(err, &no) && no.ofTiers() {
			return no
		} else if no != nil {
			return all
		} else if err != nil {
			return err
		}
	}
	return &Narrowed{all.access, within}
}

// inNamespace reads the objects of a kind in one namespace, "" for all.
func (c *Cluster) inNamespace(
	ctx context.Context, k *kind, version, namespace string, take func(string, []byte) error,
) error {
	at := k.access(version)
	at.namespace = namespace
	where := path(version) + "/"
	if namespace != "" {
		where += "namespaces/" + url.PathEscape(namespace) + "/"
	}
	each := func(item json.RawMessage) error {
		name, object, err := whole(item, version, k.kind)
		if err != nil {
			return err
		}
		return take("cluster:"+strings.TrimPrefix(at.resource+"/", "/")+name, object)
	}
	if k.one == "" {
		return c.list(ctx, where+k.resource, nil, at, each)
	}
	var object json.RawMessage
	if err := c.get(ctx, where+k.resource+"/"+k.one, nil, at, &object); err != nil {
		return err
	}
	return each(object)
}

// Serves reports whether the cluster has a resource in an API version, as far as it tells.
func (c *Cluster) Serves(ctx context.Context, version, resource string) (bool, error) {
	var list struct{ Resources []struct{ Name string } }
	err := c.get(ctx, path(version), nil, access{verb: "get", resource: version}, &list)
	var none *absent
	if errors.As(err, &none) {
		return false, nil
	}
	for _, r := range list.Resources {
		if r.Name == resource {
			return true, nil
		}
	}
	return false, err
}

// whole returns the name of an item of a list, and the item as an object of its own: items do not name their kind. What
// a server keeps for itself is left out.
func whole(item json.RawMessage, version, kind string) (name string, object []byte, err error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(item, &o); err != nil {
		return "", nil, err
	}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(o["metadata"], &meta); err != nil {
		return "", nil, fmt.Errorf("metadata of a %s: %w", kind, err)
	}
	var own struct{ Namespace, Name string }
	if err := json.Unmarshal(o["metadata"], &own); err != nil {
		return "", nil, fmt.Errorf("metadata of a %s: %w", kind, err)
	}
	delete(meta, "managedFields")
	if kind != "Node" {
		delete(meta, "annotations") // kubectl keeps the whole object there once more
	} else if err := onlyAddresses(meta); err != nil {
		return "", nil, fmt.Errorf("annotations of a %s: %w", kind, err)
	}
	if status := o["status"]; kind != "Node" {
		delete(o, "status")
	} else if o["status"], err = addresses(status); err != nil {
		return "", nil, fmt.Errorf("status of a %s: %w", kind, err)
	}
	if o["metadata"], err = json.Marshal(meta); err != nil {
		return "", nil, err
	}
	o["apiVersion"], _ = json.Marshal(version) // texts can always be written
	o["kind"], _ = json.Marshal(kind)
	name = own.Name
	if own.Namespace != "" {
		name = own.Namespace + "/" + name
	}
	object, err = json.MarshalIndent(o, "", "  ")
	return name, object, err
}

// onlyAddresses leaves of the annotations of a node those that are an address, alone or with the length of its network:
// network plugins keep those of their tunnels there, and what else is there changes all the time.
func onlyAddresses(meta map[string]json.RawMessage) error {
	var notes map[string]string
	if text, ok := meta["annotations"]; ok {
		if err := json.Unmarshal(text, &notes); err != nil {
			return err
		}
	}
	maps.DeleteFunc(notes, func(_, value string) bool {
		text, _, _ := strings.Cut(value, "/")
		_, err := netip.ParseAddr(text)
		return err != nil
	})
	delete(meta, "annotations")
	if len(notes) == 0 {
		return nil
	}
	var err error
	meta["annotations"], err = json.Marshal(notes)
	return err
}

// addresses is what stays of the status of a node: what else is in it changes all the time.
func addresses(status json.RawMessage) (json.RawMessage, error) {
	var s struct {
		Addresses json.RawMessage `json:"addresses,omitempty"`
	}
	if len(status) > 0 {
		if err := json.Unmarshal(status, &s); err != nil {
			return nil, err
		}
	}
	return json.Marshal(s)
}
