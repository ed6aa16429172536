package kubernetes

import (
	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// reader reads one object. Where its kind has domain names, name gives a peer's for one of the API, false for none.
type reader struct {
	*render.Reader
	name func(string) (string, bool)
}

func parse(outer *render.Reader, n *yaml.Node) []policy.Policy {
	return ParseNamed(outer, n, kind, nil)
}

// ParseNamed reads an object of a kind that is a NetworkPolicy but for its name, and has domain names beside the peers
// of egress where name is not nil: it gives the name of a peer for one of the API, false where that would refuse it.
func ParseNamed(
	outer *render.Reader, n *yaml.Node, kind string, name func(string) (string, bool),
) []policy.Policy {
	r := reader{outer, name}
	p := policy.Policy{Source: r.Position(n)}
	var body *yaml.Node
	r.Fields(n, kind, map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "status": nil, "metadata": nil,
		"spec": func(s *yaml.Node) { body = s }})
	p.Namespace, p.Name = r.Metadata(n)
	p.Namespace = r.NamespaceOrDefault(n, p.Namespace, p.Name)
	if body == nil {
		r.Bad(n, "policy %s has no spec", p.Name)
		return nil
	}
	r.spec(body, &p)
	return []policy.Policy{p}
}

// ReadSpec reads the spec of a NetworkPolicy, which is that of its staged form as well, into a policy with its
// namespace.
func ReadSpec(r *render.Reader, spec *yaml.Node, p *policy.Policy) {
	reader{r, nil}.spec(spec, p)
}
