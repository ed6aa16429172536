package bundle

import (
	"fmt"
	"strings"

	"sluice/model"
)

// risk is what a rule is about, the riskiest first.
type risk int

const (
	fromOutside risk = iota
	toOutside
	wide
	nodes
	across
	within
)

var riskNames = [...]string{"from outside", "to outside", "every peer or port", "nodes and the API server",
	"another namespace", "its own namespace"}

// riskOf says what a rule is about, by the edges it stands for and by its text.
func (m *Manifest) riskOf(r *Rule) risk {
	out := within
	for _, i := range r.Edges {
		e := &m.Edges[i]
		out = min(out, riskOfEdge(e.Source, e.Destination, r.Direction))
	}
	if strings.Contains(r.Text, " any port") || strings.HasSuffix(r.Text, " anywhere") || len(r.Edges) == 0 {
		out = min(out, wide)
	}
	return out
}

func riskOfEdge(source, destination, direction string) risk {
	self, peer := source, destination
	if direction == "ingress" {
		self, peer = destination, source
	}
	proxy := peer == "entity:"+model.IngressEntity.String() // of Ingress and Gateway: what it lets in comes from anywhere
	switch kind := kindOf(peer); {
	case (kind == "outside" || proxy) && direction == "ingress":
		return fromOutside
	case kind == "outside":
		return toOutside
	case kind == "node":
		return nodes
	case spaceOf(self) != spaceOf(peer):
		return across
	}
	return within
}

// byRisk are the rules of a namespace, "" for all, by what they are about.
func (r *reviewer) byRisk(namespace string) [len(riskNames)][]*Rule {
	var out [len(riskNames)][]*Rule
	for i := range r.m.Rules {
		rule := &r.m.Rules[i]
		if namespace == "" || ofNamespace(rule, namespace) {
			k := r.m.riskOf(rule)
			out[k] = append(out[k], rule)
		}
	}
	return out
}

// ofNamespace reports whether the policy of a rule is one of a namespace.
func ofNamespace(r *Rule, namespace string) bool {
	ns, _, _ := strings.Cut(r.Policy, "/")
	return ns == namespace
}

// risks shows the rules that cross a border, alike ones as one, the worst of each kind.
func (r *reviewer) risks(p *page, namespace string) {
	var rows [][]string
	rules := r.byRisk(namespace)
	for k := fromOutside; k < within; k++ {
		var texts []string
		at := map[string]int{}
		var policies [maxWorst][]string // of the first texts
		for _, rule := range rules[k] {
			i, known := at[rule.Text]
			if !known {
				i = len(texts)
				at[rule.Text], texts = i, append(texts, rule.Text)
			}
			if i < maxWorst {
				policies[i] = append(policies[i], rule.Policy)
			}
		}
		for i, text := range texts {
			if i == maxWorst {
				rows = append(rows, []string{riskNames[k], "", fmt.Sprintf("... and %d more of %d", len(texts)-i, len(rules[k])), ""})
				break
			}
			rows = append(rows, []string{riskNames[k], fmt.Sprint(len(policies[i])), short(text), some(policies[i])})
		}
	}
	if len(rows) == 0 {
		return
	}
	p.head("Look at these rules first")
	p.details(len(rows) > maxOpenRows, "rules that cross a border of their namespace", func() {
		p.table(len(rows), []string{"about", "rules", "what they say", "of the policies"}, rows)
	})
}

// Risk says in words what a rule is about, by what it crosses.
func (m *Manifest) Risk(r *Rule) string { return riskNames[m.riskOf(r)] }
