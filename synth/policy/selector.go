package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// NamespaceName is the label that every namespace has its own name in.
const NamespaceName = "kubernetes.io/metadata.name"

// ClusterName is the label that Cilium gives every pod the name of its cluster in.
const ClusterName = "io.cilium.k8s.policy.cluster"

// Op is the operator of a Requirement.
type Op uint8

// The operators. NotIn and DoesNotExist match where the key is absent.
const (
	In Op = iota
	NotIn
	Exists
	DoesNotExist
	// The rest is Calico's. The negated ones match where the key is absent.
	Contains // one value each
	NotContains
	StartsWith
	NotStartsWith
	EndsWith
	NotEndsWith
	Either // one of Any; it has no key
)

// String is the operator as Kubernetes writes it, or would.
func (o Op) String() string {
	return [...]string{"In", "NotIn", "Exists", "DoesNotExist", "Contains", "NotContains", "StartsWith", "NotStartsWith",
		"EndsWith", "NotEndsWith", "Either"}[o]
}

// ParseOp is the reverse of Op.String.
func ParseOp(s string) (Op, bool) {
	for o := In; o <= DoesNotExist; o++ {
		if o.String() == s {
			return o, true
		}
	}
	return 0, false
}

// Requirement is one condition on a label. A label of matchLabels is In with one value.
type Requirement struct {
	Key    string
	Op     Op
	Values []string // In and NotIn: at least one, save that Calico writes sets of none; Contains and the like: one
	Any    []Selector
}

// Selector is a set of conditions that must all hold. The empty selector selects everything, as in Kubernetes: who
// wants to select nothing has no peer.
type Selector []Requirement

// MatchLabels is the selector that wants each key to have its value.
func MatchLabels(labels map[string]string) Selector {
	s := make(Selector, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		s = append(s, Requirement{Key: k, Values: []string{labels[k]}})
	}
	return s
}

// Namespace selects the namespaces of the given names, at least one.
func Namespace(names ...string) Selector {
	return Selector{{Key: NamespaceName, Values: names}}.Canonical()
}

// Matches reports whether labels meet every requirement.
func (s Selector) Matches(labels model.Labels) bool {
	for i := range s {
		if !s[i].Matches(labels) {
			return false
		}
	}
	return true
}

// Matches reports whether labels meet the requirement.
func (r *Requirement) Matches(labels model.Labels) bool {
	v, has := labels.Get(r.Key)
	switch r.Op {
	case In:
		return has && slices.Contains(r.Values, v)
	case NotIn:
		return !has || !slices.Contains(r.Values, v)
	case Exists:
		return has
	case DoesNotExist:
		return !has
	case Either:
		return slices.ContainsFunc(r.Any, func(s Selector) bool { return s.Matches(labels) })
	default:
		return r.matchesText(v, has)
	}
}

// matchesText is Matches for the operators that look into a value.
func (r *Requirement) matchesText(v string, has bool) bool {
	switch r.Op {
	case Contains, NotContains:
		return (has && strings.Contains(v, r.Values[0])) == (r.Op == Contains)
	case StartsWith, NotStartsWith:
		return (has && strings.HasPrefix(v, r.Values[0])) == (r.Op == StartsWith)
	default:
		return (has && strings.HasSuffix(v, r.Values[0])) == (r.Op == EndsWith)
	}
}

// Plain reports whether the selector has only operators that Kubernetes has too.
func (s Selector) Plain() bool {
	return !slices.ContainsFunc(s, func(r Requirement) bool {
		return r.Op > DoesNotExist || len(r.Values) == 0 && r.Op <= NotIn
	})
}

// Canonical returns the selector with requirements and values sorted and repetitions removed; nil when empty.
func (s Selector) Canonical() Selector {
	switch {
	case len(s) == 0:
		return nil
	case s.canonical():
		return slices.Clip(s)
	}
	out := make(Selector, len(s))
	for i, r := range s {
		out[i] = Requirement{r.Key, r.Op, sortedSet(r.Values, cmp.Compare[string]), nil}
		for _, t := range r.Any {
			out[i].Any = append(out[i].Any, t.Canonical())
		}
		out[i].Any = makeSet(out[i].Any, Selector.Compare)
	}
	return makeSet(out, compareRequirements)
}

// canonical reports whether Canonical would change nothing.
func (s Selector) canonical() bool {
	if len(s) == 0 {
		return s == nil
	}
	for i := range s {
		r := &s[i]
		if i > 0 && compareRequirement(&s[i-1], r) >= 0 || !isSet(r.Values, cmp.Compare[string]) ||
			!isSet(r.Any, Selector.Compare) {
			return false
		}
		for _, t := range r.Any {
			if !t.canonical() {
				return false
			}
		}
	}
	return true
}

// Compare orders canonical selectors.
func (s Selector) Compare(t Selector) int { return slices.CompareFunc(s, t, compareRequirements) }

func compareRequirements(a, b Requirement) int { return compareRequirement(&a, &b) }

func compareRequirement(a, b *Requirement) int {
	if c := cmp.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(a.Op, b.Op), slices.Compare(a.Values, b.Values)); c != 0 {
		return c
	}
	return slices.CompareFunc(a.Any, b.Any, Selector.Compare)
}
