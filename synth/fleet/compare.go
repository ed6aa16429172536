package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/synth/bundle"
)

// Result says what clusters share.
type Result struct {
	Clusters []Cluster
	Shared   int         // policies in the base
	Differ   []Namespace // the namespaces that differ, by name
}

// Cluster is one bundle of the fleet.
type Cluster struct {
	Name        string
	Shared, Own int // policies that its overlay takes from the base, and has itself
	bundle      *bundle.Manifest
	lists       map[string]bundle.Kustomization // by directory
	files       map[string][]byte               // that the kustomizations list
}

// Namespace is one that several clusters have and that is not the same in all of them.
type Namespace struct {
	Name     string
	Clusters []string // that have it
	Rules    []Rule   // that some of them have
}

// Rule is one that only some clusters have.
type Rule struct {
	Text string
	In   []string
}

// compare finds what differs between clusters that have a namespace.
func (r *Result) compare() {
	having := map[string][]string{}
	rules := map[string]map[string]*Rule{} // by namespace and id
	for i := range r.Clusters {
		c := &r.Clusters[i]
		for _, ns := range c.bundle.Namespaces {
			having[ns.Name] = append(having[ns.Name], c.Name)
		}
		for _, rule := range c.bundle.Rules {
			ns, _, _ := strings.Cut(rule.Policy, "/")
			if rules[ns] == nil {
				rules[ns] = map[string]*Rule{}
			}
			of := rules[ns][rule.ID]
			if of == nil {
				of = &Rule{Text: rule.Policy + ": " + rule.Text}
				rules[ns][rule.ID] = of
			}
			if len(of.In) == 0 || of.In[len(of.In)-1] != c.Name {
				of.In = append(of.In, c.Name)
			}
		}
	}
	for _, ns := range slices.Sorted(maps.Keys(having)) {
		n := Namespace{Name: ns, Clusters: having[ns]}
		for _, rule := range rules[ns] {
			if len(rule.In) < len(n.Clusters) {
				n.Rules = append(n.Rules, *rule)
			}
		}
		slices.SortFunc(n.Rules, func(a, b Rule) int {
			return cmp.Or(strings.Compare(a.Text, b.Text), slices.Compare(a.In, b.In))
		})
		if len(n.Rules) > 0 {
			r.Differ = append(r.Differ, n)
		}
	}
}
