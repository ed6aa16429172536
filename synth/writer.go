package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
)

// output is what came of the needs.
type output struct {
	policies  []policy.Policy
	ruleEdges map[string][]graph.EdgeID     // by rule id
	ruleIDs   map[graph.WorkloadID][]string // ids
	proofs    map[graph.WorkloadID]policy.ByDirection[Proof]
	beside    map[string]policy.Policy // by namespace, see Result.Beside
}

// writer turns needs into policies: those of every workload, and the shared ones for DNS.
type writer struct {
	*scope
	*solver
	*selecting
	*notes
	*ledger
	names map[string]bool // "namespace/name" of policies
	output
}

// complete is a policy with its rules, the edges of each and their ids.
type complete struct {
	policy.Policy
	rules []learnedRule
	ids   []string
}

// add completes a policy with its rules and keeps their evidence.
func (w *writer) add(p policy.Policy, of []graph.WorkloadID, rules []learnedRule) {
	c := w.solver.complete(p, rules)
	w.keep(&c, of)
}

// complete gives a policy its rules. It isolates only the directions it has rules for.
func (v *solver) complete(p policy.Policy, rules []learnedRule) complete {
	p.Rules = slices.Grow(p.Rules, len(rules))
	for _, r := range rules {
		p.Ingress = p.Ingress || r.Direction == model.Ingress
		p.Egress = p.Egress || r.Direction == model.Egress
		p.Rules = append(p.Rules, r.Rule)
	}
	var c complete
	c.Policy, c.rules = v.formed(p, rules)
	c.ids = make([]string, len(c.rules))
	for i := range c.ids {
		c.ids[i] = c.RuleID(i)
	}
	c.Policy = c.Policy.Canonical()
	return c
}

// keep keeps a policy and the evidence of its rules.
func (w *writer) keep(c *complete, of []graph.WorkloadID) {
	for i := range c.rules {
		r, id := &c.rules[i], c.ids[i]
		w.ruleEdges[id] = append(w.ruleEdges[id], r.edges...)
		w.priceOutside(id, r, len(of))
		w.priceProducts(id, r, len(of))
		for _, s := range of {
			w.ruleIDs[s] = append(w.ruleIDs[s], id)
		}
	}
	w.policies = append(w.policies, c.Policy)
}

// formed returns a policy and its rules in the form that the dialect reads back. Each rule keeps the edges that are
// in it.
func (v *solver) formed(p policy.Policy, rules []learnedRule) (policy.Policy, []learnedRule) {
	p, other := v.inForm(p)
	if !other {
		return p, rules
	}
	var all []graph.EdgeID
	for _, r := range rules {
		all = append(all, r.edges...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	out := make([]learnedRule, len(p.Rules))
	for i, r := range p.Rules {
		out[i].Rule = r
		for _, e := range all {
			if v.holds(p.Namespace, &r, e) {
				out[i].edges = append(out[i].edges, e)
			}
		}
	}
	return p, out
}

// maxName is the length of a DNS label.
const maxName = 63

// nameOf returns the policy of a workload its name: the workload's, with a hash of what it selects where that is too
// long, taken, or kept for a policy of ours.
func (w *writer) nameOf(namespace, want string, subject policy.Selector) string {
	if reserved(want) {
		return w.claim(namespace, hashed(want, namespace, subject), subject)
	}
	return w.claim(namespace, want, subject)
}

// mostNamed is how many workloads the name of a shared policy names.
const mostNamed = 3

// together is the name of a policy of several workloads: all of them, where they are few, else the first, how many
// more, and a hash of what it selects. It is no workload's own name.
func (w *writer) together(ns, before string, part selection) string {
	var names []string
	for _, u := range part.users {
		names = append(names, w.g.Workloads[u].Name)
	}
	name := before + strings.Join(names, "-")
	own := func(i graph.WorkloadID) bool { return w.g.Workloads[i].Name == name }
	fits := len(names) <= mostNamed && len(w.cfg.NamePrefix+name) <= maxName
	if fits && !reserved(name) && !slices.ContainsFunc(w.in[ns], own) {
		return name
	}
	if len(names) == 1 {
		return hashed(name, ns, part.sel)
	}
	return hashed(fmt.Sprintf("%s%s-and-%d-more", before, names[0], len(names)-1), ns, part.sel)
}

// claim takes a name within a namespace.
func (w *writer) claim(namespace, want string, subject policy.Selector) string {
	want = w.cfg.NamePrefix + want
	for len(want) > maxName || w.names[namespace+"/"+want] {
		want = hashed(want, namespace, subject)
	}
	w.names[namespace+"/"+want] = true
	return want
}

// NameDNS is the name of the shared DNS policy of a namespace.
const NameDNS = "dns"

// NameDNSAll is the name of the policy that allows the resolver to all pods of a namespace.
const NameDNSAll = "dns-all-pods"

// reserved reports whether workloads may not have a name: that of a policy of ours, or of the file that lists them.
func reserved(name string) bool {
	return slices.Contains([]string{NameDNS, NameDNSAll, NameResolver, policy.DefaultDenyName, "kustomization"}, name) ||
		strings.HasPrefix(name, policy.OpenName) ||
		strings.HasPrefix(name, policy.WholeName)
}

// hashed appends 8 hex digits of a hash of what the policy selects.
func hashed(name, namespace string, subject policy.Selector) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + name + "\x00" + subject.Canonical().String()))
	if len(name) > maxName-9 {
		name = strings.TrimRight(name[:maxName-9], "-.")
	}
	return name + "-" + hex.EncodeToString(sum[:4])
}
