package bundle

import (
	"fmt"
	"slices"

	"sluice/synth/policy"
)

// InForce are the policies that a cluster has already, where a bundle holds only what is missing beside them.
type InForce struct {
	Set policy.PolicySet
	// Unsure are those that the network plugin may not read: what they alone allow is learned all the same.
	Unsure []string
}

// Beside names in a manifest the policies without which the bundle does not hold.
type Beside struct {
	Policies []string `json:"policies"`         // kind, namespace and name, sorted
	Granted  int      `json:"granted"`          // ends of needed edges that they let pass by themselves
	Unsure   []string `json:"unsure,omitempty"` // those that the network plugin may not read: they let nothing pass
}

// beside is what the manifest says of them.
func (f *InForce) beside(granted []policy.ByDirection[bool]) *Beside {
	if f == nil {
		return nil
	}
	set := f.Set
	set.Policies = nil
	for i := range f.Set.Policies {
		if !f.Set.Policies[i].Staged {
			set.Policies = append(set.Policies, f.Set.Policies[i])
		}
	}
	b := &Beside{Policies: Names(set), Unsure: f.Unsure}
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

func only(p policy.Policy) policy.PolicySet { return policy.PolicySet{Policies: []policy.Policy{p}} }

func nameOf(p *policy.Policy) string { return fmt.Sprintf("%s %s/%s", p.Kind, p.Namespace, p.Name) }
