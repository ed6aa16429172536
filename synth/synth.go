package synth

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Synthesize learns the allow policies for the subjects that cfg chooses.
func Synthesize(ctx context.Context, g *graph.Graph, cfg Config) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	l := &learner{g: g, cfg: cfg, dialect: cfg.dialect(), cluster: cfg.Cluster, asks: map[query]bool{}, names: map[string]bool{},
		namespaces: map[string]string{}, labels: map[int]string{}, ruleEdges: map[string][]int{}, stable: map[int][]string{}, in: map[string][]int{}, having: map[string]map[string][]int{}, proofs: map[int][3]Proof{}, subjectRules: map[int][]string{}, enforce: map[string]Enforce{}, beside: map[string]policy.Policy{}}
	if err := l.chooseCluster(); err != nil {
		return Result{}, err
	}
	l.open()
	if err := l.knowResolver(); err != nil {
		return Result{}, err
	}
	steps := []func(){
		l.gather, l.widen, l.remarkNames, l.remarkSubjects, l.remarkAge, l.watch, l.statuses, l.write,
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		step()
	}
	return l.result(), l.failed
}

// learner carries what one run collects.
type learner struct {
	g       *graph.Graph
	cfg     Config
	cluster string
	dialect render.Dialect
	// what is wrong with the names that the log has, "" for nothing
	namespaces map[string]string
	fanOut     map[int]int                 // by edge, index into Graph.FanOuts; nil before it is asked for
	fannedOut  map[fanOutIn]bool           // those that were noted
	labels     map[int]string              // by workload
	in         map[string][]int            // workloads of the cluster by namespace, sorted
	having     map[string]map[string][]int // workloads of the cluster by label key and value, sorted
	stable     map[int][]string            // keys of a workload that may stand in a selector

	needs      []need
	isResolver map[int]bool   // by peer
	asks       map[query]bool // workloads seen asking a resolver over UDP
	asking     map[int]bool   // the workloads of asks

	policies     []policy.Policy
	names        map[string]bool // "namespace/name" of policies
	ruleEdges    map[string][]int
	subjectRules map[int][]string
	proofs       map[int][3]Proof // by workload, then direction
	findings     []Finding
	losses       []Loss
	widenings    []Widening
	denied       []netip.Addr // see deniedAddresses
	enforce      map[string]Enforce
	beside       map[string]policy.Policy // by namespace, see Result.Beside
	resolver     policy.Peer              // that the configuration names
	silent       []int                    // subjects that were not seen asking and get the resolver of the configuration
	failed       error
}

// chooseCluster fails where subjects lie in several clusters: a bundle is for one.
func (l *learner) chooseCluster() error {
	if l.cluster != "" || l.cfg.Unnamed {
		return nil
	}
	clusters := map[string]bool{}
	for i := range l.g.Workloads {
		if w := &l.g.Workloads[i]; l.cfg.chosen(w.Namespace) {
			clusters[w.Cluster] = true
		}
	}
	names := slices.Sorted(maps.Keys(clusters))
	if len(names) > 1 {
		if names[0] == "" {
			names[0] = "unnamed"
		}
		return fmt.Errorf("the chosen namespaces are in several clusters (%s): choose one with --cluster", strings.Join(names, ", "))
	}
	if len(names) == 1 {
		l.cluster = names[0]
	}
	return nil
}

// chosen says whether policies are written for a namespace.
func (l *learner) chosen(ns string) bool { return l.cfg.chosen(ns) && l.badNamespace(ns) == "" }

// subject says whether policies are written for a workload.
func (l *learner) subject(w int) bool {
	return l.chosen(l.g.Workloads[w].Namespace) && l.g.Workloads[w].Cluster == l.cluster
}

// open starts with every namespace of a subject enforceable; gather finds what speaks against it.
func (l *learner) open() {
	for i := range l.g.Workloads {
		if w := &l.g.Workloads[i]; w.Cluster == l.cluster {
			l.in[w.Namespace] = append(l.in[w.Namespace], i)
			l.index(i)
		}
		if l.subject(i) {
			l.enforce[l.g.Workloads[i].Namespace] = Enforce{}
		}
	}
}

// block notes what stands against the default deny of a direction of a namespace. A namespace without subjects is
// blocked whole.
func (l *learner) block(namespace string, d model.Direction, why string) {
	if _, ok := l.enforce[namespace]; !ok {
		l.enforce[namespace] = Enforce{}
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			l.block(namespace, d, "no pod of "+namespace+" can be selected: nothing is learned for it")
		}
	}
	e := l.enforce[namespace]
	e.Why = append(e.Why, Obstacle{d, why})
	l.enforce[namespace] = e
}

func (l *learner) widen() {
	l.isResolver = l.resolvers()
	for _, n := range l.needs {
		if n.dir == model.Egress && n.proto == model.UDP && n.port == dnsPort && l.isResolver[n.peer] {
			l.asks[query{n.subject, n.peer}] = true
		}
	}
	l.widenDNS()
	l.widenRanges()
	l.widenEntities()
}

func (l *learner) namespace(n need) string { return l.g.Workloads[n.subject].Namespace }

// write turns the needs into policies: those of every workload, and the shared one for DNS.
func (l *learner) write() {
	bySubject := map[int]map[model.Direction][]need{}
	var dns []need
	for _, n := range l.needs {
		if l.isQuery(n) {
			dns = append(dns, n)
			continue
		}
		if bySubject[n.subject] == nil {
			bySubject[n.subject] = map[model.Direction][]need{}
		}
		bySubject[n.subject][n.dir] = append(bySubject[n.subject][n.dir], n)
	}
	l.writeDNS(dns)
	l.writeResolver()
	l.writeAll(bySubject)
	l.widenNames(dns)
	l.finishWidenings()
}

// globalDeny gives the default deny for all namespaces, in the directions that none of them speaks against.
func (l *learner) globalDeny() policy.Policy {
	d, ok := l.dialect.(render.Global)
	if !l.cfg.GlobalDeny || !ok {
		return policy.Policy{}
	}
	ingress, egress := true, true
	for _, ns := range slices.Sorted(maps.Keys(l.enforce)) {
		for _, dir := range []model.Direction{model.Ingress, model.Egress} {
			open := dir == model.Ingress && ingress || dir == model.Egress && egress
			if e := l.enforce[ns]; open && !e.Allows(dir) {
				ingress = ingress && dir != model.Ingress
				egress = egress && dir != model.Egress
				l.find(Finding{KindNotGlobal, Warning, "", dir, -1, fmt.Sprintf("no default deny of all namespaces for %s: namespace %s cannot be denied yet", dir, ns),
					"namespaces to come stay open"})
			}
		}
	}
	p := d.GlobalDeny(l.cfg.system(), ingress, egress)
	p.Name = l.cfg.NamePrefix + p.Name
	return p
}

// add completes a policy with its rules and keeps their evidence. It isolates only the directions it has rules for.
func (l *learner) add(p policy.Policy, of []int, rules []learned) {
	for _, r := range rules {
		p.Ingress = p.Ingress || r.Direction == model.Ingress
		p.Egress = p.Egress || r.Direction == model.Egress
		p.Rules = append(p.Rules, r.Rule)
	}
	p, rules = l.inForm(p, rules)
	for i, r := range rules {
		id := p.RuleID(i)
		l.ruleEdges[id] = append(l.ruleEdges[id], r.edges...)
		l.priceOutside(id, &r, len(of))
		for _, s := range of {
			l.subjectRules[s] = append(l.subjectRules[s], id)
		}
	}
	l.policies = append(l.policies, p.Canonical())
}

func (l *learner) result() Result {
	global := l.globalDeny()
	r := Result{Dialect: l.dialect, global: global, Cluster: l.cluster, Policies: policy.PolicySet{Policies: l.policies, Networks: l.sets()}.Canonical(), RuleEdges: l.ruleEdges, Losses: l.losses,
		Findings: l.findings, Widenings: l.widenings, Enforce: l.enforce, beside: l.beside, prefix: l.cfg.NamePrefix}
	for id, e := range r.RuleEdges {
		slices.Sort(e)
		r.RuleEdges[id] = slices.Compact(e)
	}
	for ns, e := range r.Enforce {
		sortObstacles(e.Why)
		r.Enforce[ns] = e
	}
	for i := range l.g.Workloads {
		if l.subject(i) {
			ids := slices.Sorted(slices.Values(l.subjectRules[i]))
			p := l.proofs[i]
			r.Subjects = append(r.Subjects, Subject{i, slices.Compact(ids), p[model.Ingress], p[model.Egress]})
		}
	}
	sortFindings(r.Findings)
	r.whole = l.wholes(&r)
	r.Stats = measure(r.Subjects, r.Policies)
	return r
}
