package calico

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"sluice/model"
)

// hit is one policy of a trace: the policy that decided in a tier.
type hit struct {
	counts  bool // it can be read
	index   int64
	deny    bool
	profile bool // the profile of a namespace: no policy decided
	rule    bool // a rule decided, and not the end of a tier
	staged  bool
	decider string // as model.Flow.Policies has it, "" for none that is in force
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
func readTrace(policies []byte) (t trace) {
	var enforced, pending, all last
	for k, v := range members(policies) {
		var list last
		for h := range hits(v) {
			if h.decider != "" && !strings.Contains(h.decider, "\x00") {
				t.deciders += h.decider + "\x00"
			}
			list.add(&h)
		}
		list.given = kindOf(v) != 0
		switch string(k) {
		case "enforced_policies", "enforcedPolicies", "enforced":
			enforced = list
		case "pending_policies", "pendingPolicies", "pending":
			pending = list
		case "all_policies":
			all = list
		}
	}
	if !enforced.given {
		enforced = all // Enterprise before 3.20; staged policies among them are not enforced
	}
	if h := enforced.inForce; h.counts {
		t.rule = h.deny && h.rule
		if h.profile && !h.deny {
			t.marks |= model.MarkProfile
		}
	}
	if h := pending.any; h.counts && h.deny {
		t.marks |= model.MarkStagedDeny
	}
	return t
}

// last are the hits of a list with the largest index, which decided: Enterprise lists hits in any order. Of equal ones
// the later counts.
type last struct {
	given        bool
	any, inForce hit
}

func (l *last) add(h *hit) {
	if h.counts && (!l.any.counts || h.index >= l.any.index) {
		l.any = *h
	}
	if h.counts && !h.staged && (!l.inForce.counts || h.index >= l.inForce.index) {
		l.inForce = *h
	}
}

func hits(trace []byte) iter.Seq[hit] {
	return func(yield func(hit) bool) {
		if kindOf(trace) != '[' {
			return
		}
		for v := range elements(trace) {
			var h hit
			switch kindOf(v) {
			case '"':
				h = textHit(unquote(v))
			case '{':
				h = objectHit(v)
			}
			if !yield(h) {
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
func textHit(s []byte) (h hit) {
	p := bytes.Split(s, bar)
	if len(p) != 5 {
		return h
	}
	index, err := strconv.ParseInt(string(p[0]), 10, 64)
	h = hit{counts: err == nil, index: index, deny: bytes.EqualFold(p[3], []byte("deny")), staged: staged(p[2]),
		profile: hasPrefix(p[2], profileMarks), rule: !bytes.HasPrefix(p[4], []byte("-"))}
	if !h.staged && !h.profile {
		h.decider = textDecider(string(p[1]), string(p[2]))
	}
	return h
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

// objectHit reads Goldmane's PolicyHit and Whisker's form of it. What ended a tier names the policy that led there.
func objectHit(v []byte) hit {
	h := hit{counts: true}
	var kind, ns, tier, name, action, rule, trigger []byte
	for k, v := range members(v) {
		t, _ := text(v)
		switch string(k) {
		case "kind":
			kind = t
		case "namespace":
			ns = t
		case "tier":
			tier = t
		case "name":
			name = t
		case "action":
			action = t
		case "policy_index", "policyIndex":
			h.index, _ = strconv.ParseInt(string(t), 10, 64)
		case "rule_index", "ruleIndex": // -1 at the end of a tier, -2 where it is not known
			rule = t
		case "trigger":
			if kindOf(v) == '{' && trigger == nil {
				trigger = v
			}
		}
	}
	h.deny = string(action) == "2" || bytes.EqualFold(action, []byte("deny"))
	h.rule = string(kind) != "10" && string(kind) != "EndOfTier" && !bytes.HasPrefix(rule, []byte("-"))
	h.profile = (string(kind) == "9" || string(kind) == "Profile") && bytes.HasPrefix(name, []byte("kns."))
	if trigger != nil {
		h.decider = objectHit(trigger).decider
	} else if known := deciderKinds[string(kind)]; known != "" {
		h.decider = deciderName(known, string(ns), string(tier), string(name))
	}
	return h
}
