package scan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/ingest/scan"
)

var texts = []string{
	`{"a":[1,-0.5e+3,"b\u00e9\"",true,false,null,{}],"c":{"d":[]}}`, ` [ ] `, `"`, `"\x"`, `"\ud800"`, `01`, `1.`, `1e`, `-`, `nul`,
	`{"a":1,}`, `{"a" 1}`, `[1 2]`, `{,}`, "\"\x1f\"", "\"\x80\xff\"", "\x00", "1\x00", "{\"a\"\n:\t1\r}", `1 2`, `"a" "b"`, `tru`, `{"a":1`,
	strings.Repeat("[", 10000) + strings.Repeat("]", 10000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
}

// FuzzSkip: what is passed over is what encoding/json takes, and the byte behind it stays what it was.
func FuzzSkip(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t), true)
		f.Add([]byte(t), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, roomy bool) {
		at := len(text)
		if roomy {
			text = append(text, strings.Repeat("x", 2*scan.Slack)...)[:at]
		}
		var room scan.Room
		b := room.Open(text)
		i := scan.Skip(b, scan.Blank(b, 0), 0)
		whole := i > 0 && scan.Blank(b, i) == at
		room.Close(b, at)
		if whole != json.Valid(text) {
			t.Errorf("%q: %v", text, whole)
		}
		if roomy && text[:at+1][at] != 'x' {
			t.Error("the byte behind is another")
		}
	})
}

// FuzzUnescape: the text of a string is what encoding/json makes of it.
func FuzzUnescape(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t))
	}
	f.Add([]byte(`"\ud83d\ude00 \ud83d \ude00\n\/"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var room scan.Room
		b := room.Open(text)
		if b[0] != '"' || scan.TextEnd(b, 1) != len(text) {
			return
		}
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if got := string(scan.Unescape(nil, text[1:len(text)-1])); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	})
}
