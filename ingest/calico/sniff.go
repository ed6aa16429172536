package calico

import "bytes"

// names are the keys that only Calico's flows have, in their three spellings.
var names = [][]byte{
	[]byte(`"source_name"`), []byte(`"source_name_aggr"`), []byte(`"source_namespace"`),
	[]byte(`"dest_name"`), []byte(`"dest_name_aggr"`), []byte(`"dest_namespace"`),
	[]byte(`"sourceName"`), []byte(`"sourceNamespace"`), []byte(`"destName"`), []byte(`"destNamespace"`),
}

// whiskerList is how a list of Whisker begins, which may be empty.
var whiskerList = []byte(`{"total":{"totalPages":`)

// Sniff reports whether an input that begins with head is one of Calico's forms. The record that head breaks off in
// is looked at as far as it goes.
func Sniff(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n\x1e")
	if !begins(head) {
		return false
	}
	if bytes.HasPrefix(head, whiskerList) {
		return true
	}
	for _, n := range names {
		if hasKey(head, n) {
			return true
		}
	}
	return false
}

// begins reports whether head begins with JSON or a field of server-sent events.
func begins(head []byte) bool {
	if len(head) == 0 {
		return false
	}
	if head[0] == '{' || head[0] == '[' {
		return true
	}
	for _, f := range []string{"data:", "event:", "id:", "retry:", ":"} {
		if bytes.HasPrefix(head, []byte(f)) {
			return true
		}
	}
	return false
}

// hasKey looks for a quoted text that a colon follows. Quotes inside a text would be escaped, so it is a key.
func hasKey(b, key []byte) bool {
	for {
		_, after, ok := bytes.Cut(b, key)
		if !ok {
			return false
		}
		if rest := bytes.TrimLeft(after, " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			return true
		}
		b = after
	}
}
