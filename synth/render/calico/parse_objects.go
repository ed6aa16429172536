package calico

import (
	"net/netip"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// parseTier reads a tier. The default one is always there and cannot be another.
func parseTier(outer *render.Reader, n *yaml.Node) []policy.Policy {
	r := &reader{Reader: outer}
	body := r.spec(n, kindTier)
	if body == nil {
		return nil
	}
	t := policy.Tier{Name: r.p.Name}
	r.Fields(body, "spec", map[string]func(*yaml.Node){
		"order": func(v *yaml.Node) { t.Order = r.order(v, "spec.order") },
		"defaultAction": func(v *yaml.Node) {
			s, ok := r.Text(v, "spec.defaultAction")
			if ok && s != "Deny" && s != "Pass" {
				r.Bad(v, "spec.defaultAction: %q is neither Deny nor Pass%s", s, render.QuoteHint(s))
			}
			t.Pass = s == "Pass"
		},
	})
	if !r.Invalid() && !render.ValidNamespace(t.Name) {
		r.Bad(n, "metadata.name: %q is not a name that Calico takes for a tier", t.Name)
	}
	r.Tier(t)
	return nil
}

// parseNetworkSet returns the function that reads network sets with or without a namespace.
func parseNetworkSet(namespaced bool) func(*render.Reader, *yaml.Node) []policy.Policy {
	return func(outer *render.Reader, n *yaml.Node) []policy.Policy {
		r := &reader{Reader: outer}
		body := r.spec(n, kindNetworkSet)
		if body == nil {
			return nil
		}
		w := policy.Network{Name: r.p.Name, Labels: r.labels(n)}
		if namespaced {
			w.Namespace = r.NamespaceOrDefault(n, r.p.Namespace, r.p.Name)
		} else if v, ok := w.Labels.Get(networkLabel); ok && v == w.Name {
			w.Labels = without(w.Labels, networkLabel+"="+v)
		}
		var nets []netip.Prefix
		r.Fields(body, "spec", map[string]func(*yaml.Node){"nets": func(v *yaml.Node) {
			for _, x := range r.List(v, "spec.nets") {
				nets = append(nets, r.prefix(x, "spec.nets"))
			}
		}})
		w.CIDRs = nets
		r.Network(w)
		return nil
	}
}

// labels reads the labels of an object.
func (r *reader) labels(n *yaml.Node) model.Labels {
	meta := render.Field(n, "metadata")
	if meta == nil {
		return nil
	}
	field := render.Field(meta, "labels")
	if field == nil {
		return nil
	}
	var kv []string
	for _, e := range r.Entries(field, "metadata.labels") {
		v, ok := r.Text(e.Value, "metadata.labels."+e.Key.Value)
		if ok && (!render.ValidKey(e.Key.Value) || !render.ValidValue(v)) {
			r.Bad(e.Key, "metadata.labels: %s=%s is not a label", e.Key.Value, v)
		}
		kv = append(kv, e.Key.Value+"="+v)
	}
	if len(kv) == 0 {
		return nil
	}
	return model.MakeLabels(kv)
}

// without returns the labels less one, nil if none are left.
func without(labels model.Labels, one string) model.Labels {
	var out model.Labels
	for _, l := range labels {
		if l != one {
			out = append(out, l)
		}
	}
	return out
}

// parsePool reads which addresses pods have. What it has beside is the cluster's own affair.
func parsePool(r *render.Reader, n *yaml.Node) []policy.Policy {
	r.Report(render.Skipped, n, "an IPPool is no policy")
	if cidr := render.Path(n, "spec", "cidr"); cidr != nil {
		if p, err := netip.ParsePrefix(cidr.Value); err == nil {
			r.Beside(policy.Manifests{Blocks: []netip.Prefix{p.Masked()}})
		}
	}
	return nil
}
