package run

import (
	"fmt"
	"slices"
	"strings"

	"sluice/synth/render"
	"sluice/synth/render/all"
)

// Auto chooses the dialect by what the log or the cluster says.
const Auto = "auto"

// dialect is the one that was chosen, with what sluice.yaml asks of it.
func (c *Config) dialect(d render.Dialect) (render.Dialect, error) {
	if v := c.ClusterPolicies.Version; v != "" {
		versions, ok := d.(render.Versioned)
		if !ok {
			return nil, Usagef("config: clusterPolicies: the dialect %s writes none, cluster does", d.Name())
		}
		i := slices.IndexFunc(versions.Versions(), func(full string) bool { return full[strings.Index(full, "/")+1:] == v })
		if i < 0 {
			return nil, Usagef("config: clusterPolicies: version %q: want one of %s", v, strings.Join(versions.Versions(), ", "))
		}
		d = versions.InVersion(versions.Versions()[i])
	}
	if c.ClusterPolicies.Baseline {
		tiers, ok := d.(render.Tiered)
		if !ok {
			return nil, Usagef("config: clusterPolicies: the dialect %s writes none, cluster does", d.Name())
		}
		d = tiers.InBaseline()
	}
	if !c.RuleLog {
		return d, nil
	}
	logging, ok := d.(render.Logging)
	if !ok {
		return nil, Usagef("config: ruleLog: the dialect %s has no log of rules, cilium has", d.Name())
	}
	return logging.LogRules(), nil
}

// written is a dialect as learn writes it, where it can do what sluice.yaml asks.
func (c *Config) written(d render.Dialect) render.Dialect {
	if own, err := c.dialect(d); err == nil {
		return own
	}
	return d
}

// Serves reports whether a cluster has a resource in an API version.
type Serves func(version, resource string) (bool, error)

// ownKind is one by which a cluster is known to enforce a dialect.
type ownKind struct {
	dialect, format, plugin string // format is that of the plugin's log
	kind, resource          string
	versions                []string
}

// ownKinds has the nearest to the plugin first.
var ownKinds = []ownKind{
	{"cilium", "hubble", "Cilium", "CiliumNetworkPolicy", "ciliumnetworkpolicies", []string{"cilium.io/v2"}},
	{"calico", "calico", "Calico", "its NetworkPolicy", "networkpolicies", []string{"projectcalico.org/v3"}},
	{"cluster", "", "", "ClusterNetworkPolicy", "clusternetworkpolicies",
		[]string{"policy.networking.k8s.io/v1beta1", "policy.networking.k8s.io/v1alpha2"}},
}

// ChooseDialect chooses the dialect: that of the plugin that wrote the log, as far as the cluster serves its kinds,
// else one that the cluster serves, else the one that every cluster has. of is nil where no cluster is asked.
func (l *Log) ChooseDialect(of Serves) (d render.Dialect, why string, err error) {
	format, said := l.Format(), "the flows name no one plugin"
	for _, k := range ownKinds {
		mine := format != "" && k.format == format
		if of == nil && !mine {
			continue
		}
		if mine {
			said = "the flows are " + k.plugin + "'s"
		}
		version := ""
		if of != nil {
			if version, err = first(of, k.versions, k.resource); err != nil {
				return nil, "", fmt.Errorf("--dialect %s: %w", Auto, err)
			}
			if version == "" && mine {
				said += ", and the cluster does not serve " + k.kind
			}
			if version == "" || !mine && k.format != "" && format != "" {
				continue // the plugin of the log is another
			}
		}
		if d, err = all.Named(k.dialect); err != nil {
			return nil, "", err
		}
		if of != nil {
			said += ", and the cluster serves " + k.kind + " " + version
		}
		if v, ok := d.(render.Versioned); ok && l.Config.ClusterPolicies.Version == "" {
			d = v.InVersion(version)
		}
		return d, said, nil
	}
	d = all.Dialects()[0]
	return d, said + ": every cluster has NetworkPolicy", nil
}

// first returns the first version in which a resource is served, "" for none.
func first(of Serves, versions []string, resource string) (string, error) {
	for _, v := range versions {
		if there, err := of(v, resource); there || err != nil {
			return v, err
		}
	}
	return "", nil
}
