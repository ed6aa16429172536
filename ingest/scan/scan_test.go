package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
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

// FuzzUnquote: a value in a string is what it is outside of it, and what follows is not read.
func FuzzUnquote(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t))
	}
	f.Add([]byte(`{"a":"é b","c":[{},"d"],"e":-1.5}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		var room scan.Room
		for _, behind := range []string{",", "}", "]", `"`, ""} {
			b := room.Open([]byte(scan.Quoted(string(value)) + behind))
			got, end := scan.Unquote(nil, b, 0)
			if end > len(b)-scan.Slack {
				t.Fatalf("%q%s: read up to %d of %d", value, behind, end, len(b)-scan.Slack)
			}
			if end > 0 && !strings.HasPrefix(string(value)+behind, string(got)) {
				t.Errorf("%q%s: %q is no part of it", value, behind, got)
			}
			// A number or a word needs something behind it, and an object or a text is all there is of a value.
			if !json.Valid(value) || bytes.ContainsAny(value, "\\\n\r\t") ||
				len(bytes.TrimSpace(value)) < len(value) {
				continue
			}
			if whole := bytes.IndexByte([]byte(`"{[`), value[0]) >= 0; (whole || len(behind) > 0 && behind != `"`) &&
				string(got) != string(value) {
				t.Errorf("%q%s: %q, %d", value, behind, got, end)
			}
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

// plainly are the integers that Digits reads, with what may not stand behind them.
var plainly = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})([^0-9.eE]|$)`)

// checkDigits tells how Digits differs from what is written in words.
func checkDigits(text []byte) string {
	var room scan.Room
	b := room.Open(text)
	got, end := scan.Digits(b, 0)
	want, wantEnd := uint64(0), -1
	if m := plainly.FindSubmatch(text); m != nil {
		want, _ = strconv.ParseUint(string(m[1]), 10, 32)
		wantEnd = len(m[1])
	}
	if uint64(got) != want || end != wantEnd {
		return fmt.Sprintf("%q: %d up to %d, want %d up to %d", text, got, end, want, wantEnd)
	}
	return ""
}

// TestDigits reads numbers of every length and with every byte behind them.
func TestDigits(t *testing.T) {
	for _, digits := range []string{"", "0", "7", "00", "10", "987654321", "123456789", "1234567890", "012345678", "99999999"} {
		for n := range len(digits) + 1 {
			for c := range 256 {
				if c == 0 {
					continue // ends a record
				}
				if wrong := checkDigits(append([]byte(digits[:n]), byte(c), '1')); wrong != "" {
					t.Error(wrong)
				}
			}
			if wrong := checkDigits([]byte(digits[:n])); wrong != "" {
				t.Error(wrong)
			}
		}
	}
}

// TestPlain finds every byte that ends plain text, at every place of the words that are looked at, whatever follows.
func TestPlain(t *testing.T) {
	for c := range 256 {
		plain := c >= 0x20 && c < 0x80 && c != '"' && c != '\\'
		for at := range 17 {
			for _, behind := range []string{`"`, "\\", "!\"", "#\"", "]\"", "[\"", "\x7f\"", "\x80", "\xff", "\x1f"} {
				text := []byte(strings.Repeat("~", at) + string([]byte{byte(c)}) + behind)
				var room scan.Room
				want := at
				if plain {
					want += 1 + strings.IndexFunc(behind, func(r rune) bool { return r < 0x20 || r > 0x7f || r == '"' || r == '\\' })
				}
				if got := scan.Plain(room.Open(text), 0); got != want {
					t.Fatalf("%q: %d, want %d", text, got, want)
				}
			}
		}
	}
}
