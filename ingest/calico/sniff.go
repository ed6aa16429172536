package calico

import (
	"bytes"
	"slices"

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

// endNames are the keys that name an end, in each spelling that there is.
var endNames = []string{"source_name", "source_name_aggr", "source_namespace", "sourceName", "sourceNameAggr",
	"sourceNamespace", "dest_name", "dest_name_aggr", "dest_namespace", "destName", "destNameAggr", "destNamespace"}

// names is 1 for a key that names an end.
func names(key []byte) int {
	if slices.Contains(endNames, string(key)) {
		return 1
	}
	return 0
}

// emptyList reports whether an answer of Whisker begins, whose list may be empty.
func emptyList(head []byte) bool { return bytes.HasPrefix(head, []byte(`{"total":{"totalPages":`)) }
