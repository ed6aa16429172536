package source

import (
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/all"
)

// TestSigns: the keys of the formats are signs in any case, and what surrounds records has none.
func TestSigns(t *testing.T) {
	s := newSigns(all.Formats())
	for _, f := range all.Formats() {
		for _, key := range f.Signs {
			for _, k := range []string{key, strings.ToUpper(key), strings.ToLower(key)} {
				if !s.has([]byte(k)) {
					t.Errorf("%s of %s is none", k, f.Name)
				}
			}
		}
	}
	for _, key := range []string{"", "k", "key", "value", "values", "stringValue", "arrayValue", "kvlistValue", "flows", "il", "sources",
		strings.Repeat("flow", 20)} {
		if s.has([]byte(key)) {
			t.Errorf("%s is one", key)
		}
	}
	for _, formats := range [][]ingest.Format{{{Signs: []string{"a"}}}, {{}}, {{Signs: []string{"flow"}}, {}}} {
		if !newSigns(formats).has([]byte("key")) {
			t.Errorf("of %v any key may be one", formats)
		}
	}
}
