package calico

import (
	"bytes"
	"iter"
	"strconv"

	"sluice/model"
)

// hit is one policy of a trace: the policy that decided in a tier.
type hit struct {
	index   int64
	deny    bool
	profile bool // the profile of a namespace: no policy decided
	rule    bool // a rule decided, and not the end of a tier
}

// fillMarks sets what the policy traces tell beside the verdict. The verdict itself is never taken from them, so
// a hit of a form not known yet is passed over.
func (d *Decoder) fillMarks() *rejection {
	f := &d.flow
	switch kindOf(d.rec.raw(policies)) {
	case '{':
	case 0:
		return nil
	default:
		if t, ok := text(d.rec.raw(policies)); ok && t == nil {
			return nil
		}
		return badValue("policies is no object")
	}
	t := d.traces.of(d.rec.raw(policies), d.rec.same[longPolicies])
	d.decided = append(d.decided[:0], t.deciders...)
	f.Policies = d.decided
	switch {
	case f.Verdict == model.Forwarded:
		f.Marks |= t.marks
	case f.Verdict == model.Dropped && t.rule:
		f.Drop = model.DropRule
	}
	return nil
}

// readTrace reads the traces of a record.
func readTrace(policies []byte) trace {
	t := trace{deciders: decidersOf(policies)}
	var enforced, pending, all []byte
	for k, v := range members(policies) {
		switch string(k) {
		case "enforced_policies", "enforcedPolicies", "enforced":
			enforced = v
		case "pending_policies", "pendingPolicies", "pending":
			pending = v
		case "all_policies":
			all = v
		}
	}
	if kindOf(enforced) == 0 {
		enforced = all // Enterprise before 3.20; staged policies among them are not enforced
	}
	if h, ok := lastHit(enforced, true); ok {
		t.rule = h.deny && h.rule
		if h.profile && !h.deny {
			t.marks |= model.MarkProfile
		}
	}
	if h, ok := lastHit(pending, false); ok && h.deny {
		t.marks |= model.MarkStagedDeny
	}
	return t
}

// lastHit is the hit of the largest index, the one that decided: Enterprise lists hits in any order. Of equal ones
// the later counts.
func lastHit(trace []byte, skipStaged bool) (last hit, ok bool) {
	for h := range hits(trace, skipStaged) {
		if !ok || h.index >= last.index {
			last, ok = h, true
		}
	}
	return last, ok
}

func hits(trace []byte, skipStaged bool) iter.Seq[hit] {
	return func(yield func(hit) bool) {
		if kindOf(trace) != '[' {
			return
		}
		for v := range elements(trace) {
			var h hit
			var ok bool
			switch kindOf(v) {
			case '"':
				h, ok = textHit(unquote(v), skipStaged)
			case '{':
				h, ok = objectHit(v)
			}
			if ok && !yield(h) {
				return
			}
		}
	}
}

var (
	bar          = []byte("|")
	stagedMark   = []byte("staged:")
	stagedKinds  = [][]byte{[]byte("snp:"), []byte("sgnp:"), []byte("sknp:")}
	profileMarks = [][]byte{[]byte("__PROFILE__.kns."), []byte("pro:kns.")}
)

// textHit reads Enterprise's "<index>|<tier>|<name>|<action>|<rule>".
func textHit(s []byte, skipStaged bool) (hit, bool) {
	p := bytes.Split(s, bar)
	if len(p) != 5 || skipStaged && staged(p[2]) {
		return hit{}, false
	}
	index, err := strconv.ParseInt(string(p[0]), 10, 64)
	if err != nil {
		return hit{}, false
	}
	return hit{index: index, deny: bytes.EqualFold(p[3], []byte("deny")), profile: hasPrefix(p[2], profileMarks),
		rule: !bytes.HasPrefix(p[4], []byte("-"))}, true
}

// staged policies are marked before the tier or before the name.
func staged(name []byte) bool {
	return bytes.Contains(name, stagedMark) || hasPrefix(name, stagedKinds)
}

func hasPrefix(s []byte, prefixes [][]byte) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// objectHit reads Goldmane's PolicyHit and Whisker's form of it.
func objectHit(v []byte) (h hit, ok bool) {
	var kind, name, action, rule []byte
	for k, v := range members(v) {
		t, _ := text(v)
		switch string(k) {
		case "kind":
			kind = t
		case "name":
			name = t
		case "action":
			action = t
		case "policy_index", "policyIndex":
			h.index, _ = strconv.ParseInt(string(t), 10, 64)
		case "rule_index", "ruleIndex": // -1 at the end of a tier, -2 where it is not known
			rule = t
		}
	}
	h.deny = string(action) == "2" || bytes.EqualFold(action, []byte("deny"))
	h.rule = string(kind) != "10" && string(kind) != "EndOfTier" && !bytes.HasPrefix(rule, []byte("-"))
	h.profile = (string(kind) == "9" || string(kind) == "Profile") && bytes.HasPrefix(name, []byte("kns."))
	return h, true
}
