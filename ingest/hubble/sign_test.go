package hubble

import (
	"fmt"
	"strings"
	"testing"
)

// TestSign: all keys that Sniff looks for are signs, in any case and with escapes, and others are none.
func TestSign(t *testing.T) {
	for key := range signs {
		spelled := []string{key, strings.ToUpper(key)}
		for i := range key {
			spelled = append(spelled, key[:i]+fmt.Sprintf(`\u%04x`, key[i])+key[i+1:])
		}
		for _, k := range spelled {
			if !Sign([]byte(k)) {
				t.Errorf("%s is none", k)
			}
		}
		object := fmt.Sprintf(`{"verdict":"A",%q:{}}`, key)
		if key != "ip" && key != "source" && key != "destination" && !Sniff([]byte(object)) {
			t.Errorf("%s is no record", object)
		}
	}
	for _, key := range []string{"", "key", "value", "stringValue", "arrayValue", "kvlistValue", "flows", `fl\\ow`, "il"} {
		if Sign([]byte(key)) {
			t.Errorf("%s is one", key)
		}
	}
}
