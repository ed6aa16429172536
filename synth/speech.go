package synth

import (
	"fmt"
	"strings"
	"sync"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// speech is the only one that asks a dialect what it can say. It remembers the namespaces that it was asked about.
type speech struct {
	dialect    render.Dialect
	namespaces map[string]string // what is wrong with each, "" for nothing
	mu         sync.Mutex        // of clusters: rules are made on all processors
	clusters   map[string]string // the same of clusters
}

func newSpeech(d render.Dialect) *speech {
	return &speech{dialect: d, namespaces: map[string]string{}, clusters: map[string]string{}}
}

func (s *speech) name() string { return s.dialect.Name() }

// says reports whether the dialect can write a rule as it stands.
func (s *speech) says(r policy.Rule) bool { return s.dialect.Says(r) }

// refuses returns what the dialect's own reader has against a policy, "" if nothing. Namespaces and labels come out of
// a log, which may hold what no API server would have let in: it must not end up in files or in their names.
func (s *speech) refuses(p policy.Policy) string {
	files, _, err := s.dialect.Render(policy.PolicySet{Policies: []policy.Policy{p}})
	if err != nil {
		return err.Error()
	}
	for _, f := range files {
		if _, problems := render.ParseText(f.YAML, p.Name, s.dialect.Kinds()); len(problems) > 0 {
			return problems[0].Text
		}
	}
	return ""
}

// namespace returns why a namespace can have no policies, "" if it can.
func (s *speech) namespace(ns string) string {
	why, ok := s.namespaces[ns]
	if !ok {
		if ns == "" {
			why = "the log does not name the namespace"
		} else if !plain(ns) && s.refuses(policy.DefaultDeny(ns, true, true)) != "" {
			why = fmt.Sprintf("%q is not a namespace", ns)
		}
		s.namespaces[ns] = why
	}
	return why
}

// labels returns why what a selector selects can neither have a policy nor be a peer, "" if it can.
func (s *speech) labels(sel policy.Selector) string {
	p := checking(sel)
	if _, lost := s.dialect.Project(policy.PolicySet{Policies: []policy.Policy{p}}); len(lost) > 0 {
		return "the dialect " + s.name() + " cannot say its labels: " + lost[0].Lost
	}
	if plainly(sel) {
		return ""
	}
	if why := s.refuses(p); why != "" {
		return why
	}
	return notOfPods(sel)
}

// notOfPods returns what of a selector no labels of pods can be, "" if nothing: a dialect may take any text.
func notOfPods(sel policy.Selector) string {
	for i := range sel {
		r := &sel[i]
		if r.Op == policy.Either {
			continue
		}
		if !render.ValidKey(r.Key) {
			return fmt.Sprintf("%q is not a label key", r.Key)
		}
		for _, v := range r.Values {
			if !render.ValidValue(v) {
				return fmt.Sprintf("%s: %q is not a label value", r.Key, v)
			}
		}
	}
	return ""
}

// checking returns a policy to ask a dialect with whether it can say a selector, of the subject and of a peer.
func checking(sel policy.Selector) policy.Policy {
	return policy.Policy{Name: "check", Namespace: "check", Ingress: true, Subject: sel, Rules: []policy.Rule{
		{Direction: model.Ingress, Peers: []policy.Peer{policy.PodsIn("check", sel)}, AnyPort: true},
	}}
}

// plainly reports whether a selector has few labels, all of them plain.
func plainly(sel policy.Selector) bool {
	const most = 8
	for i := range sel {
		if r := &sel[i]; r.Op != policy.In || len(r.Values) != 1 || !plainKey(r.Key) || !plain(r.Values[0]) {
			return false
		}
	}
	return len(sel) <= most
}

// plain reports whether a text is so short and simple that every dialect has it as a namespace, a key or a value: there
// is no need to write it and read it back.
func plain(text string) bool {
	const most = 40
	if text == "" || len(text) > most || text[0] < 'a' || text[0] > 'z' || text[len(text)-1] == '-' {
		return false
	}
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// plainKey is plain for a key, which may be one of those that Kubernetes recommends.
func plainKey(key string) bool { return plain(strings.TrimPrefix(key, "app.kubernetes.io/")) }

// ofCluster returns the peer for pods of another cluster, false if the dialect has none.
func (s *speech) ofCluster(p policy.Peer, cluster string) (policy.Peer, bool) {
	m, ok := s.dialect.(render.Meshed)
	if !ok || cluster == "" || s.cluster(m, cluster) != "" {
		return p, false
	}
	return m.OfCluster(p, cluster), true
}

// cluster returns why no policy can name a cluster, "" if one can: its name comes out of a log too.
func (s *speech) cluster(m render.Meshed, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	why, ok := s.clusters[name]
	if !ok {
		peer := m.OfCluster(policy.PodsIn("check", policy.MatchLabels(map[string]string{"check": "check"})), name)
		why = s.refuses(*render.Asking(policy.Rule{Peers: []policy.Peer{peer}, AnyPort: true, Direction: model.Ingress}))
		s.clusters[name] = why
	}
	return why
}

// class numbers what can stand in one rule: a rule has peers and ports of one class only.
func (s *speech) class(p policy.Peer, q policy.Port) int {
	if d, ok := s.dialect.(render.Divided); ok {
		return d.Class(p, q)
	}
	return 0
}

// divides reports whether not everything can stand in one rule.
func (s *speech) divides() bool {
	_, ok := s.dialect.(render.Divided)
	return ok
}

// inForm returns a policy in the form that the dialect reads back, false if that is the one it has: where a rule of its
// API has one peer and one protocol, how the rules were divided is not to be seen in it.
func (s *speech) inForm(p policy.Policy) (policy.Policy, bool) {
	one := policy.PolicySet{Policies: []policy.Policy{p}}
	set, lost := s.dialect.Project(one)
	if len(lost) > 0 || len(set.Policies) != 1 || set.Equal(one) {
		return p, false
	}
	return set.Policies[0], true
}

// decides reports whether what the dialect writes can deny a direction between a pod and what is no pod.
func (s *speech) decides(d model.Direction) bool {
	in, ok := s.dialect.(render.Inward)
	return !ok || d == model.Egress || !in.PodsOnly()
}

// floors reports whether the dialect has a tier below the policies of namespaces.
func (s *speech) floors() bool {
	_, ok := s.dialect.(render.Below)
	return ok
}

// globalDeny returns the policy that closes all namespaces but the system's in some directions.
func (s *speech) globalDeny(system []string, resolvers []policy.Peer, open policy.ByDirection[bool]) policy.Policy {
	if d, ok := s.dialect.(render.Below); ok {
		return d.Floor(system, resolvers, open.Ingress, open.Egress)
	}
	return s.dialect.(render.Global).GlobalDeny(system, open.Ingress, open.Egress)
}
