package bundle

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sluice/synth"
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// InForce are the policies that a cluster has already, where a bundle holds only what is missing beside them.
type InForce struct {
	Set policy.PolicySet
}

// Beside names in a manifest the policies without which the bundle does not hold.
type Beside struct {
	Policies []string `json:"policies"` // kind, namespace and name, sorted
	Granted  int      `json:"granted"`  // ends of needed edges that they let pass by themselves
}

// beside is what the manifest says of them.
func (f *InForce) beside(granted []policy.ByDirection[bool]) *Beside {
	if f == nil {
		return nil
	}
	b := &Beside{Policies: Names(f.Set)}
	for i := range granted {
		for _, d := range policy.Directions() {
			if *granted[i].At(d) {
				b.Granted++
			}
		}
	}
	return b
}

// Names are the kinds, namespaces and names of the policies of a set, sorted.
func Names(set policy.PolicySet) []string {
	var out []string
	for i := range set.Policies {
		out = append(out, nameOf(&set.Policies[i]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Lacking are those of the policies beside which a bundle holds that a set does not have.
func (b *Beside) Lacking(set policy.PolicySet) []string {
	have := Names(set)
	return slices.DeleteFunc(slices.Clone(b.Policies), func(name string) bool { return slices.Contains(have, name) })
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

// free reports an error where a policy of a set bears the name of one in force, and would replace it.
func (f *InForce) free(set policy.PolicySet) error {
	for _, p := range set.Policies {
		for _, q := range f.Set.Policies {
			if p.Kind == q.Kind && p.Namespace == q.Namespace && p.Name == q.Name && !only(p).Equal(only(q)) {
				return fmt.Errorf("%s is in force already and would be replaced: choose another namePrefix in sluice.yaml", nameOf(&p))
			}
		}
	}
	return nil
}

// taken names what the cluster has already under a name that the bundle uses, and that is not of this bundle: kind,
// namespace and name, sorted by them.
func (w *written) taken(in *Input) []synth.Taken {
	kinds, names := map[string]bool{}, map[string]bool{}
	for _, p := range w.set.Policies {
		kinds[p.Kind] = true
	}
	for _, ns := range append(in.Result.Namespaces(), "") {
		for _, f := range forms {
			for _, p := range f.of(in.Result, ns) {
				names[p.Namespace+"/"+p.Name] = true
			}
		}
	}
	var out []synth.Taken
	for i := range in.Cluster.Policies {
		q := &in.Cluster.Policies[i]
		if kinds[q.Kind] && names[q.Namespace+"/"+q.Name] && q.Bundle != in.name() {
			out = append(out, synth.Taken{Namespace: q.Namespace, What: nameOf(q)})
		}
	}
	for _, q := range in.Cluster.Networks {
		for _, p := range w.set.Networks {
			if p.Name == q.Name && !slices.Equal(p.CIDRs, q.CIDRs) {
				out = append(out, synth.Taken{What: "network " + q.Name})
			}
		}
	}
	slices.SortFunc(out, func(a, b synth.Taken) int { return cmp.Compare(a.What, b.What) })
	return slices.Compact(out)
}

func only(p policy.Policy) policy.PolicySet { return policy.PolicySet{Policies: []policy.Policy{p}} }

func nameOf(p *policy.Policy) string { return fmt.Sprintf("%s %s/%s", p.Kind, p.Namespace, p.Name) }
