package eval_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// feature is something that objects for Calico can say. At gives the parts of an object that can have it, and change
// takes it out of one, or puts what it is not in its place; it is false where there is none. What decides nothing by
// its nature, as a rule that logs, becomes something that does. A verdict that is another then depended on it.
type feature struct {
	name   string
	at     func(o object) []object
	change func(part object) bool
}

// policySpecs returns the spec of a policy of Calico's.
func policySpecs(o object) []object {
	if kind, _ := o["kind"].(string); o["apiVersion"] != "projectcalico.org/v3" || !strings.HasSuffix(kind, "NetworkPolicy") || strings.Contains(kind, "Kubernetes") {
		return nil
	}
	return []object{o["spec"].(object)}
}

// itself returns an object of a kind.
func itself(kind string) func(o object) []object {
	return func(o object) []object {
		if o["kind"] == kind {
			return []object{o}
		}
		return nil
	}
}

// rulesOf returns the rules of a direction, "ingress" or "egress".
func rulesOf(direction string) func(o object) []object {
	return func(o object) (out []object) {
		for _, spec := range policySpecs(o) {
			list, _ := spec[direction].([]any)
			for _, r := range list {
				out = append(out, r.(object))
			}
		}
		return out
	}
}

func allRules(o object) []object { return append(rulesOf("ingress")(o), rulesOf("egress")(o)...) }

// endsOf returns one side of the rules of a direction, "source" or "destination".
func endsOf(direction, side string) func(o object) []object {
	return func(o object) (out []object) {
		for _, r := range rulesOf(direction)(o) {
			if e, ok := r[side].(object); ok {
				out = append(out, e)
			}
		}
		return out
	}
}

func allEnds(o object) (out []object) {
	for _, r := range allRules(o) {
		for _, side := range []string{"source", "destination"} {
			if e, ok := r[side].(object); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// put returns a change of a field where it has a value, to another one or to none.
func put(field string, from, to any) func(part object) bool {
	return func(part object) bool {
		v, ok := part[field]
		if !ok || from != nil && !reflect.DeepEqual(v, from) {
			return false
		}
		if part[field] = to; to == nil {
			delete(part, field)
		}
		return true
	}
}

// less takes the entries of a kind out of a list of ports, or makes the list one of a port that nobody has.
func less(field string, is func(p any) bool) func(part object) bool {
	return func(part object) bool {
		list, _ := part[field].([]any)
		rest := slices.DeleteFunc(slices.Clone(list), is)
		if len(rest) == len(list) {
			return false
		}
		part[field] = append(rest, float64(1))
		return true
	}
}

// operators are the signs of selectors with what to write for them instead.
var operators = []struct {
	name    string
	pattern string
	instead string
}{
	{"==", `[\w./-]+ == '[^']*'`, "all()"}, {"!=", `[\w./-]+ != '[^']*'`, "all()"}, {"in", `[\w./-]+ in \{'[^}]*\}`, "all()"}, {"not in", `[\w./-]+ not in \{'[^}]*\}`, "all()"},
	{"in {}", `[\w./-]+ in \{\}`, "all()"}, {"not in {}", `[\w./-]+ not in \{\}`, "!all()"}, {"has()", `(^|[^!])has\([^)]*\)`, "${1}all()"}, {"!has()", `!has\([^)]*\)`, "all()"},
	{"contains", `[\w./-]+ contains '[^']*'`, "all()"}, {"starts with", `[\w./-]+ starts with '[^']*'`, "all()"}, {"ends with", `[\w./-]+ ends with '[^']*'`, "all()"},
	{"&&", ` && .*`, ""}, {"||", ` \|\| .*`, ""}, {"!", `!\(`, "("}, {"all()", `all\(\)`, "!all()"},
	{"labels of the namespace", `pcns\.`, "none."}, {"labels of the service account", `pcsa\.`, "none."},
	{"the namespace's name", `projectcalico.org/namespace`, "none"}, {"the service account's name", `projectcalico.org/serviceaccount`, "none"},
}

// rewritten returns a change of the text of a field.
func rewritten(field, pattern, instead string) func(part object) bool {
	re := regexp.MustCompile(pattern)
	return func(part object) bool {
		was, _ := part[field].(string)
		now := re.ReplaceAllString(was, instead)
		part[field] = now
		return was != now
	}
}

func features() []feature {
	var list []feature
	add := func(name string, at func(o object) []object, change func(part object) bool) {
		list = append(list, feature{name, at, change})
	}
	for _, d := range []string{"ingress", "egress"} {
		for _, action := range []string{"Allow", "Deny", "Pass"} {
			add(action+" of "+d, rulesOf(d), put("action", action, "Log"))
		}
		add("Log of "+d, rulesOf(d), put("action", "Log", "Deny"))
		for _, side := range []string{"source", "destination"} {
			at, of := endsOf(d, side), side+" of "+d
			for _, field := range []string{"selector", "notSelector", "namespaceSelector", "nets", "notNets"} {
				add(field+" of the "+of, at, put(field, nil, nil))
			}
			for _, field := range []string{"names", "selector"} {
				add("serviceAccounts."+field+" of the "+of, at, func(part object) bool {
					accounts, _ := part["serviceAccounts"].(object)
					return accounts[field] != nil && put("serviceAccounts", nil, nil)(part)
				})
			}
			add("global() of the "+of, at, put("namespaceSelector", "global()", "all()"))
			if (side == "source") == (d == "ingress") {
				add("services of the "+of, at, put("services", nil, nil))
			}
		}
		for _, field := range []string{"ports", "notPorts"} {
			at := endsOf(d, "destination")
			add("numbers of "+field+" of "+d, at, less(field, func(p any) bool { _, is := p.(float64); return is }))
			add("ranges of "+field+" of "+d, at, less(field, func(p any) bool { s, is := p.(string); return is && strings.Contains(s, ":") }))
			add("names of "+field+" of "+d, at, less(field, func(p any) bool { s, is := p.(string); return is && !strings.Contains(s, ":") }))
		}
	}
	for _, p := range []any{"TCP", "UDP", "SCTP", "ICMP", "ICMPv6", 112.0, 6.0} {
		add(fmt.Sprint("protocol ", p), allRules, func(part object) bool {
			delete(part, "icmp")
			delete(part, "notICMP")
			return put("protocol", p, map[bool]any{true: "UDP", false: "TCP"}[p == "TCP" || p == 6.0])(part)
		})
	}
	for _, p := range []any{"TCP", "UDP", "ICMP", 112.0} {
		add(fmt.Sprint("notProtocol ", p), allRules, put("notProtocol", p, nil))
	}
	for _, field := range []string{"icmp", "notICMP"} {
		add(field, allRules, put(field, nil, nil))
	}
	add("code of icmp", allRules, func(part object) bool {
		m, _ := part["icmp"].(object)
		return m != nil && put("code", nil, nil)(m)
	})
	for _, v := range []any{4.0, 6.0} {
		add(fmt.Sprint("ipVersion ", v), allRules, put("ipVersion", v, nil))
	}
	// Policies as a whole.
	add("types Ingress", policySpecs, put("types", []any{"Ingress"}, []any{"Ingress", "Egress"}))
	add("types Egress", policySpecs, put("types", []any{"Egress"}, []any{"Ingress", "Egress"}))
	add("types Ingress and Egress", policySpecs, put("types", []any{"Ingress", "Egress"}, []any{"Ingress"}))
	add("no types", policySpecs, func(part object) bool {
		was := part["types"]
		part["types"] = []any{"Ingress", "Egress"}
		return was == nil
	})
	add("order", policySpecs, put("order", nil, nil))
	add("no order", policySpecs, func(part object) bool { was := part["order"]; part["order"] = 0; return was == nil })
	for _, field := range []string{"selector", "serviceAccountSelector", "namespaceSelector"} {
		add(field+" of the policy", policySpecs, put(field, nil, nil))
	}
	for _, kind := range []string{"NetworkPolicy", "GlobalNetworkPolicy"} {
		add(kind, itself(kind), put("kind", nil, "Staged"+kind))
		add("Staged"+kind, itself("Staged"+kind), put("kind", nil, kind))
		add("tier of a "+kind, itself(kind), func(o object) bool {
			meta := o["metadata"].(object)
			meta["name"] = strings.TrimPrefix(meta["name"].(string), "security.")
			return len(policySpecs(o)) > 0 && put("tier", nil, nil)(o["spec"].(object))
		})
	}
	add("NetworkPolicy of Kubernetes", itself("NetworkPolicy"), func(o object) bool {
		o["kind"] = "StagedKubernetesNetworkPolicy"
		return put("apiVersion", "networking.k8s.io/v1", "projectcalico.org/v3")(o)
	})
	add("StagedKubernetesNetworkPolicy", itself("StagedKubernetesNetworkPolicy"), func(o object) bool {
		o["apiVersion"], o["kind"] = "networking.k8s.io/v1", "NetworkPolicy"
		return true
	})
	// Tiers and network sets.
	specs := func(kind string) func(o object) []object {
		return func(o object) (out []object) {
			for _, x := range itself(kind)(o) {
				out = append(out, x["spec"].(object))
			}
			return out
		}
	}
	add("a tier that denies", specs("Tier"), put("defaultAction", "Deny", "Pass"))
	add("a tier that passes", specs("Tier"), put("defaultAction", "Pass", "Deny"))
	add("a tier before the default one", specs("Tier"), put("order", 10.0, 2e6))
	add("a tier behind the default one", specs("Tier"), put("order", 2e6, 10.0))
	for _, kind := range []string{"NetworkSet", "GlobalNetworkSet"} {
		add(kind, specs(kind), put("nets", nil, []any{}))
	}
	for _, op := range operators {
		for _, field := range []string{"selector", "namespaceSelector"} {
			change := rewritten(field, op.pattern, op.instead)
			if field == "namespaceSelector" && strings.Contains(op.name, "labels of") || strings.Contains(op.name, "'s name") {
				continue
			}
			add(op.name+" in the "+field+" of a policy", policySpecs, change)
			add(op.name+" in the "+field+" of a rule", allEnds, change)
		}
		if !strings.Contains(op.name, " ") {
			add(op.name+" in a notSelector", allEnds, rewritten("notSelector", op.pattern, op.instead))
		}
	}
	return list
}

// judged is a world as the features change it: its objects, and what each says.
type judged struct {
	*calicoWorld
	ends    []eval.Facts
	objects []object
	sets    []policy.PolicySet
	ours    [][2]string
}

// judge reads and decides a world, and reports whether nothing of it is refused.
func (w *calicoWorld) judge(ends []eval.Facts) (*judged, bool) {
	j := &judged{calicoWorld: w, ends: ends}
	for _, s := range w.Objects {
		var o object
		if err := json.Unmarshal([]byte(s), &o); err != nil {
			panic(err)
		}
		set, problems := readCalico(s)
		if refused(problems) {
			return nil, false
		}
		j.objects, j.sets = append(j.objects, o), append(j.sets, set)
	}
	j.ours = w.decide(joined(j.sets), ends)
	return j, true
}

func joined(list []policy.PolicySet) (out policy.PolicySet) {
	for _, s := range list {
		out.Join(s)
	}
	return out
}

// decides reports whether a verdict is another where the feature is taken out of one place.
func (x *feature) decides(w *judged) bool {
	for i, o := range w.objects {
		for part := range x.at(o) {
			o := cloned(o).(object)
			if !x.change(x.at(o)[part]) {
				continue
			}
			set, problems := readCalico(text(o))
			if refused(problems) {
				continue
			}
			sets := slices.Clone(w.sets)
			sets[i] = set
			if !reflect.DeepEqual(w.decide(joined(sets), w.ends), w.ours) {
				return true
			}
		}
	}
	return false
}

// cloned is a copy of what JSON gives, all of it.
func cloned(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, x := range v {
			out[k] = cloned(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = cloned(x)
		}
		return out
	}
	return v
}

// refused reports whether an object that is there was not taken over.
func refused(problems []render.Problem) bool {
	return slices.ContainsFunc(problems, func(p render.Problem) bool { return p.Severity >= render.Unsupported })
}

// TestCalicoFeatures: the random policies reach everything that is said to be supported: of every feature there are
// worlds in which a verdict depends on it.
func TestCalicoFeatures(t *testing.T) {
	ends, list := calicoEnds(), features()
	seen := &coverage{decided: map[string]int{}}
	for _, x := range list {
		seen.decided[x.name] = 0
	}
	var reached []string // with how many worlds that took
	for i := 0; i < 10_000 && len(list) > 0; i++ {
		random := randomCalico(i, ends)
		w, ok := random.judge(ends)
		if !ok {
			continue
		}
		list = slices.DeleteFunc(list, func(x feature) bool {
			if !x.decides(w) {
				return false
			}
			if seen.decided[x.name]++; seen.decided[x.name] < enough {
				return false
			}
			reached = append(reached, fmt.Sprintf("%s (%d)", x.name, i+1))
			return true
		})
	}
	t.Logf("verdicts of %d worlds depend on each, within so many: %s", enough, strings.Join(reached, ", "))
	seen.report(t)
}
