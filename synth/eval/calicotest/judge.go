// Package calicotest asks the judge of cmd/conformance/calico: Calico's own validator and policy engine.
package calicotest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
)

// program is the environment variable that names the judge.
const program = "SLUICE_CALICO_ENGINE"

// World is what there is, the policies for it, and the questions. Its pods have an address each.
type World struct {
	Namespaces      []namespace  `json:"namespaces"`
	ServiceAccounts []account    `json:"serviceAccounts"`
	Pods            []pod        `json:"pods"`
	Services        []service    `json:"services"`
	Objects         []string     `json:"objects"` // texts of one YAML or JSON document each
	Connections     []Connection `json:"connections"`
}

type namespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type account struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
}

type pod struct {
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels"`
	Addresses      []string          `json:"addresses"`
	ServiceAccount string            `json:"serviceAccount"`
	Ports          []port            `json:"ports"`
}

// service has all its ports at every address.
type service struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Ports     []port   `json:"ports"`
}

type port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

// Connection is one between two addresses.
type Connection struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol int    `json:"protocol"`
	FromPort int    `json:"fromPort"`
	ToPort   int    `json:"toPort"`
	Type     int    `json:"type"` // of an ICMP message
}

// PortOrType is the port, or for ICMP the type of the message.
func (c *Connection) PortOrType() uint16 {
	if model.Proto(c.Protocol).HasPorts() {
		return uint16(c.ToPort)
	}
	return uint16(c.Type)
}

// Answer holds one entry for each object and connection of a world.
type Answer struct {
	Objects  []judgetest.Object
	Verdicts []struct{ Egress, Ingress, EgressTrace, IngressTrace string } // "allow" or "deny", "" for an end that is no pod
}

// Add adds an end with the services that it is an endpoint of: a pod with its namespace and its service account, or an
// address outside.
func (w *World) Add(name string, f *eval.Facts) {
	for _, s := range f.Services {
		w.serve(f.Address.String(), s)
	}
	if !f.IsPod {
		return
	}
	p := pod{
		Namespace:      f.Namespace,
		Name:           name,
		Labels:         judgetest.LabelMap(f.Labels),
		Addresses:      []string{f.Address.String()},
		ServiceAccount: f.ServiceAccount,
	}
	for _, n := range f.NamedPorts {
		p.Ports = append(p.Ports, portOf(n.Name, n.Proto, n.Port))
	}
	w.Pods = append(w.Pods, p)
	if !slices.ContainsFunc(w.Namespaces, func(n namespace) bool { return n.Name == f.Namespace }) {
		w.Namespaces = append(w.Namespaces, namespace{f.Namespace, judgetest.LabelMap(f.NamespaceLabels)})
	}
	if f.ServiceAccount != "" {
		w.ServiceAccounts = append(
			w.ServiceAccounts,
			account{f.Namespace, f.ServiceAccount, judgetest.LabelMap(f.ServiceAccountLabels)},
		)
	}
}

// serve adds an endpoint and a port to a service.
func (w *World) serve(address string, s eval.ServicePort) {
	i := slices.IndexFunc(w.Services, func(o service) bool { return o.Namespace == s.Namespace && o.Name == s.Name })
	if i < 0 {
		i = len(w.Services)
		w.Services = append(w.Services, service{Namespace: s.Namespace, Name: s.Name})
	}
	o, p := &w.Services[i], portOf(fmt.Sprint(s.Proto, "-", s.Port), s.Proto, s.Port)
	if !slices.Contains(o.Addresses, address) {
		o.Addresses = append(o.Addresses, address)
	}
	if !slices.Contains(o.Ports, p) {
		o.Ports = append(o.Ports, p)
	}
}

func portOf(name string, proto model.Proto, n uint16) port {
	return port{name, strings.ToUpper(proto.String()), n}
}

// Ask adds a connection. For ICMP the port is the type of the message.
func (w *World) Ask(from, to *eval.Facts, proto model.Proto, port uint16) {
	c := Connection{
		From:     from.Address.String(),
		To:       to.Address.String(),
		Protocol: int(proto),
		FromPort: 40000,
		ToPort:   int(port),
	}
	if !proto.HasPorts() {
		c.FromPort, c.ToPort, c.Type = 0, 0, int(port)
	}
	w.Connections = append(w.Connections, c)
}

// Run returns the judge's answers, one for each world.
func Run(t *testing.T, worlds []World) []Answer {
	t.Helper()
	return judgetest.Ask[Answer](t, program, worlds)
}
