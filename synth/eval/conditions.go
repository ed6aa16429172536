package eval

import (
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// Labels are compared once for each end and condition, not once for each rule and connection: every condition on labels
// that a peer of some rule has gets a number, an end knows by number which of them it meets, and a rule asks for that.

// conditions numbers the conditions on one kind of labels.
type conditions struct {
	numbers map[string]int
	equal   map[string][]int // by label, "key=value": those of In that it meets
	others  []policy.Requirement
	at      []int // the numbers of others
}

// number is that of a condition.
func (c *conditions) number(r *policy.Requirement) int {
	var room [256]byte // most need no more
	key := append(append(room[:0], r.Key...), 0)
	key = append(key, r.Op.String()...)
	for _, v := range r.Values {
		key = append(append(key, 0), v...)
	}
	n, ok := c.numbers[string(key)]
	if ok {
		return n
	}
	if c.numbers == nil {
		c.numbers, c.equal = map[string]int{}, map[string][]int{}
	}
	n = len(c.numbers)
	c.numbers[string(key)] = n
	if r.Op != policy.In {
		c.others, c.at = append(c.others, *r), append(c.at, n)
		return n
	}
	for _, v := range r.Values {
		label := r.Key + "=" + v
		if !slices.Contains(c.equal[label], n) {
			c.equal[label] = append(c.equal[label], n)
		}
	}
	return n
}

// met are the conditions that some labels meet: a list of numbers in order, or a bit each where that takes less.
type met struct {
	list []int32
	bits []uint64
}

// listOf lists those that labels meet, in any order.
func (c *conditions) listOf(labels model.Labels) []int32 {
	var list []int32
	for _, l := range labels {
		if !strings.Contains(l, "=") {
			l += "="
		}
		for _, n := range c.equal[l] {
			list = append(list, int32(n))
		}
	}
	for i := range c.others {
		if c.others[i].Matches(labels) {
			list = append(list, int32(c.at[i]))
		}
	}
	return list
}

// metOf takes a list of numbers, of so many that there are.
func metOf(list []int32, of int) met {
	const aNumber, aWord = 4, 8 // bytes
	words := (of + 63) / 64
	if len(list)*aNumber < words*aWord {
		slices.Sort(list)
		return met{list: list}
	}
	m := met{bits: make([]uint64, words)}
	for _, n := range list {
		m.bits[n/64] |= 1 << (n % 64)
	}
	return m
}

// all reports whether all of the conditions are met.
func (m met) all(conditions []int) bool {
	for _, n := range conditions {
		if m.bits != nil {
			if m.bits[n/64]&(1<<(n%64)) == 0 {
				return false
			}
		} else if _, ok := slices.BinarySearch(m.list, int32(n)); !ok {
			return false
		}
	}
	return true
}

// any reports whether one of the conditions is met; they are sorted.
func (m met) any(conditions []int32) bool {
	if m.bits != nil {
		return slices.ContainsFunc(conditions, func(n int32) bool { return m.bits[n/64]&(1<<(n%64)) != 0 })
	}
	few, many := m.list, conditions
	if len(few) > len(many) {
		few, many = many, few
	}
	for _, n := range few {
		if _, ok := slices.BinarySearch(many, n); ok {
			return true
		}
	}
	return false
}

// odd reports whether a condition is about more than the labels that an end has: whether it is met may not be known
// though they are.
func odd(r policy.Requirement) bool {
	switch r.Key {
	case ciliumAccount, policy.ClusterName, calicoAccount:
		return true
	}
	return r.Op == policy.Either || strings.HasPrefix(r.Key, accountPrefix) || strings.HasPrefix(r.Key, namespacePrefix)
}

// ciliumAccount is the label by which Cilium finds pods of a service account.
const ciliumAccount = "io.cilium.k8s.policy.serviceaccount"
