package calico

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"

	"sluice/ingest/scan"
)

// members returns the members of a valid JSON object. Keys are as written, without quotes; an escaped key is none
// that a flow has.
func members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := blanks(obj, 1)
		for obj[i] != '}' {
			k := valueEnd(obj, i)
			v := blanks(obj, blanks(obj, k)+1) // over the colon
			e := valueEnd(obj, v)
			if !yield(obj[i+1:k-1], obj[v:e]) {
				return
			}
			i = nextItem(obj, e)
		}
	}
}

// elements returns the values of a valid JSON array.
func elements(arr []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		i := blanks(arr, 1)
		for arr[i] != ']' {
			e := valueEnd(arr, i)
			if !yield(arr[i:e]) {
				return
			}
			i = nextItem(arr, e)
		}
	}
}

// eachMember calls read for the members of the object at b[i], with slack behind it, which is valid; that returns the
// index behind the value that begins at one. Keys are as written. It returns the index behind the object.
func eachMember(b []byte, i int, read func(key []byte, value int) (end int)) int {
	if i = scan.Blank(b, i+1); b[i] == '}' {
		return i + 1
	}
	for {
		key := i + 1
		end := scan.TextEnd(b, key)
		i = scan.Blank(b, read(b[key:end-1], scan.Blank(b, scan.Blank(b, end)+1)))
		if b[i] != ',' {
			return i + 1
		}
		i = scan.Blank(b, i+1)
	}
}

// eachElement is eachMember for the values of an array.
func eachElement(b []byte, i int, read func(value int) (end int)) int {
	if i = scan.Blank(b, i+1); b[i] == ']' {
		return i + 1
	}
	for {
		if i = scan.Blank(b, read(i)); b[i] != ',' {
			return i + 1
		}
		i = scan.Blank(b, i+1)
	}
}

// textAt is text for the value at b[i], with slack behind it, and returns the index behind it.
func textAt(b []byte, i int) (t []byte, end int) {
	if b[i] != '"' {
		end = scan.Skip(b, i, 0)
		t, _ = text(b[i:end])
		return t, end
	}
	if end = scan.Plain(b, i+1); b[end] == '"' {
		if t = b[i+1 : end]; len(t) == 0 || string(t) == "-" {
			t = nil
		}
		return t, end + 1
	}
	end = scan.TextEnd(b, end)
	t, _ = text(b[i:end])
	return t, end
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func blanks(b []byte, i int) int {
	for isBlank(b[i]) {
		i++
	}
	return i
}

// nextItem is where the item after the one that ended before i begins, or the closing bracket.
func nextItem(b []byte, i int) int {
	i = blanks(b, i)
	if b[i] == ',' {
		i = blanks(b, i+1)
	}
	return i
}

// valueEnd is the index after the value that begins at i.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch b[i] {
			case '"':
				i = stringEnd(b, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(b) && !isBlank(b[i]) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	return i
}

func stringEnd(b []byte, i int) int {
	for i = scan.PlainWithin(b, i+1); b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// kindOf is the first byte of a value ('{', '[', '"', 't', 'f', '0' for numbers), or 0 where it is absent or null.
func kindOf(v []byte) byte {
	switch {
	case len(v) == 0 || v[0] == 'n':
		return 0
	case v[0] == '-' || v[0] >= '0' && v[0] <= '9':
		return '0'
	}
	return v[0]
}

// text returns a string or number as text: nil for what is absent, null, "" or "-", Calico's word for empty.
// It is false for other kinds of values. The text may alias v.
func text(v []byte) ([]byte, bool) {
	switch kindOf(v) {
	case 0:
		return nil, true
	case '0':
		return v, true
	case '"':
		s := unquote(v)
		if len(s) == 0 || len(s) == 1 && s[0] == '-' {
			return nil, true
		}
		return s, true
	}
	return nil, false
}

// isPlain reports whether the text of a valid string is plain. Behind a value of a record there is mostly room to look
// at eight bytes at once.
func isPlain(v []byte) bool {
	if cap(v)-len(v) >= scan.Slack/2 {
		return scan.Plain(v[:cap(v)], 1) == len(v)-1
	}
	return scan.IsPlain(v[1 : len(v)-1])
}

// unquote returns the text of a valid JSON string; bytes that are no UTF-8 become U+FFFD, as encoding/json has it.
func unquote(v []byte) []byte {
	in := v[1 : len(v)-1]
	if isPlain(v) || bytes.IndexByte(in, '\\') < 0 && utf8.Valid(in) {
		return in
	}
	var s string
	_ = json.Unmarshal(v, &s) // v is valid
	return []byte(s)
}
