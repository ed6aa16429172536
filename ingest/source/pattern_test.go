package source

import "testing"

// TestPattern: what stood around a record is known again whatever its numbers and texts are, but where a text may hold
// a record.
func TestPattern(t *testing.T) {
	for was, cases := range map[string]map[string]bool{
		`{"_stream":"{pod=\"a\"}","n":1,"_msg":"`: {
			`{"_stream":"{pod=\"b\",app=\"c\"}","n":22,"_msg":"`: true,
			`{"_stream":"","n":1,"_msg":"`:                       true,
			`{"_stream":"{}","n":1,"_msg":"`:                     true,
			`{"_stream":"a\\b\n","n":1,"_msg":"`:                 true,
			`{"_stream":"{\"flow\":{}}","n":1,"_msg":"`:          false,
			`{"_stream":"{ \"flow\":{}}","n":1,"_msg":"`:         false,
			`{"_stream":"{\n\"flow\":{}}","n":1,"_msg":"`:        false,
			`{"_stream":"a{","n":1,"_msg":"`:                     false,
			`{"_stream":"\u007b\"flow\":{}}","n":1,"_msg":"`:     false,
			`{"_stream":"eyJmbG93Ijp7fX0=","n":1,"_msg":"`:       false,
			`{"_stream":{"pod":"b"},"n":1,"_msg":"`:              false,
			`{"_stream":"{pod=\"a\"}\","n":1,"_msg":"`:           false,
		},
		`{"a":"{\"flow\":{}}","b":"`: {
			`{"a":"{\"flow\":{}}","b":"`: true,
			`{"a":"","b":"`:              false,
		},
	} {
		p := newPattern([]byte(was), &repeat{})
		for text, want := range cases {
			if got := p.begins([]byte(text), &repeat{}) == len(text); got != want {
				t.Errorf("%s like %s: %v, want %v", text, was, got, want)
			}
		}
	}
}

// TestExcerpt: lines with the beginning of their record before it, as GELF has it for readers, are known again, but
// where it is that of another one.
func TestExcerpt(t *testing.T) {
	text := `{"short":"{\"flow\":{\"a","full":"{\"flow\":{\"a\":1}}"}`
	const begin = len(`{"short":"{\"flow\":{\"a","full":"`)
	p := newPattern([]byte(text[:begin]), &repeat{excerpt: []byte(text[begin : len(text)-2])})
	for text, want := range map[string]string{
		text: `{\"flow\":{\"a`,
		`{"short":"{\"flow\":{\"bc\"","full":"{}"}`: `{\"flow\":{\"bc\"`,
		`{"short":"","full":"{}"}`:                  "",
		`{"short":1,"full":"{}"}`:                   "none",
		`{"short":"a","more":"","full":"{}"}`:       "none",
	} {
		r := &repeat{}
		got := "none"
		if p.begins([]byte(text), r) > 0 {
			got = string(r.excerpt)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
