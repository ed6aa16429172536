package calico

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/model"
)

// TestDecider: a policy has the same name in every form, and no two have one.
func TestDecider(t *testing.T) {
	for _, c := range []struct{ policies, want string }{
		{`{"enforced_policies":[{"kind":1,"namespace":"shop","tier":"default","name":"default.web"}]}`,
			"projectcalico.org/v3 NetworkPolicy shop/web\x00"},
		{`{"all_policies":["0|default|shop/default.web|allow|0"]}`,
			"projectcalico.org/v3 NetworkPolicy shop/web\x00"},
		{`{"all_policies":["0|default|shop/knp.default.web|allow|0"]}`, "networking.k8s.io/v1 NetworkPolicy shop/web\x00"},
		{`{"enforced":[{"kind":"GlobalNetworkPolicy","name":"floor"}]}`, "projectcalico.org/v3 GlobalNetworkPolicy /floor\x00"},
		{`{"enforced":[{"kind":"CalicoNetworkPolicy","namespace":"shop/web","name":"x"}]}`, ""},
		{`{"enforced":[{"kind":"CalicoNetworkPolicy","namespace":"shop","name":"a\u0000b"}]}`, ""},
		{`{"all_policies":["0|default|a b/default.web|allow|0"]}`, ""},
	} {
		if got := readTrace([]byte(c.policies)).deciders; got != c.want {
			t.Errorf("%s: %q, want %q", c.policies, got, c.want)
		}
	}
}

// respelled writes a value with its keys in some order, blanks between all, and letters of its texts escaped by
// chance.
func respelled(r *rand.Rand, v any) string {
	var b bytes.Buffer
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for i, k := range keys {
			b.WriteString([]string{"{ ", " ,\n"}[min(i, 1)] + `"` + k + `" :` + "\t" + respelled(r, v[k]))
		}
		if len(keys) == 0 {
			b.WriteString("{")
		}
		return b.String() + " }"
	case []any:
		b.WriteString("[ ")
		for i, e := range v {
			b.WriteString([]string{"", " , "}[min(i, 1)] + respelled(r, e))
		}
		return b.String() + " ]"
	case float64:
		return fmt.Sprintf([]string{"%v", "%.1f", "%.1E"}[r.IntN(3)], v)
	case string:
		b.WriteString(`"`)
		for _, c := range v {
			if r.IntN(4) == 0 {
				b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
			} else {
				b.WriteRune(c)
			}
		}
		return b.String() + `"`
	}
	t, _ := json.Marshal(v)
	return string(t)
}

// TestTraceRespelled: what traces tell does not hang on the order of keys, on blanks or on escapes.
func TestTraceRespelled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		policies string
		want     trace
	}{
		{`{"enforced":[{"kind":"EndOfTier","name":"x","action":"Deny","rule_index":-1,"policy_index":1,` +
			`"trigger":{"kind":"CalicoNetworkPolicy","namespace":"shop","name":"web","trigger":null}},{"kind":"Profile",` +
			`"name":"kns.shop","action":"Allow","policy_index":0}],"pending":[{"kind":"StagedNetworkPolicy","action":"Deny",` +
			`"name":"y"}]}`, trace{deciders: calicoPolicy + " shop/web\x00", marks: model.MarkStagedDeny}},
		{`{"enforcedPolicies":[{"kind":9,"name":"kns.shop","action":1,"policyIndex":"0","ruleIndex":"0"}],"x":[1,[],{},null]}`,
			trace{marks: model.MarkProfile}},
		{`{"pending_policies":[],"all_policies":["1|default|shop/default.web|deny|2","0|default|staged:shop/a|allow|0",7,{}]}`,
			trace{deciders: calicoPolicy + " shop/web\x00", rule: true}},
		{`{"enforced_policies":null,"all_policies":[{"kind":2,"name":"floor","action":"deny","rule_index":0,` +
			`"trigger":{"trigger":{"kind":1}}}]}`, trace{rule: true}},
	} {
		var v any
		if err := json.Unmarshal([]byte(c.policies), &v); err != nil {
			t.Fatal(err)
		}
		if got := readTrace([]byte(c.policies)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.policies, got, c.want)
		}
		for range 50 {
			text := respelled(r, v)
			if got := readTrace([]byte(text)); got != c.want {
				t.Errorf("%s: %+v, want %+v", text, got, c.want)
			}
		}
	}
}
