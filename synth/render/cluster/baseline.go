package cluster

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// What is allowed in the tier Baseline comes before what denies a namespace, with room on both sides, and that before
// what denies those to come: it lets them ask a resolver. Policies with domain names come behind the others: Cilium
// lets their pods ask for these names only, where nothing before has let them ask for all.
const (
	allowPriority = 500
	namesPriority = allowPriority + 1
	denyPriority  = policy.LastPriority - 1
)

// lowered is a policy of a namespace as one of the tier Baseline. There a policy allows or denies and isolates nothing
// else: one without rules denies in its directions, one with rules allows them.
func lowered(p policy.Policy) policy.Policy {
	p.Tier = policy.BaselineTier
	order := float64(allowPriority)
	if slices.ContainsFunc(p.Rules, hasDomain) {
		order = namesPriority
	}
	if len(p.Rules) == 0 {
		order = denyPriority
		for _, d := range policy.Directions() {
			if p.Isolates(d) {
				p.Rules = append(p.Rules, policy.Rule{Direction: d, Action: policy.Deny, AnyPort: true, Peers: everyone(d)})
			}
		}
	}
	p.Order, p.Rules = &order, slices.Clone(p.Rules)
	for i := range p.Rules {
		if r := &p.Rules[i]; r.AnyPeer { // nothing denies what comes in from elsewhere
			r.Peers, r.AnyPeer = everyone(r.Direction), false
		}
	}
	return p
}

func hasDomain(r policy.Rule) bool {
	return slices.ContainsFunc(r.Peers, func(q policy.Peer) bool { return q.Kind == policy.PeerFQDN })
}

// everyone is whatever a rule of a direction can name.
func everyone(d model.Direction) []policy.Peer {
	pods := []policy.Peer{{Kind: policy.PeerPods}}
	if d == model.Ingress {
		return pods
	}
	return append(pods, policy.Everywhere()...)
}

// objectName is what the API server calls a policy: those of namespaces have their namespace in front, with a dot,
// which no namespace has.
func objectName(p *policy.Policy) string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "." + p.Name
}

// placed is the reverse of objectName: a policy of the tier Baseline that is for one namespace, and is called so, is
// one of that namespace.
func placed(p *policy.Policy) {
	namespace, name, ok := strings.Cut(p.Name, ".")
	if !ok || p.Tier != policy.BaselineTier || p.SubjectNamespaces.Compare(policy.Namespace(namespace)) != 0 {
		return
	}
	p.Namespace, p.Name, p.SubjectNamespaces = namespace, name, nil
}
