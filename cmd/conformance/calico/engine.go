package main

import (
	"fmt"
	"net/netip"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/projectcalico/calico/app-policy/policystore"
	"github.com/projectcalico/calico/felix/calc"
	"github.com/projectcalico/calico/felix/config"
	extdataplane "github.com/projectcalico/calico/felix/dataplane/external"
	"github.com/projectcalico/calico/felix/proto"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/api"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/k8s/conversion"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/model"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/syncersv1/updateprocessors"
	"github.com/projectcalico/calico/libcalico-go/lib/backend/watchersyncer"
	"github.com/projectcalico/calico/libcalico-go/lib/names"
)

// node is where every pod runs, so that the engine takes all of them for its own.
const node = "node1"

// workloadEndpoint is the kind that pods are converted to.
const workloadEndpoint = "WorkloadEndpoint"

// engine is the chain that Felix uses to decide what pending policies would do: objects become datastore records, the
// calculation graph resolves selectors and order, and the checker walks the result for a connection.
type engine struct {
	conv    conversion.Converter
	procs   map[string]watchersyncer.SyncerUpdateProcessor
	filter  *calc.ValidationFilter
	graph   *calc.CalcGraph
	seq     *calc.EventSequencer
	store   *policystore.PolicyStore
	updates []api.Update
	sent    uint64
	objects int // uids given

	byAddress map[netip.Addr]*proto.WorkloadEndpoint
	variants  map[variant]*policystore.PolicyStore
	asked     *Connection // the connection in question: port sets are asked without its protocol
}

func newEngine() (*engine, error) {
	conf := config.New()
	conf.FelixHostname = node
	e := &engine{conv: conversion.NewConverter(), store: policystore.NewPolicyStore(), variants: map[variant]*policystore.PolicyStore{}}
	e.procs = map[string]watchersyncer.SyncerUpdateProcessor{
		v3.KindNetworkPolicy:       updateprocessors.NewNetworkPolicyUpdateProcessor(),
		v3.KindGlobalNetworkPolicy: updateprocessors.NewGlobalNetworkPolicyUpdateProcessor(),
		v3.KindNetworkSet:          updateprocessors.NewNetworkSetUpdateProcessor(),
		v3.KindGlobalNetworkSet:    updateprocessors.NewGlobalNetworkSetUpdateProcessor(),
		v3.KindTier:                updateprocessors.NewTierUpdateProcessor(),
		v3.KindProfile:             updateprocessors.NewProfileUpdateProcessor(),
		workloadEndpoint:           updateprocessors.NewWorkloadEndpointUpdateProcessor(),
	}
	e.seq = calc.NewEventSequencer(conf)
	e.seq.Callback = e.receive
	e.graph = calc.NewCalculationGraph(e.seq, nil, conf, func() {})
	e.filter = calc.NewValidationFilter(e.graph, conf)
	e.filter.OnStatusUpdated(api.ResyncInProgress)
	for _, t := range []*v3.Tier{
		builtIn("default", 1e6, v3.Deny),
		builtIn(names.AdminNetworkPolicyTierName, 1e3, v3.Pass),
		builtIn(names.BaselineAdminNetworkPolicyTierName, 1e7, v3.Pass),
	} {
		if err := e.add(v3.KindTier, "", t.Name, t); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// builtIn is a tier that is always there.
func builtIn(name string, order float64, action v3.Action) *v3.Tier {
	t := v3.NewTier()
	t.Name, t.Spec.Order, t.Spec.DefaultAction = name, &order, &action
	return t
}

// receive stores what the calculation graph says, with our own sets where the checker's are wrong.
func (e *engine) receive(msg any) {
	if u, ok := msg.(*proto.IPSetUpdate); ok {
		if s := e.mended(u); s != nil {
			for _, m := range u.Members {
				s.AddString(m)
			}
			e.store.IPSetByID[u.Id] = s
			return
		}
	}
	wrapped, err := extdataplane.WrapPayloadWithEnvelope(msg, e.sent)
	if err != nil {
		return // messages for the data plane alone
	}
	e.sent++
	e.store.ProcessUpdate("per-host-policies", wrapped, true)
}

func (e *engine) uid() types.UID {
	e.objects++
	return types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", e.objects))
}

func (e *engine) push(kvps ...*model.KVPair) {
	for _, k := range kvps {
		e.updates = append(e.updates, api.Update{KVPair: *k, UpdateType: api.UpdateTypeKVNew})
	}
}

// process converts a record to what Felix reads and keeps it for sync.
func (e *engine) process(kind string, kvp *model.KVPair) error {
	out, err := e.procs[kind].Process(kvp)
	if err != nil {
		return err
	}
	for _, k := range out {
		if k.Value == nil {
			return fmt.Errorf("%v: converted to nothing", k.Key)
		}
	}
	e.push(out...)
	return nil
}

func (e *engine) add(kind, namespace, name string, obj any) error {
	key := model.ResourceKey{Kind: kind, Namespace: namespace, Name: name}
	return e.process(kind, &model.KVPair{Key: key, Value: obj, Revision: "1"})
}

// sync lets the graph work off everything that was added.
func (e *engine) sync() {
	e.filter.OnUpdates(e.updates)
	e.updates = nil
	e.filter.OnStatusUpdated(api.InSync)
	e.graph.Flush()
	e.seq.Flush()
	e.byAddress = map[netip.Addr]*proto.WorkloadEndpoint{}
	for _, ep := range e.store.Endpoints {
		for _, list := range [][]string{ep.Ipv4Nets, ep.Ipv6Nets} {
			for _, n := range list {
				if p, err := netip.ParsePrefix(n); err == nil {
					e.byAddress[p.Addr()] = ep
				}
			}
		}
	}
}

// populate adds everything but the policies.
func (e *engine) populate(w *World) error {
	for _, n := range w.Namespaces {
		if err := e.namespace(n); err != nil {
			return fmt.Errorf("namespace %s: %w", n.Name, err)
		}
	}
	for _, s := range w.ServiceAccounts {
		if err := e.serviceAccount(s); err != nil {
			return fmt.Errorf("service account %s/%s: %w", s.Namespace, s.Name, err)
		}
	}
	for _, p := range w.Pods {
		if err := e.pod(p); err != nil {
			return fmt.Errorf("pod %s/%s: %w", p.Namespace, p.Name, err)
		}
	}
	for _, s := range w.Services {
		if err := e.service(s); err != nil {
			return fmt.Errorf("service %s/%s: %w", s.Namespace, s.Name, err)
		}
	}
	return nil
}

func (e *engine) namespace(n Namespace) error {
	labels := map[string]string{"kubernetes.io/metadata.name": n.Name}
	for k, v := range n.Labels {
		labels[k] = v
	}
	kvp, err := e.conv.NamespaceToProfile(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labels, UID: e.uid()}})
	if err != nil {
		return err
	}
	if err := e.process(v3.KindProfile, kvp); err != nil {
		return err
	}
	return e.serviceAccount(ServiceAccount{Namespace: n.Name, Name: "default"})
}

func (e *engine) serviceAccount(s ServiceAccount) error {
	meta := metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: s.Labels, UID: e.uid()}
	kvp, err := e.conv.ServiceAccountToProfile(&corev1.ServiceAccount{ObjectMeta: meta})
	if err != nil {
		return err
	}
	return e.process(v3.KindProfile, kvp)
}

func (e *engine) pod(p Pod) error {
	account := p.ServiceAccount
	if account == "" {
		account = "default"
	}
	var ports []corev1.ContainerPort
	for _, q := range p.Ports {
		ports = append(ports, corev1.ContainerPort{Name: q.Name, ContainerPort: q.Port, Protocol: corev1.Protocol(q.Protocol)})
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: e.uid(), Namespace: p.Namespace, Name: p.Name, Labels: p.Labels},
		Spec:   corev1.PodSpec{NodeName: node, ServiceAccountName: account, Containers: []corev1.Container{{Name: "c", Ports: ports}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: p.Addresses[0]}}
	for _, a := range p.Addresses {
		pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: a})
	}
	kvps, err := e.conv.PodToWorkloadEndpoints(pod)
	if err != nil {
		return err
	}
	for _, k := range kvps {
		if err := e.process(workloadEndpoint, k); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) service(s Service) error {
	for _, six := range []bool{false, true} {
		slice := &discovery.EndpointSlice{AddressType: discovery.AddressTypeIPv4, ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace,
			Name: s.Name + "-4", UID: e.uid(), Labels: map[string]string{discovery.LabelServiceName: s.Name}}}
		if six {
			slice.AddressType, slice.Name = discovery.AddressTypeIPv6, s.Name+"-6"
		}
		for _, a := range s.Addresses {
			if addr, err := netip.ParseAddr(a); err != nil {
				return err
			} else if addr.Is6() == six {
				slice.Endpoints = append(slice.Endpoints, discovery.Endpoint{Addresses: []string{a}})
			}
		}
		for _, p := range s.Ports {
			protocol := corev1.Protocol(p.Protocol)
			slice.Ports = append(slice.Ports, discovery.EndpointPort{Name: &p.Name, Port: &p.Port, Protocol: &protocol})
		}
		if len(slice.Endpoints) == 0 {
			continue
		}
		kvp, err := e.conv.EndpointSliceToKVP(slice)
		if err != nil {
			return err
		}
		e.push(kvp)
	}
	return nil
}
