package calico

import (
	"slices"
	"strings"

	"sluice/synth/policy"
)

// SelectorText writes a selector in Calico's language; what it writes, ParseSelector reads back.
func SelectorText(s policy.Selector) string {
	if len(s) == 0 {
		return "all()"
	}
	if isNever(s) {
		return "!all()"
	}
	var terms []string
	for _, r := range s {
		text := requirementText(r)
		if r.Op == policy.Either && len(s) > 1 {
			text = "(" + text + ")"
		}
		terms = append(terms, text)
	}
	return strings.Join(terms, " && ")
}

func requirementText(r policy.Requirement) string {
	switch r.Op {
	case policy.In, policy.NotIn:
		return setText(r)
	case policy.Exists:
		return "has(" + r.Key + ")"
	case policy.DoesNotExist:
		return "!has(" + r.Key + ")"
	case policy.Contains, policy.StartsWith, policy.EndsWith:
		return r.Key + " " + verbs[r.Op] + " " + quoted(r.Values[0])
	case policy.NotContains, policy.NotStartsWith, policy.NotEndsWith:
		return "!(" + r.Key + " " + verbs[r.Op-1] + " " + quoted(r.Values[0]) + ")"
	default:
	}
	var list []string
	for _, s := range r.Any {
		text := SelectorText(s)
		if len(s) > 1 {
			text = "(" + text + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, " || ")
}

var verbs = map[policy.Op]string{
	policy.Contains:   "contains",
	policy.StartsWith: "starts with",
	policy.EndsWith:   "ends with",
}

func setText(r policy.Requirement) string {
	in := r.Op == policy.In
	if len(r.Values) == 1 {
		return r.Key + map[bool]string{true: " == ", false: " != "}[in] + quoted(r.Values[0])
	}
	var values []string
	for _, v := range r.Values {
		values = append(values, quoted(v))
	}
	return r.Key + map[bool]string{true: " in ", false: " not in "}[in] + "{" + strings.Join(values, ", ") + "}"
}

func quoted(v string) string {
	if strings.Contains(v, "'") {
		return `"` + v + `"`
	}
	return "'" + v + "'"
}

// sayable reports whether the language can write the selector: labels have few characters, values one kind of quotes.
func sayable(s policy.Selector) bool {
	return !slices.ContainsFunc(s, func(r policy.Requirement) bool {
		if r.Op == policy.Either {
			return slices.ContainsFunc(r.Any, func(s policy.Selector) bool { return !sayable(s) })
		}
		for i := range len(r.Key) {
			if !labelChar(r.Key[i]) {
				return true
			}
		}
		return r.Key == "" || len(r.Key) > maxLabel || slices.ContainsFunc(r.Values, func(v string) bool {
			return strings.Contains(v, "'") && strings.Contains(v, `"`) || strings.ContainsAny(v, "\n\r")
		})
	})
}
