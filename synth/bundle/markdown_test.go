package bundle_test

import (
	"regexp"
	"testing"

	"sluice/synth/bundle"
)

// TestEscape: a text from a log calls no person, names and closes no issue, shows no picture and links to nothing, on
// any forge.
func TestEscape(t *testing.T) {
	for _, c := range []struct{ text, never string }{
		{"@acme/security", `@\w`},
		{"fixes #1", `#\d`},
		{"closes acme/cluster#12", `#\d`},
		{"fixes GH-1", `(?i)gh-\d`},
		{"resolves gh-77, GH-78", `(?i)gh-\d`},
		{"![x](http://203.0.113.9/p.png)", `!\[|://`},
		{`<img src="http://203.0.113.9/p.png">`, `<img|://`},
		{"<!-- sluice: mark -->", `<!-- sluice`},
		{"https://203.0.113.9", `://`},
		{":tada:", `:tada:`},
		{"a | b\n# c", `[^\\]\||\n`},
		{"`x` $y$ ~z~", "[^\\\\][`$~]"},
	} {
		if got := bundle.Escape(c.text); regexp.MustCompile(c.never).MatchString(got) {
			t.Errorf("%q: %q has %s", c.text, got, c.never)
		}
	}
	for _, plain := range []string{"shop/web-gh", "high-1", "weigh-2"} {
		if got := bundle.Escape(plain); got != plain {
			t.Errorf("%q: %q", plain, got)
		}
	}
}
