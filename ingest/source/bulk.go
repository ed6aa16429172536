package source

import (
	"bytes"
	"encoding/json"
	"slices"
)

// bulkActions are what a line of Elasticsearch's bulk form says is to be done with the document in the next one.
var bulkActions = []string{"index", "create", "update"}

// bulkKeys are what stands in such a line.
var bulkKeys = []string{
	"_index", "_id", "_type", "routing", "_routing", "pipeline", "require_alias", "require_data_stream",
	"dynamic_templates", "list_executed_pipelines", "version", "version_type", "if_seq_no", "if_primary_term",
	"retry_on_conflict",
}

// isBulkAction reports whether a line is one before a document: no record, and nothing lost.
func isBulkAction(text []byte) bool {
	const most = 4 << 10
	action, _, _ := bytes.Cut(text[min(len(text), len(object)):], []byte(`"`))
	if len(text) > most || !bytes.HasPrefix(text, object) || !slices.Contains(bulkActions, string(action)) {
		return false
	}
	var line map[string]map[string]json.RawMessage
	if json.Unmarshal(text, &line) != nil || len(line) != 1 {
		return false
	}
	for _, keys := range line {
		if keys == nil {
			return false
		}
		for k := range keys {
			if !slices.Contains(bulkKeys, k) {
				return false
			}
		}
	}
	return true
}
