package hubble

import (
	"bytes"
	"iter"

	"sluice/ingest"
	"sluice/ingest/scan"
)

// What few records are asked for is read out of the valid JSON that was passed over.

// isNamed reports whether a key as written is a name: in any case, as with encoding/json.
func isNamed(key []byte, name string) bool {
	if bytes.IndexByte(key, '\\') >= 0 {
		key = scan.Unescape(nil, key)
	}
	return len(key) == len(name) && bytes.EqualFold(key, []byte(name))
}

// within yields the members of the object that a member of that name is, nothing of another value.
func within(object []byte, name string) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for k, v := range ingest.Keys(object) {
			if !isNamed(k, name) || v[0] != '{' {
				continue
			}
			for k, v := range ingest.Keys(v) {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

// scalarOf is the string or the number that a text begins with.
func scalarOf(text []byte) string {
	n := ingest.End(text)
	if n <= 0 {
		return ""
	}
	if text = text[:n]; text[0] != '"' {
		return string(bytes.TrimRight(text, " \n\t\r"))
	}
	return textOf(text)
}

// textOf is the string that a text begins with, "" where it begins with another value, none, or a part of one.
func textOf(text []byte) string {
	n := ingest.End(text)
	if n < 0 || text[0] != '"' {
		return ""
	}
	text = text[1 : n-1]
	if scan.IsPlain(text) {
		return string(text)
	}
	return string(scan.Unescape(nil, text))
}
