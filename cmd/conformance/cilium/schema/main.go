// Command schema is a judge of files of the cilium dialect: the CRD schemas of Cilium 1.20.2 as an API server with
// strict field validation applies them, and api.Rule.Sanitize, as the agent applies it. It needs both: each refuses
// what the other accepts. It reads the text of one object a line as a JSON string from standard input and writes one
// Answer a line, in the same order.
//
// It is a module of its own because Cilium's dependencies would force their versions on everybody.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy/api"
	"sigs.k8s.io/yaml"
)

// Answer says what an object's text is and everything that is wrong with it.
type Answer struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name"`
	Errors []string `json:"errors,omitempty"`
}

func main() {
	c := option.Config
	c.EnableIPv4, c.EnableIPv6 = true, true
	c.EnableICMPRules, c.EnableNonDefaultDenyPolicies, c.EnableL7Proxy, c.EnableExtendedIPProtocols = true, true, true, true
	api.InitEntities("default")
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cilium schema:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	schemas, err := load()
	if err != nil {
		return err
	}
	dec, buffered := json.NewDecoder(bufio.NewReader(in)), bufio.NewWriter(out)
	enc := json.NewEncoder(buffered)
	for {
		var text string
		if err := dec.Decode(&text); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		if err := enc.Encode(schemas.judge([]byte(text))); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
}

// judge checks one object against the schema of its kind, and the rules of a policy against the agent.
func (s schemas) judge(text []byte) Answer {
	var o map[string]any
	if err := yaml.UnmarshalStrict(text, &o); err != nil {
		return Answer{Errors: []string{err.Error()}}
	}
	var head struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	a := Answer{}
	if err := yaml.Unmarshal(text, &head); err != nil {
		return Answer{Errors: []string{err.Error()}}
	}
	a.Kind, a.Name = head.Kind, head.Metadata.Namespace+"/"+head.Metadata.Name
	schema, ok := s[head.Kind]
	if !ok {
		a.Errors = []string{fmt.Sprintf("no schema of kind %q", head.Kind)}
		return a
	}
	a.Errors = schema.check(o)
	if head.Kind == "CiliumCIDRGroup" {
		return a
	}
	var p struct {
		Spec  *api.Rule  `json:"spec"`
		Specs []api.Rule `json:"specs"`
	}
	if err := yaml.Unmarshal(text, &p); err != nil {
		a.Errors = append(a.Errors, err.Error())
		return a
	}
	if p.Spec != nil {
		p.Specs = append(p.Specs, *p.Spec)
	}
	for i := range p.Specs {
		if err := p.Specs[i].Sanitize(); err != nil {
			a.Errors = append(a.Errors, err.Error())
		}
	}
	return a
}
