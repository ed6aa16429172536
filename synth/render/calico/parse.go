package calico

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// spec reads an object's metadata and gives its spec, nil if there is none, which is a problem.
func (r *reader) spec(n *yaml.Node, kind string) *yaml.Node {
	var body *yaml.Node
	r.Fields(
		n,
		kind,
		map[string]func(*yaml.Node){
			"apiVersion": nil,
			"kind":       nil,
			"status":     nil,
			"metadata":   nil,
			"spec":       render.Keep(&body),
		},
	)
	r.p.Source = r.Position(n)
	r.p.Namespace, r.p.Name = r.Metadata(n)
	if body == nil {
		r.Bad(n, "%s %s has no spec", kind, r.p.Name)
	}
	return body
}

// parsePolicy returns the function that reads policies of a kind.
func parsePolicy(kind string) func(*render.Reader, *yaml.Node) []policy.Policy {
	return func(outer *render.Reader, n *yaml.Node) []policy.Policy {
		r := &reader{Reader: outer}
		body := r.spec(n, kind)
		if body == nil {
			return nil
		}
		_, r.p.Staged = strings.CutPrefix(kind, staged)
		global := strings.HasSuffix(kind, kindGlobalPolicy)
		if !global {
			r.p.Namespace = r.NamespaceOrDefault(n, r.p.Namespace, r.p.Name)
		} else if r.p.Namespace != "" {
			r.Report(render.Note, n, "%s has no namespace: %s is ignored", kind, r.p.Namespace)
			r.p.Namespace = ""
		}
		if !r.policy(body, global) {
			return nil
		}
		return []policy.Policy{r.p}
	}
}

// policy reads a spec and reports whether it has a part in what pods may do.
func (r *reader) policy(n *yaml.Node, global bool) bool {
	var types, in, out *yaml.Node
	hostsOnly, deleted := false, false
	f := map[string]func(*yaml.Node){
		"tier":             func(v *yaml.Node) { r.p.Tier = r.word(v, "spec.tier") },
		"order":            func(v *yaml.Node) { r.p.Order = r.order(v, "spec.order") },
		"selector":         func(v *yaml.Node) { r.p.Subject = append(r.p.Subject, r.selector(v, "spec.selector", "")...) },
		"types":            render.Keep(&types),
		"ingress":          render.Keep(&in),
		"egress":           render.Keep(&out),
		"performanceHints": nil,
		"serviceAccountSelector": func(v *yaml.Node) {
			r.p.Subject = append(r.p.Subject, r.selector(v, "spec.serviceAccountSelector", accountPrefix)...)
		},
	}
	if global {
		f["namespaceSelector"] = func(v *yaml.Node) { r.p.SubjectNamespaces = r.selector(v, "spec.namespaceSelector", "") }
		f["doNotTrack"] = func(v *yaml.Node) { hostsOnly = r.boolean(v, "spec.doNotTrack") || hostsOnly }
		f["preDNAT"] = func(v *yaml.Node) { hostsOnly = r.boolean(v, "spec.preDNAT") || hostsOnly }
		f["applyOnForward"] = func(v *yaml.Node) { r.boolean(v, "spec.applyOnForward") }
	}
	if r.p.Staged {
		f["stagedAction"] = func(v *yaml.Node) { deleted = r.stagedAction(v) }
	}
	r.Fields(n, "spec", f)
	r.p.Subject = r.p.Subject.Canonical()
	r.named(n)
	r.rules(in, "spec.ingress", model.Ingress)
	r.rules(out, "spec.egress", model.Egress)
	r.types(types, present(r, in), present(r, out))
	if !r.p.Sequential() {
		r.p.Rules = merge(r.p.Rules)
	}
	switch {
	case hostsOnly:
		r.Report(render.Note, n, "policy %s is for host endpoints only: it decides nothing about pods", r.p.Name)
		return false
	case deleted:
		r.Report(render.Note, n, "policy %s stands for the deletion of the one it is the staged form of", r.p.Name)
		return false
	}
	return true
}

// present reports whether a direction has rules, whatever they are.
func present(r *reader, n *yaml.Node) bool { return n != nil && len(r.List(n, "spec")) > 0 }

// named settles tier and name: a policy of another tier than the default one has the tier before its name.
func (r *reader) named(n *yaml.Node) {
	if r.p.Tier == "" {
		r.p.Tier = policy.DefaultTier
	}
	if r.Invalid() {
		return
	}
	switch rest, ok := strings.CutPrefix(r.p.Name, r.p.Tier+"."); {
	case !validName(r.p.Name):
		r.Bad(
			n,
			"metadata.name: %q is not a name that Calico takes: there may be no dots but one behind the tier",
			r.p.Name,
		)
	case ok && r.p.Tier == policy.DefaultTier:
		r.p.Name = rest
	case !ok && (r.p.Tier != policy.DefaultTier || strings.Contains(r.p.Name, ".")):
		r.Bad(n, "metadata.name: %q does not begin with its tier: %q", r.p.Name, r.p.Tier+".")
	}
}

// directions are what types can say.
var directions = map[string]model.Direction{"Ingress": model.Ingress, "Egress": model.Egress}

// types settles which directions are isolated: without types ingress, unless there are rules for egress alone, and
// egress if there are rules for it. Rules of another direction mean nothing.
func (r *reader) types(n *yaml.Node, in, out bool) {
	var items []*yaml.Node
	if n != nil {
		items = r.List(n, "spec.types")
	}
	r.p.Ingress, r.p.Egress = len(items) == 0 && (in || !out), len(items) == 0 && out
	for _, v := range items {
		s, ok := r.Text(v, "spec.types")
		switch d := directions[s]; {
		case ok && d == model.Ingress && !r.p.Ingress:
			r.p.Ingress = true
		case ok && d == model.Egress && !r.p.Egress:
			r.p.Egress = true
		case ok && (r.p.Ingress || r.p.Egress) && d != 0:
			r.Bad(v, "spec.types: %s stands twice", s)
		case ok:
			r.Bad(v, "spec.types: %q is neither Ingress nor Egress%s", s, render.QuoteHint(s)).
				Called(render.WrongValue, r.Meant(v, "Ingress", "Egress"))
		}
	}
	var inForce []policy.Rule
	for _, rule := range r.p.Rules {
		if r.p.Isolates(rule.Direction) {
			inForce = append(inForce, rule)
		}
	}
	if lost := len(r.p.Rules) - len(inForce); lost > 0 && !r.Invalid() {
		r.Report(render.Note, n, "types leaves out a direction that has rules: they have no effect (%d)", lost).
			Called(render.IdleRules)
	}
	r.p.Rules = inForce
}

// stagedAction reads what is proposed and reports whether it is a deletion.
func (r *reader) stagedAction(n *yaml.Node) bool {
	s, ok := r.Text(n, "spec.stagedAction")
	if ok && s != "Set" && s != "Delete" && s != "Learn" && s != "Ignore" {
		r.Bad(n, "spec.stagedAction: %q is not Set, Delete, Learn or Ignore%s", s, render.QuoteHint(s))
	}
	return s == "Delete"
}

// parseStagedKubernetes reads the staged form of a NetworkPolicy of Kubernetes.
func parseStagedKubernetes(outer *render.Reader, n *yaml.Node) []policy.Policy {
	r := &reader{Reader: outer}
	body := r.spec(n, kindStagedKubernetes)
	if body == nil {
		return nil
	}
	r.p.Namespace = r.NamespaceOrDefault(n, r.p.Namespace, r.p.Name)
	deleted := false
	rest := *body
	rest.Content = nil
	for i := 0; i+1 < len(body.Content); i += 2 {
		if body.Content[i].Value == "stagedAction" {
			deleted = r.stagedAction(render.Target(body.Content[i+1]))
			continue
		}
		rest.Content = append(rest.Content, body.Content[i], body.Content[i+1])
	}
	kubernetes.ReadSpec(outer, &rest, &r.p)
	if deleted {
		r.Report(render.Note, n, "policy %s stands for the deletion of the one it is the staged form of", r.p.Name)
		return nil
	}
	r.p.Staged = true
	return []policy.Policy{r.p}
}
