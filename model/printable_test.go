package model

import (
	"encoding/json"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"shop/web":               "shop/web",
		"日本語 ü":                  "日本語 ü",
		"\x1b[2J":                `\u001b[2J`,
		"a\u202eb":               `a\u202eb`, // the rest of the line from right to left
		"a\u200bb":               `a\u200bb`, // no width
		"a\u009bb":               `a\u009bb`, // C1: a control sequence in one character
		"a\u00a0b":               `a\u00a0b`, // a blank that is none
		"a\u3164b":               `a\u3164b`, // a letter that does not show
		"a\ufe0fb":               `a\ufe0fb`,
		"a\U000e0041b":           `a\udb40\udc41b`, // a tag
		"one\ntwo\t":             `one\u000atwo\u0009`,
		"not UTF-8: \xff, \x9b.": "not UTF-8: \ufffd, \ufffd.",
		"":                       "",
		`C:\u202e`:               `C:\u202e`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := PrintableText("one\ntwo\t\r"); got != "one\ntwo\t\\u000d" {
		t.Errorf("%q", got)
	}
}

// TestPrintableJSON: what JSON says stays the same.
func TestPrintableJSON(t *testing.T) {
	const all = "a\x1b\u009b\u202e\u200b\U000e0041\ufe0f\u3164\\u202e\nb"
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(PrintableText(b), &back); err != nil || back != all {
		t.Errorf("%q, %v: want %q", back, err, all)
	}
	for _, r := range string(PrintableText(b)) {
		if !IsPrintable(r) {
			t.Errorf("%U is left", r)
		}
	}
}
