package bundle

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/decision"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// withdraw takes the default deny back where it would block what worked, and reports whether there was one.
func withdraw(in Input, report *verify.Report) bool {
	changed := false
	for _, l := range losses(in, report) {
		before := in.Result.Enforce[l.namespace]
		in.Result.Withdraw(l.namespace, l.d, l.edge, l.text)
		after := in.Result.Enforce[l.namespace]
		changed = changed || before.Allows(l.d) && !after.Allows(l.d)
	}
	return changed
}

// loss is a connection that worked and that a direction of a namespace denies.
type loss struct {
	namespace string
	d         model.Direction
	edge      graph.EdgeID
	text      string
}

func losses(in Input, report *verify.Report) []loss {
	var out []loss
	for _, c := range report.Cases {
		if c.Verdict != verify.Lost {
			continue
		}
		e := &in.Graph.Edges[c.Edge]
		text := fmt.Sprintf("%s -> %s %s: %s", c.Src, c.Dst, c.Port, c.Why)
		for _, l := range []struct {
			denied bool
			d      model.Direction
			peer   graph.PeerID
		}{{c.Egress, model.Egress, e.Src}, {c.Ingress, model.Ingress, e.Dst}} {
			ns := in.Graph.Peers[l.peer].Namespace
			if _, ok := in.Result.Enforce[ns]; l.denied && ok {
				out = append(out, loss{ns, l.d, c.Edge, text})
			}
		}
	}
	return out
}

// readsBack returns the policies that were written, from disk. One that does not come back is a fault of ours.
func readsBack(r policyReader, in Input, enforced policy.PolicySet) (policy.PolicySet, error) {
	r.kinds, r.known = []render.Kinds{in.Result.Dialect.Kinds()}, map[string]*policy.Policy{}
	for i := range enforced.Policies {
		p := enforced.Policies[i].Canonical()
		r.known[p.Namespace+"/"+p.Name] = &p
	}
	set, problems, err := r.read(Enforced)
	if err != nil {
		return set, err
	}
	if len(problems) > 0 {
		return set, fmt.Errorf("read own policy back: %w", problems[0])
	}
	own := set
	own.Networks = withoutLabels(set.Networks, in.name())
	named := func(a, b policy.Policy) bool { return a.Namespace == b.Namespace && a.Name == b.Name }
	if r.same == len(enforced.Policies) && slices.EqualFunc(set.Policies, enforced.Policies, named) {
		own.Policies, enforced.Policies = nil, nil // each was compared when it was read
	}
	if !own.Equal(enforced) {
		return set, errors.New("the policies on disk are not those that were learned")
	}
	return set, nil
}

// judge verifies a set.
func judge(ctx context.Context, in Input, set policy.PolicySet, spaces []Namespace) (verify.Report, error) {
	cfg := verifying(&in)
	cfg.Held = map[string]bool{}
	for i := range spaces {
		cfg.Isolated = append(cfg.Isolated, spaces[i].Isolated()...)
		for _, id := range spaces[i].Open {
			cfg.Held[id] = true
		}
	}
	cfg.Namespaces, cfg.Beside = in.Result.Namespaces(), true
	cfg.Inexpressible, cfg.Accepted = in.Result.Inexpressible(), in.Result.Accepted()
	cfg.Rejected, cfg.Ignored = in.Result.DecidedAs(decision.Reject), in.Result.DecidedAs(decision.Ignore)
	cfg.Widened, cfg.WidenedRules = in.Result.Widened, in.Result.WidenedRules()
	set.Networks = append(slices.Clone(set.Networks), in.selectable()...)
	return verify.Verify(ctx, in.Graph, set, cfg)
}

// verifying is how policies are judged, whatever they are.
func verifying(in *Input) verify.Config {
	networks := map[string][]netip.Prefix{}
	for _, n := range in.Config.Networks {
		networks[n.Name] = n.CIDRs
	}
	return verify.Config{
		Semantics: in.Semantics,
		Networks:  networks,
		Nodes:     networks[synth.NodesNetwork],
		Cluster:   in.Result.Cluster,
	}
}

// judgeAll verifies a set together with what is in force. What is told of rules, and of what is allowed beyond need, is
// of the set alone.
func judgeAll(ctx context.Context, in Input, set policy.PolicySet, spaces []Namespace) (verify.Report, error) {
	own, err := judge(ctx, in, set, spaces)
	if err != nil || in.InForce == nil {
		return own, err
	}
	if err := in.InForce.free(set); err != nil {
		return own, err
	}
	both, err := judge(ctx, in, in.InForce.Set.Apply(set), spaces)
	both.Unused, both.Idle, both.Open, both.Over = own.Unused, own.Idle, own.Open, own.Over
	return both, err
}
