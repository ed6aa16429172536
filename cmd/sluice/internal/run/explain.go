package run

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/graph"
	"sluice/model/workload"
	"sluice/synth"
	"sluice/synth/decision"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// Explained is a connection as policies decide it.
type Explained struct {
	verify.Account
	Semantics eval.Semantics
	// Unenforced are policies of kinds that the plugin does not read: they decide nothing.
	Unenforced []string
	// Otherwise is what other network plugins make of the same policies, where that is not the same.
	Otherwise []Otherwise
	// Rules would allow it, in each dialect that can say so; each was tried.
	Rules []MissingRule
	// Probes are those that the kubelet makes on this way, as the manifests say.
	Probes []string
}

// Otherwise is the answer of another network plugin.
type Otherwise struct {
	Semantics eval.Semantics
	Outcome   eval.Outcome
	Why       string
}

// MissingRule is what would have to be added, in one dialect.
type MissingRule struct {
	Dialect string
	YAML    string
	Not     string // why it cannot be said, "" where it can
	Beware  string // what else it does, "" for nothing
}

// Explain says how policies decide a connection, and what would have to be added where they deny it.
func Explain(l *Log, p *Policies, cfg VerifyConfig, words []string) (*Explained, error) {
	q, err := l.question(words)
	if err != nil {
		return nil, err
	}
	judge, err := l.judging(p, cfg)
	if err != nil {
		return nil, err
	}
	x := &Explained{Account: verify.Explain(l.Graph, p.Set, judge, q), Semantics: judge.Semantics,
		Unenforced: unenforced(&p.Set, judge.Semantics)}
	if plain(p.Set) {
		x.elsewhere(l, p, judge, q)
	}
	x.Probes = l.probes(&p.Set.Manifests, q)
	for _, d := range all.Dialects() {
		if rule, ok := x.missingRule(l.Graph, p.Set, judge, q, l.Config.written(d)); ok {
			x.Rules = append(x.Rules, rule)
		}
	}
	return x, nil
}

// plain reports whether any network plugin reads all policies of a set.
func plain(set policy.PolicySet) bool {
	return !slices.ContainsFunc(set.Policies, func(p policy.Policy) bool {
		return !strings.HasSuffix(p.Kind, " NetworkPolicy") || !strings.HasPrefix(p.Kind, "networking.k8s.io/")
	})
}

func (x *Explained) elsewhere(l *Log, p *Policies, judge verify.Config, q verify.Question) {
	for _, sem := range []eval.Semantics{eval.Spec, eval.Cilium, eval.Calico} {
		judge.Semantics = sem
		a := verify.Explain(l.Graph, p.Set, judge, q)
		if sem == x.Semantics || len(a.Answers) == 0 || len(x.Answers) == 0 ||
			a.Answers[0].Outcome == x.Answers[0].Outcome {
			continue
		}
		first := &a.Answers[0]
		why := first.Ingress.Why
		if first.Egress.Outcome == first.Outcome {
			why = first.Egress.Why
		}
		x.Otherwise = append(x.Otherwise, Otherwise{sem, first.Outcome, why})
	}
}

// missingRule writes what would have to be added, and tries it.
func (x *Explained) missingRule(
	g *graph.Graph, set policy.PolicySet, judge verify.Config, q verify.Question, d render.Dialect,
) (MissingRule, bool) {
	out := MissingRule{Dialect: d.Name()}
	var needs []verify.Need
	for _, a := range x.Answers {
		for _, n := range a.Missing {
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	if len(needs) == 0 {
		return out, false
	}
	var add policy.PolicySet
	for _, n := range needs {
		p, why := wanted(g, q, n.Direction, !d.Rollout().Additive)
		if out.Not = why; why != "" {
			return out, true
		}
		add.Policies = append(add.Policies, p)
		if n.Below && !d.Rollout().Additive {
			out.Beware = "it isolates " + n.Self + " for " + n.Direction.String() +
				": what no other policy of its namespace allows there is denied then, whatever Baseline says"
		}
	}
	var more policy.PolicySet
	if out.YAML, more, out.Not = written(d, add); out.Not != "" {
		return out, true
	}
	tried := policy.PolicySet{}
	tried.Join(set)
	tried.Join(more)
	a := verify.Explain(g, tried, judge, q)
	for _, answer := range a.Answers {
		if answer.Outcome != eval.Allowed {
			out.YAML, out.Beware = "", ""
			out.Not = "a rule for it is not enough: " + answer.Egress.Why + "; " + answer.Ingress.Why
			return out, true
		}
	}
	return out, true
}

// written is a set as a dialect writes it and reads it back, or why it cannot be said.
func written(d render.Dialect, set policy.PolicySet) (yaml string, back policy.PolicySet, not string) {
	files, lost, err := d.Render(set)
	switch {
	case err != nil:
		return "", back, err.Error()
	case len(lost) > 0:
		return "", back, "the dialect cannot say " + lost[0].Lost
	}
	var texts []string
	for _, f := range files {
		texts = append(texts, string(f.YAML))
	}
	yaml = strings.Join(texts, "---\n")
	back, problems := render.Parse(strings.NewReader(yaml), d.Name(), d.Kinds())
	if len(problems) > 0 {
		return "", back, problems[0].Text
	}
	return yaml, back, ""
}

// wanted is a policy that allows one direction of a connection and isolates no more than its workload, or why there is
// none.
func wanted(g *graph.Graph, q verify.Question, d model.Direction, isolates bool) (policy.Policy, string) {
	self, other := q.Src, q.Dst
	if d == model.Ingress {
		self, other = q.Dst, q.Src
	}
	if self.Peer < 0 || g.Peers[self.Peer].Workload < 0 {
		return policy.Policy{}, "no selector names " + self.Name
	}
	w := &g.Workloads[g.Peers[self.Peer].Workload]
	if w.Refusal != "" {
		return policy.Policy{}, w.Refusal
	}
	peer, ok := policy.Peer{}, false
	switch {
	case other.Peer >= 0:
		peer, ok = synth.PeerOf(g, other.Peer)
	case other.Not.Address.IsValid():
		a := other.Not.Address
		peer, ok = policy.Peer{Kind: policy.PeerCIDR, CIDR: netip.PrefixFrom(a, a.BitLen())}, true
	}
	if !ok {
		why := "no rule can name " + other.Name + " by itself"
		if other.Peer >= 0 && slices.Contains(byNetwork, g.Peers[other.Peer].Kind) {
			why += ": give its addresses under networks in the configuration"
		}
		return policy.Policy{}, why
	}
	port := policy.OnePort(q.Proto, q.Port)
	if q.Proto.Whole() {
		port = policy.AllPorts(q.Proto)
	}
	p := policy.Policy{
		Name:      fmt.Sprintf("%s-%s-%s", w.Name, d, strings.ReplaceAll(port.String(), "/", "-")),
		Namespace: w.Namespace, Subject: policy.MatchLabels(w.Selector),
		Rules: []policy.Rule{{Direction: d, Peers: []policy.Peer{peer}, Ports: []policy.Port{port}}},
	}
	p.Ingress, p.Egress = isolates && d == model.Ingress, isolates && d == model.Egress
	return p, ""
}

// question finds what the words SRC DST PORT mean in a log.
func (l *Log) question(words []string) (verify.Question, error) {
	var q verify.Question
	var err error
	if q.Proto, q.Port, err = onePort(words[2]); err != nil {
		return q, err
	}
	if q.Src, err = l.end(words[0]); err != nil {
		return q, err
	}
	q.Dst, err = l.end(words[1])
	return q, err
}

// probes lists the declared probes that a question is about: from the host of a node to a workload's port.
func (l *Log) probes(of *policy.Manifests, q verify.Question) []string {
	fromNode := q.Src.Peer < 0 && q.Src.Not.Entities&model.Host != 0 ||
		q.Src.Peer >= 0 && l.Graph.Peers[q.Src.Peer].Entities&model.Host != 0
	if !fromNode || q.Dst.Peer < 0 || q.Proto != model.TCP || l.Graph.Peers[q.Dst.Peer].Workload < 0 {
		return nil
	}
	w := &l.Graph.Workloads[l.Graph.Peers[q.Dst.Peer].Workload]
	var out []string
	for _, labels := range w.LabelSets {
		declared := of.Of(w.Namespace, labels)
		if declared == nil {
			continue
		}
		for _, p := range declared.Probes {
			if text := p.String() + " of " + declared.ID(); p.Port == q.Port && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}

// byNetwork are the kinds of peers that a network of the configuration gives addresses.
var byNetwork = []model.Kind{model.KindNetwork, model.KindNetworkSet, model.KindHost}

// onePort reads "6379" or "53/udp", and protocols that have no ports, as "vrrp".
func onePort(word string) (model.Proto, uint16, error) {
	if _, err := strconv.ParseUint(word, 10, 16); err == nil {
		word += "/tcp"
	}
	proto, first, last, err := decision.Ports(word)
	if err == nil && first != last && !proto.Whole() {
		err = fmt.Errorf("%q are several ports: ask for one", word)
	}
	if err != nil {
		return 0, 0, Usagef("port: %w", err)
	}
	return proto, first, nil
}

// kubelet is the host of a pod's own node, where logs leave out what it asks its pods.
const kubelet = "entity:host"

// end finds the one end that a word means: a workload with or without its namespace, a pod, an entity, a network, an
// address, or a DNS name that was asked for.
func (l *Log) end(word string) (verify.Asked, error) {
	g := l.Graph
	found := map[graph.PeerID]bool{}
	var ids []string
	for i, p := range g.AllPeers() {
		ids = append(ids, p.ID)
		if p.ID == word {
			return verify.Asked{Name: p.ID, Peer: i}, nil
		}
		if _, rest, _ := strings.Cut(p.ID, ":"); strings.HasSuffix(p.ID, "/"+word) || rest == word {
			found[i] = true
		}
	}
	address, addressErr := netip.ParseAddr(word)
	if len(found) == 0 && addressErr != nil {
		l.pods(word, found)
		for _, e := range g.AllEdges() {
			if slices.Contains(e.Names, word) {
				found[e.Dst] = true
			}
		}
	}
	switch {
	case len(found) == 1:
		for i := range found {
			return verify.Asked{Name: g.Peers[i].ID, Peer: i}, nil
		}
	case len(found) > 1:
		var names []string
		for i := range found {
			names = append(names, g.Peers[i].ID)
		}
		slices.Sort(names)
		return verify.Asked{}, fmt.Errorf("%s may be %s: name one of them whole", word, text.Some(names))
	case addressErr == nil:
		return verify.Asked{Name: word, Peer: -1, Not: eval.Facts{Address: address.Unmap()}}, nil
	}
	if word == kubelet || kubelet == "entity:"+word {
		return verify.Asked{Name: kubelet, Peer: -1, Not: eval.Kubelet()}, nil
	}
	hint := "sluice show workloads and sluice show edges list what was seen"
	if near := text.Nearest(word, ids); near != "" {
		hint = "did you mean " + near + "?"
	}
	return verify.Asked{}, fmt.Errorf("nothing called %s was seen: %s", word, hint)
}

// pods adds the workloads of pods with a name.
func (l *Log) pods(word string, found map[graph.PeerID]bool) {
	g := l.Graph
	for id, ep := range g.Tables.Endpoints.Snapshot() {
		if p := g.PeerOf[id]; p >= 0 && ep.Kind == model.KindPod && ep.Name != "" &&
			(ep.Name == word || ep.Namespace+"/"+ep.Name == word) {
			found[p] = true
		}
	}
}

// Workload returns the one that a word means, nil for none or several, or without a log.
func (l *Log) Workload(word string) *workload.Workload {
	if l == nil {
		return nil
	}
	var found *workload.Workload
	for _, w := range l.Graph.AllWorkloads() {
		if w.ID == word {
			return w
		}
		if strings.HasSuffix(w.ID, "/"+word) {
			if found != nil {
				return nil
			}
			found = w
		}
	}
	return found
}

// IsPort reports whether a word names one port, or a protocol without ports: "6379", "53/udp", "vrrp".
func IsPort(word string) bool {
	_, _, err := onePort(word)
	return err == nil
}

// DialectOf is the dialect that policies are written in: a bundle's own, else the one that reads most of them.
func DialectOf(p *Policies) string {
	if p.Bundle != nil {
		return p.Bundle.Dialect
	}
	count := map[string]int{}
	for i := range p.Set.Policies {
		for _, of := range [][2]string{{" networking.k8s.io/", "kubernetes"}, {"cilium.io/", "cilium"}, {"projectcalico.org/", "calico"},
			{" policy.networking.k8s.io/", "cluster"}} {
			if strings.Contains(" "+p.Set.Policies[i].Kind, of[0]) {
				count[of[1]]++
			}
		}
	}
	if count["cluster"] > 0 {
		count["cluster"] += count["kubernetes"] // it writes both
	}
	best := all.Names()[0]
	for _, name := range all.Names() {
		if count[name] > count[best] {
			best = name
		}
	}
	return best
}
