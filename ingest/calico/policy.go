package calico

import (
	"bytes"
	"math"
	"strconv"

	"sluice/ingest/scan"
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
	decider decider // none where it is not in force
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

// readTrace reads the traces of a record, an object that is valid.
func readTrace(policies []byte) (t trace) {
	b := policies[:cap(policies)]
	if len(b)-len(policies) < scan.Slack/2 {
		b = append(bytes.Clone(policies), make([]byte, scan.Slack)...)
	}
	var enforced, pending, all last
	var deciders []byte
	eachMember(b, 0, func(key []byte, i int) int {
		list, end := hits(b, i, &deciders)
		switch string(key) {
		case "enforced_policies", "enforcedPolicies", "enforced":
			enforced = list
		case "pending_policies", "pendingPolicies", "pending":
			pending = list
		case "all_policies":
			all = list
		}
		return end
	})
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
	t.deciders = string(deciders)
	return t
}

// hits reads the list of a trace, whose deciders it adds, and returns the index behind it.
func hits(b []byte, i int, deciders *[]byte) (list last, end int) {
	list.given = b[i] != 'n'
	if b[i] != '[' {
		return list, scan.Skip(b, i, 0)
	}
	end = eachElement(b, i, func(i int) (end int) {
		var h hit
		switch b[i] {
		case '"':
			end = scan.TextEnd(b, i+1)
			h = textHit(unquote(b[i:end]))
		case '{':
			h, end = objectHit(b, i)
		default:
			end = scan.Skip(b, i, 0)
		}
		*deciders = h.decider.appendTo(*deciders)
		list.add(&h)
		return end
	})
	return list, end
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

var (
	bar          = []byte("|")
	stagedMark   = []byte("staged:")
	stagedKinds  = [][]byte{[]byte("snp:"), []byte("sgnp:"), []byte("sknp:")}
	profileMarks = [][]byte{[]byte("__PROFILE__.kns."), []byte("pro:kns.")}
)

// textHit reads Enterprise's "<index>|<tier>|<name>|<action>|<rule>".
func textHit(s []byte) (h hit) {
	var p [5][]byte
	for n := range p {
		var more bool
		if p[n], s, more = bytes.Cut(s, bar); more == (n == len(p)-1) {
			return h
		}
	}
	index, err := strconv.ParseInt(string(p[0]), 10, 64)
	h = hit{counts: err == nil, index: index, deny: bytes.EqualFold(p[3], []byte("deny")), staged: staged(p[2]),
		profile: hasPrefix(p[2], profileMarks), rule: !bytes.HasPrefix(p[4], []byte("-"))}
	if !h.staged && !h.profile {
		h.decider = textDecider(p[1], p[2])
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

// whole returns a text, which may be a number that tools on the way have made a float (9.0, 1e1), as a whole number.
func whole(t []byte) []byte {
	if len(t) == 0 || t[0]-'0' > 9 || !bytes.ContainsAny(t, ".eE") {
		return t
	}
	f, err := strconv.ParseFloat(string(t), 64)
	if n := int64(f); err == nil && math.Abs(f) < 1<<53 && float64(n) == f {
		return strconv.AppendInt(nil, n, 10)
	}
	return t
}

// objectHit reads Goldmane's PolicyHit and Whisker's form of it, and returns the index behind it. What ended a tier
// names the policy that led there.
func objectHit(b []byte, i int) (h hit, end int) {
	h = hit{counts: true}
	var kind, ns, tier, name, action, rule []byte
	triggered, by := false, decider{}
	end = eachMember(b, i, func(key []byte, i int) int {
		if b[i] == '{' && string(key) == "trigger" {
			trigger, end := objectHit(b, i)
			if !triggered {
				triggered, by = true, trigger.decider
			}
			return end
		}
		t, end := textAt(b, i)
		switch string(key) {
		case "kind":
			kind = whole(t)
		case "namespace":
			ns = t
		case "tier":
			tier = t
		case "name":
			name = t
		case "action":
			action = whole(t)
		case "policy_index", "policyIndex":
			h.index, _ = strconv.ParseInt(string(whole(t)), 10, 64)
		case "rule_index", "ruleIndex": // -1 at the end of a tier, -2 where it is not known
			rule = t
		}
		return end
	})
	h.deny = string(action) == "2" || bytes.EqualFold(action, []byte("deny"))
	h.rule = string(kind) != "10" && string(kind) != "EndOfTier" && !bytes.HasPrefix(rule, []byte("-"))
	h.profile = (string(kind) == "9" || string(kind) == "Profile") && bytes.HasPrefix(name, []byte("kns."))
	if triggered {
		h.decider = by
	} else if known := deciderKinds[string(kind)]; known != "" {
		h.decider = newDecider(known, ns, tier, name)
	}
	return h, end
}
