package run

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// VerifyConfig says how policies are judged.
type VerifyConfig struct {
	CNI        string   // as this plugin decides; "": as the one that wrote the flows
	Namespaces []string // that the policies are for; nil: where they are
	Cluster    string   // that they are for, where the log has several
}

// Verify replays a log through policies.
func Verify(ctx context.Context, l *Log, p *Policies, cfg VerifyConfig) (verify.Report, error) {
	defer sparing(len(l.Graph.Edges))()
	judge, err := l.judging(p, cfg)
	if err != nil {
		return verify.Report{}, err
	}
	r, err := verify.Verify(ctx, l.Graph, p.Set, judge)
	p.note(&r)
	return r, err
}

// judging says how policies are judged by a log.
func (l *Log) judging(p *Policies, cfg VerifyConfig) (verify.Config, error) {
	sem, err := l.Semantics(cfg.CNI)
	if err != nil {
		return verify.Config{}, err
	}
	judge := verify.Config{
		Semantics:  sem,
		Namespaces: cfg.Namespaces,
		Cluster:    cfg.Cluster,
		Networks:   map[string][]netip.Prefix{},
		Logged:     l.Report.Logged,
		Versions:   l.versions(),
	}
	for _, n := range l.Config.Networks {
		judge.Networks[n.Name] = n.CIDRs
	}
	judge.Nodes = judge.Networks[synth.NodesNetwork]
	if judge.Cluster == UnnamedCluster {
		judge.Cluster = ""
	}
	if p.Bundle != nil {
		bundle.Expect(l.Graph, p.Bundle, &judge)
	}
	return judge, nil
}

// note tells a report of the files that the policies came from.
func (p *Policies) note(r *verify.Report) {
	r.Unread, r.Edited = render.Unread(p.Problems), p.Hands.Changed()
	if p.Bundle != nil {
		r.AsOf = p.Bundle.AsOf
	} else {
		r.Nameless = nameless(&p.Set)
	}
	r.Unenforced = unenforced(&p.Set, r.Semantics)
}

// unenforced are the policies of kinds that a plugin does not read.
func unenforced(set *policy.PolicySet, sem eval.Semantics) []string {
	var out []string
	for i := range set.Policies {
		if q := &set.Policies[i]; sem.Enforced(q, &set.Manifests) == model.No {
			out = append(out, policyText(q))
		}
	}
	slices.Sort(out)
	return out
}

// nameless are the policies of Cilium that allow by DNS names where none of the set sends questions of DNS through the
// proxy: its agents know no address of a name then. A bundle writes that itself.
func nameless(set *policy.PolicySet) []string {
	if set.Manifests.ByDNSProxy {
		return nil
	}
	var out []string
	for i := range set.Policies {
		p := &set.Policies[i]
		if strings.HasPrefix(p.Kind, "cilium.io/") && slices.ContainsFunc(p.Rules, func(r policy.Rule) bool {
			return slices.ContainsFunc(r.Peers, func(q policy.Peer) bool { return q.Kind == policy.PeerFQDN })
		}) {
			out = append(out, policyText(p))
		}
	}
	slices.Sort(out)
	return out
}

// Failed is the error for what failOn names of a report, nil for nothing.
func Failed(r *verify.Report, failOn []string) error { return found(r.Failed(failOn)) }

// Findings is Failed with what is known of the files that the policies came from.
func (p *Policies) Findings(r verify.Report, failOn []string) error {
	p.note(&r) // nothing was replayed, perhaps
	return Failed(&r, failOn)
}
