package calico

import (
	"bytes"

	"sluice/ingest"
)

// Sniff reports whether an object is a record: it names an end, by a key that only Calico's flows have. Goldmane has
// them in an object of their own.
func Sniff(object []byte) bool {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	found := 0
	for k, v := range ingest.Keys(object) {
		if string(k) != "Key" && string(k) != "key" {
			found += names(k)
			continue
		}
		if v[0] == '{' {
			for k := range ingest.Keys(v) {
				found += names(k)
			}
		}
		if found >= minNames {
			return true
		}
	}
	return found >= minNames
}

// Sign reports whether a key may be one that Sniff looks for.
func Sign(key []byte) bool { return names(key) > 0 || bytes.IndexByte(key, '\\') >= 0 }

// names is 1 for a key that names an end, in each spelling that there is.
func names(key []byte) int {
	switch string(key) {
	case "source_name", "source_name_aggr", "source_namespace", "sourceName", "sourceNameAggr", "sourceNamespace",
		"dest_name", "dest_name_aggr", "dest_namespace", "destName", "destNameAggr", "destNamespace":
		return 1
	}
	return 0
}

// emptyList reports whether an answer of Whisker begins, whose list may be empty.
func emptyList(head []byte) bool { return bytes.HasPrefix(head, []byte(`{"total":{"totalPages":`)) }
