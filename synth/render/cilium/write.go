package cilium

import (
	"fmt"
	"slices"
	"strings"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// write writes one file for each policy and each named network, by namespace and name, and says what the dialect
// cannot say. Every object carries the labels, each "key=value". Equal sets give the same bytes. A name that the API
// would refuse is an error, as it would not even be a safe file name. With logs every rule asks the data plane to log
// its use.
//
// Where a policy allows names, the rules for port 53 of its namespace let the agent watch the answers: without that
// Cilium never learns an address of a name.
func write(set policy.PolicySet, logs bool, labels []string) ([]render.File, []render.Loss, error) {
	set, lost := Project(set)
	watched := namespacesWithNames(set)
	carried := render.LabelMap(labels)
	files, err := render.Files(set, func(p *policy.Policy) any {
		w := writer{watched[""] || watched[p.Namespace], carried}
		if logs && len(p.Rules) > 0 {
			return w.logged(p)
		}
		return w.object(p)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, n := range set.Networks {
		text, err := render.Marshal(
			cidrGroup{apiVersion, kindGroup, metadata{Name: n.Name, Labels: carried}, groupSpec{texts(n.CIDRs)}},
		)
		if err != nil {
			return nil, nil, fmt.Errorf("render network %s: %w", n.Name, err)
		}
		files = append(files, render.File{Name: "network-" + n.Name, YAML: text})
	}
	slices.SortFunc(files, func(a, b render.File) int { return strings.Compare(a.Path(), b.Path()) })
	return files, lost, nil
}

// namespacesWithNames are those where some policy allows a name; "" is a policy of the whole cluster.
func namespacesWithNames(set policy.PolicySet) map[string]bool {
	out := map[string]bool{}
	for _, p := range set.Policies {
		for _, r := range p.Rules {
			if len(r.Peers) > 0 && r.Peers[0].Kind == policy.PeerFQDN {
				out[p.Namespace] = true
			}
		}
	}
	return out
}
