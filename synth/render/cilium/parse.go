package cilium

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// reader reads one object. namespace is the policy's, "" for one of the whole cluster.
type reader struct {
	*render.Reader
	namespace string
}

func parseNamespaced(outer *render.Reader, n *yaml.Node) []policy.Policy {
	return parse(outer, n, kindNamespaced)
}

func parseClusterWide(outer *render.Reader, n *yaml.Node) []policy.Policy {
	return parse(outer, n, kindClusterWide)
}

// parse reads an object of spec and specs, which make a policy each.
func parse(outer *render.Reader, n *yaml.Node, kind string) []policy.Policy {
	r := reader{Reader: outer}
	var bodies []*yaml.Node
	r.Fields(n, kind, map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "status": nil, "metadata": nil,
		"spec": func(s *yaml.Node) {
			if !render.IsNull(s) {
				bodies = append([]*yaml.Node{s}, bodies...)
			}
		},
		"specs": func(s *yaml.Node) { bodies = append(bodies, r.List(s, "specs")...) }})
	namespace, name := r.Metadata(n)
	switch {
	case kind == kindNamespaced:
		r.namespace = r.NamespaceOrDefault(n, namespace, name)
	case namespace != "":
		r.Report(render.Note, n, "policy %s is of the whole cluster: its namespace means nothing", name)
	}
	if len(bodies) == 0 && !r.Invalid() {
		r.Bad(n, "policy %s has neither spec nor specs", name)
	}
	var out []policy.Policy
	for i, body := range bodies {
		p := policy.Policy{Name: name, Namespace: r.namespace, Source: r.Position(n)}
		if i > 0 {
			p.Name = fmt.Sprintf("%s.specs.%d", name, i+1)
		}
		if r.spec(body, &p) && !joins(out, &p) {
			out = append(out, p)
		}
	}
	return out
}

// joins adds what a spec says to one of the same object that selects the same, and reports whether there is one.
// Together they say what one spec would: what isolates, and all rules, count wherever they stand.
func joins(list []policy.Policy, p *policy.Policy) bool {
	for i := range list {
		q := &list[i]
		if q.Subject.Compare(p.Subject) == 0 && q.SubjectNamespaces.Compare(p.SubjectNamespaces) == 0 &&
			q.SubjectEntities == p.SubjectEntities && q.EntitiesOnly == p.EntitiesOnly {
			q.Ingress, q.Egress = q.Ingress || p.Ingress, q.Egress || p.Egress
			q.Rules = append(q.Rules, p.Rules...)
			return true
		}
	}
	return false
}

// spec reads what a policy says. It is false for one that is about nodes.
func (r reader) spec(n *yaml.Node, p *policy.Policy) bool {
	var subject, node, isolate *yaml.Node
	var lists [4]*yaml.Node
	r.Fields(n, "spec", map[string]func(*yaml.Node){
		"endpointSelector": render.Keep(&subject), "nodeSelector": render.Keep(&node), "enableDefaultDeny": render.Keep(&isolate),
		"ingress": render.Keep(&lists[0]), "ingressDeny": render.Keep(&lists[1]), "egress": render.Keep(&lists[2]),
		"egressDeny": render.Keep(&lists[3]), "labels": nil, "description": nil, "log": nil,
	})
	switch {
	case r.Invalid():
		return false
	case subject == nil && node == nil:
		r.Bad(n, "spec has neither endpointSelector nor nodeSelector")
		return false
	case subject != nil && node != nil:
		r.Bad(node, "spec has both endpointSelector and nodeSelector")
		return false
	case node != nil && r.namespace != "":
		r.Bad(node, "spec.nodeSelector: only a %s can have one", kindClusterWide)
		return false
	case node != nil:
		r.Report(render.Note, node, "policy %s selects nodes: it decides no connection of a pod", p.Name)
		return false
	}
	r.subject(subject, p)
	in := r.rules(
		lists[0],
		"ingress",
		model.Ingress,
		policy.Allow,
		p,
	) + r.rules(
		lists[1],
		"ingressDeny",
		model.Ingress,
		policy.Deny,
		p,
	)
	out := r.rules(
		lists[2],
		"egress",
		model.Egress,
		policy.Allow,
		p,
	) + r.rules(
		lists[3],
		"egressDeny",
		model.Egress,
		policy.Deny,
		p,
	)
	if in+out == 0 && !r.Invalid() {
		r.Bad(n, "spec has no rules at all: an empty one (ingress: [{}]) would deny everything").
			Called(render.NoRules, r.emptied(lists[0]), r.emptied(lists[2]))
	}
	p.Ingress, p.Egress = in > 0, out > 0
	if isolate != nil {
		r.isolate(isolate, p)
	}
	if p.EntitiesOnly && p.SubjectEntities == 0 && !r.Invalid() {
		r.Report(
			render.Note,
			n,
			"policy %s selects neither pods nor ingress nor health endpoints: it decides nothing",
			p.Name,
		)
		return false
	}
	if !p.Ingress && !p.Egress && len(p.Rules) == 0 && !r.Invalid() {
		r.Report(render.Note, n, "policy %s decides nothing", p.Name)
		return false
	}
	return true
}

// emptied is the edit that makes a list of no rules, written as [], one of the empty rule, which denies everything.
func (r reader) emptied(n *yaml.Node) render.Edit {
	if n == nil || n.Kind != yaml.SequenceNode || len(n.Content) > 0 {
		return render.Edit{}
	}
	at := r.Position(n)
	return render.Edit{Line: at.Line, Column: at.Column, Old: "[]", New: "[{}]"}
}

// isolate reads which directions with rules isolate nothing. One without rules never isolates.
func (r reader) isolate(n *yaml.Node, p *policy.Policy) {
	read := func(name string, isolates *bool) func(*yaml.Node) {
		return func(v *yaml.Node) {
			if render.IsNull(v) {
				return
			}
			path := "spec.enableDefaultDeny." + name
			if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!bool" {
				r.Bad(v, "%s: want true or false, have %s", path, render.TypeOf(v))
				return
			}
			yes := v.Value[0] == 't' || v.Value[0] == 'T'
			if yes && !*isolates {
				r.Report(render.Note, v, "%s: without rules for %s it isolates nothing", path, name).
					Called(render.IdleDefaultDeny)
			}
			*isolates = *isolates && yes
		}
	}
	r.Fields(
		n,
		"spec.enableDefaultDeny",
		map[string]func(*yaml.Node){"ingress": read("ingress", &p.Ingress), "egress": read("egress", &p.Egress)},
	)
}

func parseGroup(outer *render.Reader, n *yaml.Node) []policy.Policy {
	r := reader{Reader: outer}
	var g policy.Network
	r.Fields(
		n,
		kindGroup,
		map[string]func(*yaml.Node){"apiVersion": nil, "kind": nil, "metadata": nil, "spec": func(v *yaml.Node) {
			r.Fields(v, "spec", map[string]func(*yaml.Node){"externalCIDRs": func(v *yaml.Node) {
				for _, c := range r.List(v, "spec.externalCIDRs") {
					g.CIDRs = append(g.CIDRs, r.Prefix(c, "spec.externalCIDRs"))
				}
			}})
		}},
	)
	if _, g.Name = r.Metadata(n); !r.Invalid() {
		r.Network(g)
	}
	return nil
}
