package kubernetes

import (
	"cmp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Objects that are no policies are read leniently: what they have beside the few facts taken here is the cluster's own
// affair, and a fact that cannot be read is one that is not known.

// parseNamespace reads the labels of a namespace, which selectors of namespaces ask for.
func parseNamespace(r *render.Reader, n *yaml.Node) []policy.Policy {
	meta := render.Field(n, "metadata")
	if name := scalar(meta, "name"); name != "" {
		labels := append(stringMap(meta, "labels"), policy.NamespaceName+"="+name)
		r.Beside(policy.Manifests{Namespaces: map[string]model.Labels{name: model.MakeLabels(labels)}})
	}
	return nil
}

// parseAccount reads the labels of a service account, which Calico's selectors of accounts ask for.
func parseAccount(r *render.Reader, n *yaml.Node) []policy.Policy {
	meta := render.Field(n, "metadata")
	of := policy.AccountName{Namespace: cmp.Or(scalar(meta, "namespace"), render.DefaultNamespace), Name: scalar(meta, "name")}
	if of.Name != "" {
		labels := model.MakeLabels(stringMap(meta, "labels"))
		r.Beside(policy.Manifests{Accounts: map[policy.AccountName]model.Labels{of: labels}})
	}
	return nil
}

// parseService reads which pods a service stands for.
func parseService(r *render.Reader, n *yaml.Node) []policy.Policy {
	meta, spec := render.Field(n, "metadata"), render.Field(n, "spec")
	s := policy.Service{Namespace: scalar(meta, "namespace"), Name: scalar(meta, "name"),
		External: scalar(spec, "type") == "ExternalName"}
	if s.Name == "" {
		return nil
	}
	if s.Namespace == "" {
		s.Namespace = render.DefaultNamespace
	}
	if kv := stringMap(meta, "labels"); len(kv) > 0 {
		s.Labels = model.MakeLabels(kv)
	}
	for _, kv := range model.MakeLabels(stringMap(spec, "selector")) {
		key, value, _ := strings.Cut(kv, "=")
		s.Selector = append(s.Selector, policy.Requirement{Key: key, Values: []string{value}})
	}
	if spec != nil {
		if list := render.Field(spec, "ports"); list != nil && list.Kind == yaml.SequenceNode {
			for _, p := range list.Content {
				own, _ := strconv.ParseUint(scalar(render.Target(p), "port"), 10, 16)
				s.Listens = append(s.Listens, uint16(own))
				s.Names = append(s.Names, scalar(render.Target(p), "name"))
				s.Ports = append(s.Ports, servicePort(render.Target(p)))
			}
		}
	}
	r.Beside(policy.Manifests{Services: []policy.Service{s}})
	return nil
}

// servicePort reads the port of the endpoints: the target port, which is the service's own where none is given.
func servicePort(n *yaml.Node) policy.Port {
	p := policy.Port{Proto: model.TCP}
	for proto, name := range map[model.Proto]string{model.UDP: "UDP", model.SCTP: "SCTP"} {
		if scalar(n, "protocol") == name {
			p.Proto = proto
		}
	}
	text := scalar(n, "targetPort")
	if text == "" || text == "0" {
		text = scalar(n, "port")
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		p.Name = text
		return p
	}
	p.First, p.Last = uint16(number), uint16(number)
	return p
}

// scalar returns the text of a field, "" where it has none.
func scalar(n *yaml.Node, field string) string {
	if n == nil {
		return ""
	}
	v := render.Field(n, field)
	if v == nil || v.Kind != yaml.ScalarNode || render.IsNull(v) {
		return ""
	}
	return v.Value
}

// stringMap returns a map of texts as key=value.
func stringMap(n *yaml.Node, field string) []string {
	if n == nil {
		return nil
	}
	m := render.Field(n, field)
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	var kv []string
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := render.Target(m.Content[i]), render.Target(m.Content[i+1])
		if k.Kind == yaml.ScalarNode && v.Kind == yaml.ScalarNode {
			kv = append(kv, k.Value+"="+v.Value)
		}
	}
	return kv
}
