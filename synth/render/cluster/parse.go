package cluster

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// tiers are the names that the API has for them.
var tiers = map[string]string{"Admin": policy.AdminTier, "Baseline": policy.BaselineTier}

func (a *api) parse(outer *render.Reader, n *yaml.Node) []policy.Policy {
	r := reader{outer, a}
	p := policy.Policy{Source: r.Position(n), Tier: a.tier}
	var body *yaml.Node
	r.Fields(n, a.kind, map[string]func(*yaml.Node){
		"apiVersion": nil, "kind": nil, "status": nil, "metadata": nil, "spec": render.Keep(&body),
	})
	namespace := ""
	namespace, p.Name = r.Metadata(n)
	if namespace != "" {
		r.Report(render.Note, n, "policy %s is for all namespaces: metadata.namespace means nothing", p.Name)
	}
	if body == nil {
		r.Bad(n, "policy %s has no spec", p.Name)
		return nil
	}
	r.spec(body, &p)
	if a.instead != "" && !r.Invalid() {
		r.Report(render.Note, n, "%s %s is old: write a %s", a.kind, p.Name, a.instead).Called(render.OldKind)
	}
	placed(&p)
	p.Ingress, p.Egress = p.Floor(model.Ingress), p.Floor(model.Egress)
	return []policy.Policy{p}
}

// spec reads what the policy says. Rules of ingress come before those of egress whatever the order in the file.
func (r reader) spec(n *yaml.Node, p *policy.Policy) {
	var tier, priority, subject, in, out *yaml.Node
	fields := map[string]func(*yaml.Node){"subject": render.Keep(&subject), "ingress": render.Keep(&in), "egress": render.Keep(&out)}
	if r.api.tier == "" {
		fields["tier"] = render.Keep(&tier)
	}
	if !r.api.first {
		fields["priority"] = render.Keep(&priority)
	}
	r.Fields(n, "spec", fields)
	if r.api.tier == "" {
		r.tier(n, tier, p)
	}
	order := float64(policy.LastPriority)
	if !r.api.first {
		order = r.priority(n, priority)
	}
	p.Order = &order
	if subject == nil {
		r.Bad(n, "spec: no subject")
	} else {
		p.SubjectNamespaces, p.Subject = r.podsOf(subject, "spec.subject")
	}
	r.rules(in, "ingress", "from", model.Ingress, p)
	r.rules(out, "egress", "to", model.Egress, p)
}

func (r reader) tier(spec, n *yaml.Node, p *policy.Policy) {
	if n == nil {
		r.Bad(spec, "spec: no tier")
		return
	}
	s, ok := r.Text(n, "spec.tier")
	if p.Tier = tiers[s]; ok && p.Tier == "" {
		r.Bad(n, "spec.tier: %q is neither Admin nor Baseline%s", s, render.QuoteHint(s)).
			Called(render.WrongValue, r.Meant(n, "Admin", "Baseline"))
	}
}

// priority reads a number from 0 to LastPriority.
func (r reader) priority(spec, n *yaml.Node) float64 {
	if n == nil {
		r.Bad(spec, "spec: no priority")
		return 0
	}
	v, err := strconv.ParseInt(n.Value, 0, 32)
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil:
		r.Bad(n, "spec.priority: want a number, have %s", render.TypeOf(n))
	case v < 0 || v > policy.LastPriority:
		r.Bad(n, "spec.priority: %d is not between 0 and %d", v, policy.LastPriority)
	}
	return float64(v)
}

// parseApplication reads AWS's policy of a namespace: a NetworkPolicy with domain names.
func parseApplication(r *render.Reader, n *yaml.Node) []policy.Policy {
	return kubernetes.ParseNamed(r, n, "ApplicationNetworkPolicy", domainName)
}
