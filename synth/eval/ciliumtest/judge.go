// Package ciliumtest asks the judges of cmd/conformance/cilium: Cilium's own policy engine about connections, its
// schemas about files.
package ciliumtest

import (
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
)

// The environment variables that name the programs.
const (
	engine = "SLUICE_CILIUM_ENGINE"
	schema = "SLUICE_CILIUM_SCHEMA"
)

// World is what there is, the policies for it, and the questions.
type World struct {
	Ends        []eval.Facts
	Objects     []string // texts of one YAML or JSON document each
	Connections []Connection
}

// Connection is one between two of a world's ends by their index. For ICMP the port is the message type, which the
// engine cannot look up where it is 0.
type Connection struct {
	From  int         `json:"from"`
	To    int         `json:"to"`
	Proto model.Proto `json:"protocol"`
	Port  uint16      `json:"port"`
}

// Answer holds one entry for each object and connection of a world.
type Answer struct {
	Objects  []judgetest.Object
	Verdicts []struct{ Egress, Ingress string } // "allow" or "deny"
}

// end is eval.Facts as the engine wants them.
type end struct {
	Cluster         string            `json:"cluster,omitempty"`
	Namespace       string            `json:"namespace,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	ServiceAccount  string            `json:"serviceAccount,omitempty"`
	Ports           []port            `json:"ports,omitempty"`
	Entities        []string          `json:"entities,omitempty"`
	Address         string            `json:"address,omitempty"`
	Names           []string          `json:"names,omitempty"`
}

type port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

func endOf(f *eval.Facts) end {
	e := end{Cluster: f.Cluster, Names: f.Names}
	if f.Entities != 0 {
		e.Entities = strings.Split(f.Entities.String(), "+")
	}
	if f.Address.IsValid() {
		e.Address = f.Address.String()
	}
	if !f.IsPod {
		return e
	}
	e.ServiceAccount = f.ServiceAccount
	e.Namespace, e.Labels, e.NamespaceLabels, e.Address = f.Namespace, judgetest.LabelMap(
		f.Labels,
	), judgetest.LabelMap(
		f.NamespaceLabels,
	), ""
	for _, p := range f.NamedPorts {
		e.Ports = append(e.Ports, port{p.Name, p.Proto.String(), p.Port})
	}
	return e
}

// Ask returns the engine's answers, one for each world.
func Ask(t *testing.T, worlds []World) []Answer {
	t.Helper()
	type question struct {
		Ends        []end        `json:"ends"`
		Objects     []string     `json:"objects"`
		Connections []Connection `json:"connections"`
	}
	list := make([]question, len(worlds))
	for k, w := range worlds {
		list[k] = question{Objects: w.Objects, Connections: w.Connections}
		for i := range w.Ends {
			list[k].Ends = append(list[k].Ends, endOf(&w.Ends[i]))
		}
	}
	return judgetest.Ask[Answer](t, engine, list)
}

// Complaints returns what the API server and the agent have against texts of one object each.
func Complaints(t *testing.T, texts []string) [][]string {
	t.Helper()
	var out [][]string
	for _, a := range judgetest.Ask[struct{ Errors []string }](t, schema, texts) {
		out = append(out, a.Errors)
	}
	return out
}
