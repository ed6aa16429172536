// Package verify judges a set of policies by what was seen: it replays every connection of a graph through the
// reference evaluator, on the labels of the log and not on names of workloads, and measures what the set allows that
// nobody needed. It proposes nothing and reads no files.
package verify

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Verify replays all connections of g through the set and measures what it allows beyond them.
func Verify(ctx context.Context, g *graph.Graph, set policy.PolicySet, cfg Config) (Report, error) {
	v := newVerifier(g, set, cfg)
	v.report.Semantics = cfg.Semantics
	v.report.First, v.report.Last = g.First, g.Last
	var u *universe
	var wait sync.WaitGroup
	wait.Go(func() { u = newUniverse(g, v.ev, cfg) })
	v.prepare()
	err := v.replay(ctx)
	wait.Wait()
	if err != nil {
		return Report{}, err
	}
	v.unused()
	v.idle()
	v.measured()
	v.records()
	v.probes()
	v.report.Open = append(openings(set), held(set, cfg.Held)...)
	v.report.Gaps = gaps(u, v.report.Open, cfg.Isolated)
	over, err := measure(ctx, u, v.ev, v.ev.RuleID, cfg)
	v.report.Over = over
	v.report.Cases = v.cases.list()
	slices.SortStableFunc(v.report.Refusals, func(a, b Refusal) int { return cmp.Compare(b.Connections, a.Connections) })
	return v.report, err
}

func newVerifier(g *graph.Graph, set policy.PolicySet, cfg Config) *verifier {
	v := &verifier{
		g:     g,
		cfg:   cfg,
		ev:    eval.New(openersLast(set), cfg.Semantics),
		eps:   g.Tables.Endpoints.Snapshot(),
		named: map[graph.EdgeID][]*eval.End{},
		keys:  selectorKeys(set),
		used:  make([][]atomic.Bool, len(set.Policies)),
	}
	v.ends = make([][]*eval.End, len(v.eps))
	for i := range v.used {
		v.used[i] = make([]atomic.Bool, len(v.ev.Policies().Policies[i].Rules))
	}
	v.scope()
	v.byAddress = asksForAddresses(set, cfg.Semantics)
	v.podBlock = set.Manifests.Block()
	return v
}

type verifier struct {
	g     *graph.Graph
	cfg   Config
	ev    *eval.Evaluator
	eps   []*model.Endpoint            // by id
	ends  [][]*eval.End                // by endpoint: what it may be, nil where nobody asked
	mu    sync.Mutex                   // of named: connections are judged on all processors
	named map[graph.EdgeID][]*eval.End // the server with the names of the edge
	keys  map[string]bool              // of labels that the set asks for
	in    map[string]bool              // namespaces in scope
	wide  bool                         // a cluster-wide policy: all namespaces are
	// byAddress: rules find ends by addresses that the log may not have.
	byAddress bool
	// podBlock holds the addresses of all pods, as manifests say; the zero value where they do not.
	podBlock netip.Prefix
	entities model.Entities  // that cluster-wide policies select
	used     [][]atomic.Bool // by policy and rule
	cases    caseBook
	report   Report
}

func (v *verifier) scope() {
	v.in = map[string]bool{}
	for _, p := range v.ev.Policies().Policies {
		v.entities |= p.SubjectEntities
	}
	for _, ns := range v.cfg.Namespaces {
		v.in[ns] = true
	}
	if v.cfg.Namespaces != nil {
		return
	}
	for _, p := range v.ev.Policies().Policies {
		v.in[p.Namespace] = true
		v.wide = v.wide || p.Namespace == "" && !p.EntitiesOnly
	}
}

// private are the addresses that Calico's logs call pvt, public all others, which they call pub (notation of Felix: RFC
// 1918 is private, and nothing else is).
var (
	private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16")}
	families = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	public   = append(without(families[0], private), families[1])
)

// without returns the networks that make up p less the others.
func without(p netip.Prefix, others []netip.Prefix) []netip.Prefix {
	switch {
	case slices.ContainsFunc(others, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Overlaps(p) }):
		return nil
	case !slices.ContainsFunc(others, p.Overlaps):
		return []netip.Prefix{p}
	}
	low, _ := p.Addr().Prefix(p.Bits() + 1)
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	high, _ := netip.AddrFromSlice(bytes)
	return append(without(low, others), without(netip.PrefixFrom(high, p.Bits()+1), others)...)
}

// may returns what an endpoint may be: what the log says, or where it says no labels of a pod that its name puts into a
// workload, a pod with any of the labels that the workload's pods have elsewhere in the log. Labels that no selector of
// the set tells apart are one. A network that the log has no addresses for may be in each of the CIDRs that the
// configuration gives it. Nothing: the labels are not known.
func (v *verifier) may(id model.EndpointID) []*eval.End {
	if ends := v.ends[id]; ends != nil {
		return ends
	}
	f := v.facts(id)
	ends := []*eval.End{}
	cidrs := v.cidrs(v.eps[id])
	add := func() {
		if len(cidrs) == 0 {
			ends = append(ends, v.ev.End(f))
		}
		for _, c := range cidrs {
			f.Block = c.Masked()
			ends = append(ends, v.ev.End(f))
		}
	}
	if !f.LabelsUnknown || !f.IsPod {
		add()
	} else if p := v.g.PeerOf[id]; p >= 0 && v.g.Peers[p].Workload >= 0 {
		done := map[string]bool{}
		for _, labels := range v.g.Workloads[v.g.Peers[p].Workload].LabelSets {
			labels = project(labels, v.keys)
			if key := strings.Join(labels, "\x00"); !done[key] {
				done[key] = true
				f.Labels, f.LabelsUnknown = labels, false
				add()
			}
		}
	}
	v.ends[id] = ends
	return ends
}

// facts are what the log says of an endpoint, in all its records.
func (v *verifier) facts(id model.EndpointID) eval.Facts {
	f := eval.FactsOf(v.eps[id])
	f.Foreign = v.cfg.foreign(f.Cluster)
	f.Masked = v.g.PeerOf[id] >= 0 && v.g.Peers[v.g.PeerOf[id]].Masked()
	return f
}

// server is may for the server of a connection. An address whose record has no name has those that the client asked for
// and got this address: other records of the edge tell them.
func (v *verifier) server(c *graph.Connection) []*eval.End {
	e := &v.g.Edges[c.Edge]
	ep := v.eps[c.Dst]
	if ep.Kind != model.KindAddress || len(ep.Names) > 0 || len(e.Names) == 0 {
		return v.may(c.Dst)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if ends, ok := v.named[c.Edge]; ok {
		return ends
	}
	f := v.facts(c.Dst)
	f.Names = e.Names
	v.named[c.Edge] = []*eval.End{v.ev.End(f)}
	return v.named[c.Edge]
}

// cidrs are where an end without address lies: where the configuration says, or what the word of the log means, or
// where the set asks for addresses at all, anywhere in either family.
func (v *verifier) cidrs(ep *model.Endpoint) []netip.Prefix {
	var known []netip.Prefix
	switch ep.Kind {
	case model.KindNetwork, model.KindNetworkSet:
		known = v.cfg.Networks[ep.Namespace+"/"+ep.Name]
		if known == nil {
			known = v.cfg.Networks[ep.Name]
		}
	case model.KindHost:
		known = v.cfg.Nodes
	default:
	}
	switch {
	case len(known) > 0:
		return known
	case !v.byAddress || ep.Address.IsValid():
		return nil
	case ep.Kind == model.KindPod && v.podBlock.IsValid():
		return []netip.Prefix{v.podBlock}
	case ep.Kind == model.KindNetwork && ep.Name == "pvt":
		return private
	case ep.Kind == model.KindNetwork && ep.Name == "pub":
		return public
	}
	return families
}

// asksForAddresses reports whether a rule of the set finds ends that are no entities by their address, to Calico and
// to the documentation of Kubernetes pods among them.
func asksForAddresses(set policy.PolicySet, sem eval.Semantics) bool {
	if sem == eval.Cilium {
		return false
	}
	found := false
	for i := range set.Policies {
		for j := range set.Policies[i].Rules {
			r := &set.Policies[i].Rules[j]
			for _, list := range [][]policy.Peer{r.Peers, r.Self} {
				eachPeer(list, func(p *policy.Peer) {
					found = found || p.Kind == policy.PeerCIDR || p.Kind == policy.PeerNetwork ||
						p.Kind == policy.PeerPods && len(set.Networks) > 0
				})
			}
		}
	}
	return found
}

// sameFamily reports whether two ends can talk to each other by the addresses they may have.
func sameFamily(a, b *eval.End) bool {
	family := func(e *eval.End) int {
		switch {
		case e.Address.IsValid():
			return e.Address.BitLen()
		case e.Block.IsValid():
			return e.Block.Addr().BitLen()
		}
		return 0
	}
	x, y := family(a), family(b)
	return x == y || x == 0 || y == 0
}

// prepare finds what the ends of all connections may be, on all processors. Pods that no selector of the set tells
// apart are one end: a workload may have thousands.
func (v *verifier) prepare() {
	asked := make([]bool, len(v.eps))
	for i := range v.g.Connections {
		asked[v.g.Connections[i].Src], asked[v.g.Connections[i].Dst] = true, true
	}
	var ids []model.EndpointID
	for id, ok := range asked {
		if ok {
			ids = append(ids, model.EndpointID(id))
		}
	}
	alike := make([]string, len(ids))
	model.Each(len(ids), func(i int) { alike[i] = v.alike(ids[i]) })
	first, of := map[string]model.EndpointID{}, make([]model.EndpointID, len(ids))
	var single []model.EndpointID
	for i, id := range ids {
		other, ok := first[alike[i]]
		if of[i] = other; ok && alike[i] != "" {
			continue
		}
		first[alike[i]], of[i] = id, id
		single = append(single, id)
	}
	model.Each(len(single), func(i int) { v.may(single[i]) })
	for i, id := range ids {
		v.ends[id] = v.ends[of[i]]
	}
}

// alike is equal for pods that nothing in the set tells apart, "" for an end that is looked at by itself.
func (v *verifier) alike(id model.EndpointID) string {
	ep := v.eps[id]
	p := v.g.PeerOf[id]
	if ep.Kind != model.KindPod || len(ep.Labels) == 0 || ep.Address.IsValid() || len(ep.Names) > 0 ||
		ep.Marks != 0 || ep.Entities != 0 || p >= 0 && v.g.Peers[p].Masked() || len(v.ev.Policies().Manifests.Workloads) > 0 {
		return ""
	}
	own := strings.Join(project(ep.Labels, v.keys), "\x00")
	of := strings.Join(ep.NamespaceLabels, "\x00")
	return strings.Join([]string{ep.Cluster, ep.Namespace, ep.ServiceAccount, own, of}, "\x01")
}

// replay judges all connections, some thousands at a time on all processors, and takes note of them in order.
func (v *verifier) replay(ctx context.Context) error {
	const atOnce = 1 << 14
	type answer struct {
		verdict Verdict
		d       *eval.Decision
	}
	answers := make([]answer, min(atOnce, len(v.g.Connections)))
	for list := range slices.Chunk(v.g.Connections, atOnce) {
		if err := ctx.Err(); err != nil {
			return err
		}
		model.Each(len(list), func(i int) { answers[i].verdict, answers[i].d = v.judge(&list[i]) })
		for i := range list {
			v.note(&list[i], answers[i].verdict, answers[i].d)
		}
	}
	return nil
}

// note takes note of the verdict on a connection.
func (v *verifier) note(c *graph.Connection, verdict Verdict, d *eval.Decision) {
	v.report.Connections[verdict]++
	v.report.Records[verdict] += c.Records
	if v.g.Edges[c.Edge].State == graph.Pending {
		v.report.Pending++
	}
	if verdict == Rejected && v.g.Edges[c.Edge].State.Worked() && v.concerns(c) {
		v.report.Decided++
	}
	if verdict == Unproven && v.lacks(c, d) {
		v.report.Lacking++
	}
	e := &v.g.Edges[c.Edge]
	if verdict == Unproven && e.State == graph.Refused {
		v.refuse(e)
	}
	known := e.State != graph.Refused && e.State != graph.Pending
	if verdict == Lost || verdict == Escaped || verdict == Unproven && known {
		v.cases.add(v.caseOf(c, verdict, d))
	}
}

// refuse takes note of a connection of a refused edge.
func (v *verifier) refuse(e *graph.Edge) {
	list := v.report.Refusals
	i := slices.IndexFunc(list, func(r Refusal) bool { return r.Reason == e.Reason })
	if i < 0 {
		i = len(list)
		list = append(list, Refusal{Reason: e.Reason, Example: v.g.EdgeText(e)})
	}
	list[i].Connections++
	v.report.Refusals = list
}

// why explains a case: by the decision, or by the labels without which there is none.
func (v *verifier) why(c *graph.Connection, d *eval.Decision) string {
	if d != nil && v.untouched(&v.g.Edges[c.Edge], d) {
		return "denied by policies that are not among these, which do nothing to it"
	}
	if d != nil {
		return v.ev.Why(*d)
	}
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		ep, ends := v.eps[id], v.may(id)
		pod := "pod " + ep.Namespace + "/" + cmp.Or(ep.Name, ep.Owner.Name, "*")
		switch {
		case len(ends) == 0:
			return "the log gives no labels for " + pod
		case ep.Kind == model.KindPod && len(ep.Labels) == 0:
			return "the log gives no labels for " + pod + ", and those of its workload's pods decide it differently"
		}
	}
	why := ""
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		ep := v.eps[id]
		switch {
		case len(v.may(id)) == 1:
		case ep.Kind == model.KindPod && why == "":
			why = "the policies decide by addresses of pods, which change and are not taken from the log " +
				"(an IPPool, or Nodes with a podCIDR, among --manifests gives them)"
		case ep.Kind == model.KindHost:
			why = "the log gives no address of node " + ep.Name + " (network nodes in the configuration gives them)"
		case ep.Kind != model.KindPod:
			why = "the log gives no address of network " + ep.Name + " (networks in the configuration gives them)"
		}
	}
	return why
}

// lacks reports whether a connection is unproven for want of a fact about the policies or the cluster that somebody can
// give: where there is no decision, of the addresses of pods and nodes, by which the policies decide.
func (v *verifier) lacks(c *graph.Connection, d *eval.Decision) bool {
	if d != nil {
		return d.LacksPolicyFact()
	}
	if state := v.g.Edges[c.Edge].State; state == graph.Refused || !v.concerns(c) {
		return false
	}
	lacks := false
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		switch ep := v.eps[id]; {
		case len(v.may(id)) == 0, ep.Kind == model.KindPod && len(ep.Labels) == 0:
			return false // what the log lacks
		case len(v.may(id)) == 1:
		case ep.Kind != model.KindPod && ep.Kind != model.KindHost:
			return false // an address outside, which only the log could tell
		default:
			lacks = true
		}
	}
	return lacks
}

// judge returns the verdict, and the decision where one was needed.
func (v *verifier) judge(c *graph.Connection) (Verdict, *eval.Decision) {
	e := &v.g.Edges[c.Edge]
	worked := (e.State.Worked() || v.cfg.Accepted[c.Edge]) && !v.cfg.Rejected[c.Edge]
	switch {
	case e.State == graph.Refused && !v.cfg.Accepted[c.Edge]:
		return Unproven, nil
	case v.cfg.Inexpressible[c.Edge]:
		return Inexpressible, nil
	case !v.concerns(c) && e.State == graph.Pending && !worked:
		return Unproven, nil
	case !v.concerns(c) && !worked:
		return Rejected, nil
	case !v.concerns(c):
		return Permitted, nil
	}
	verdict, d := v.decide(c, worked)
	if v.cfg.Ignored[c.Edge] && d != nil {
		switch verdict {
		case Lost:
			verdict = Rejected
		case Escaped:
			verdict = Permitted
		default: // as it is
		}
	}
	if verdict == Escaped && (e.State == graph.Pending || v.untouched(e, d)) {
		return Unproven, d // nothing denied it, and nothing shows that it worked; or other policies deny it
	}
	return verdict, d
}

// untouched reports whether the set isolates or allows nothing at the ends at which an edge may have been denied, where
// other policies are in force beside it.
func (v *verifier) untouched(e *graph.Edge, d *eval.Decision) bool {
	if !v.cfg.Beside || e.State != graph.Denied {
		return false
	}
	for _, end := range []struct {
		d    model.Direction
		part *eval.Part
	}{{model.Egress, &d.Egress}, {model.Ingress, &d.Ingress}} {
		perhaps, _ := e.Denials.At(end.d, false)
		if perhaps && end.part.Reason != eval.NotIsolated && end.part.Reason != eval.Passed {
			return false
		}
	}
	return true
}

// decide asks for whatever the ends may be; unless all answers give one verdict, there is no decision.
func (v *verifier) decide(c *graph.Connection, worked bool) (Verdict, *eval.Decision) {
	var room [2]eval.Decision // mostly they are one
	all := room[:0]
	for _, src := range v.may(c.Src) {
		for _, dst := range v.server(c) {
			if !sameFamily(src, dst) {
				continue
			}
			d := v.ev.Decide(src, dst, c.Proto, c.Port)
			if v.g.Edges[c.Edge].Proxied {
				d = leaving(d)
			}
			if len(all) > 0 && verdictOf(worked, d) != verdictOf(worked, all[0]) {
				return Unproven, nil
			}
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return Unproven, nil
	}
	for _, d := range all {
		v.use(d.Egress)
		v.use(d.Ingress)
	}
	d := all[0]
	return verdictOf(worked, d), &d
}

// leaving returns a decision where only what leaves the source is judged: a proxy connects to the destination.
func leaving(d eval.Decision) eval.Decision {
	d.Ingress = eval.Part{Outcome: eval.Allowed, Reason: eval.NotIsolated, Policy: -1, Rule: -1}
	d.Allowed, d.Unknown = d.Egress.Outcome == eval.Allowed, d.Egress.Outcome == eval.Unknown
	return d
}

func verdictOf(worked bool, d eval.Decision) Verdict {
	switch {
	case d.Unknown:
		return Unproven
	case worked && d.Allowed:
		return Permitted
	case worked:
		return Lost
	case d.Allowed:
		return Escaped
	}
	return Rejected
}

// concerns reports whether an end of a connection is a pod that the set is for.
func (v *verifier) concerns(c *graph.Connection) bool {
	for _, id := range []model.EndpointID{c.Src, c.Dst} {
		ep := v.eps[id]
		if ep.Kind == model.KindPod && (v.wide || v.in[ep.Namespace]) || ep.Entities&v.entities != 0 {
			return true
		}
	}
	return false
}

func (v *verifier) use(p eval.Part) {
	if p.Reason == eval.ByRule {
		if used := &v.used[p.Policy][p.Rule]; !used.Load() {
			used.Store(true)
		}
	}
}

// records compares the rules of the set with those that evidence was recorded for.
func (v *verifier) records() {
	if v.cfg.Recorded == nil {
		return
	}
	identify(v.ev)
	recorded := map[string]bool{}
	for _, id := range v.cfg.Recorded {
		recorded[id] = true
	}
	missing := maps.Clone(recorded)
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		for j := range p.Rules {
			id := v.ev.RuleID(i, j)
			denies := p.Around() && p.Rules[j].Action != policy.Allow
			if !recorded[id] && !opens(&p.Rules[j]) && !denies {
				v.report.Unrecorded = append(
					v.report.Unrecorded,
					Rule{id, p.Namespace + "/" + p.Name, p.Rules[j].String(), p.Source},
				)
			}
			delete(missing, id)
		}
	}
	v.report.Missing = slices.Sorted(maps.Keys(missing))
}

func (v *verifier) unused() {
	isolated := map[Side]bool{} // where something isolates: elsewhere no connection can need a rule
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		for _, d := range []model.Direction{model.Ingress, model.Egress} {
			if p.Isolates(d) && !p.Staged {
				isolated[Side{p.Namespace, d}] = true
			}
		}
	}
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		for j := range p.Rules {
			d := p.Rules[j].Direction
			// Where rules deny around the policies of namespaces, no connection is there to need them.
			denies := p.Around() && p.Rules[j].Action != policy.Allow
			idle := p.Staged || denies || p.Namespace != "" && !isolated[Side{p.Namespace, d}] && !isolated[Side{"", d}]
			if idle || v.used[i][j].Load() || opens(&p.Rules[j]) {
				continue
			}
			id := v.ev.RuleID(i, j)
			if meant := v.cfg.WidenedRules[id] || holds(p, j, id, v.cfg.Held); !meant {
				v.report.Unused = append(
					v.report.Unused,
					Rule{id, p.Namespace + "/" + p.Name, p.Rules[j].String(), p.Source},
				)
			}
		}
	}
}

// idle finds the policies of which no rule was needed, and those that select nothing which was seen. A policy without
// rules is no rule's business: it denies.
func (v *verifier) idle() {
	selects, seen := map[int]bool{}, map[string]bool{}
	for id, ends := range v.ends {
		if ends != nil && v.eps[id].Kind == model.KindPod {
			seen[v.eps[id].Namespace] = true
		}
		for _, end := range ends {
			for _, d := range policy.Directions() {
				for _, p := range end.Policies(d) {
					selects[p] = true
				}
			}
		}
	}
	unused := map[string]int{}
	for _, u := range v.report.Unused {
		unused[u.Policy]++
	}
	for i := range v.ev.Policies().Policies {
		p := &v.ev.Policies().Policies[i]
		name := p.Namespace + "/" + p.Name
		blind := !selects[i] && !p.Staged && !p.EntitiesOnly && seen[p.Namespace] // of others nothing is told
		if blind || len(p.Rules) > 0 && unused[name] == len(p.Rules) {
			v.report.Idle = append(v.report.Idle, Idle{policyName(p), p.Source, blind})
		}
	}
}

// caseOf tells of one connection.
func (v *verifier) caseOf(c *graph.Connection, verdict Verdict, d *eval.Decision) Case {
	e := &v.g.Edges[c.Edge]
	out := Case{Verdict: verdict, Edge: c.Edge, Src: v.g.Peers[e.Src].ID, Dst: v.g.Peers[e.Dst].ID, SrcPod: e.SrcPod,
		DstPod: e.DstPod, Port: e.PortString(), Records: c.Records, Why: v.why(c, d),
		Lacking: verdict == Unproven && v.lacks(c, d)}
	if d != nil {
		out.Egress, out.Ingress = d.Egress.Outcome == eval.Denied, d.Ingress.Outcome == eval.Denied
		if i := decides(d); i >= 0 {
			p := &v.ev.Policies().Policies[i]
			out.Policy, out.At = policyName(p), p.Source
		}
	}
	if verdict == Lost && d != nil {
		for _, n := range needs(v.ev, out.Src, out.Dst, out.Port, d) {
			out.Missing = append(out.Missing, n.String())
		}
	}
	return out
}
