package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// meant returns the field that an unknown one stands for, and a hint at it: the one of its name in another API or
// direction, or the one that differs in a letter or two.
func meant(key string, f map[string]func(*yaml.Node)) (field, hint string) {
	if hint := QuoteHint(key); hint != "" {
		return "", hint
	}
	least := 3
	for _, k := range slices.Sorted(maps.Keys(f)) {
		d := distance(strings.ToLower(k), strings.ToLower(key))
		if cousins[key] == k {
			field = k
			break
		}
		if d < least && d < len(key)/2 {
			field, least = k, d
		}
	}
	if field == "" {
		return "", ""
	}
	return field, fmt.Sprintf(" (did you mean %q?)", field)
}

// belongs says where a field stands that is no field here, "" where nobody knows.
func belongs(key, path string, f map[string]func(*yaml.Node)) string {
	_, inObject := f["metadata"]
	_, inPeer := f["ipBlock"]
	_, inRule := f["ports"]
	switch key {
	case "ports", "toPorts":
		return " (ports stand beside the peers of a rule, one level up)"
	case "podSelector", "endpointSelector", "selector", "policyTypes", "types", "ingress", "egress":
		if inObject {
			return " (it stands under spec)"
		}
	}
	switch {
	case inRule && slices.Contains([]string{"podSelector", "namespaceSelector", "ipBlock"}, key):
		return " (it stands in an item of from or to, one level down)"
	case inPeer && (key == "matchLabels" || key == "matchExpressions"):
		return " (it stands under podSelector or namespaceSelector)"
	case strings.HasSuffix(strings.ToLower(path), "selector") && strings.HasSuffix(key, "Selector"):
		return " (a selector stands in no other: they are fields beside each other)"
	}
	return ""
}

// cousins are the names that other APIs, or the other direction, have for a field.
var cousins = map[string]string{"types": "policyTypes", "policyTypes": "types", "from": "to", "to": "from",
	"podSelector": "endpointSelector", "endpointSelector": "podSelector", "fromEndpoints": "toEndpoints",
	"toEndpoints": "fromEndpoints", "fromEntities": "toEntities", "toEntities": "fromEntities", "fromCIDR": "toCIDR",
	"toCIDR": "fromCIDR", "auth": "authentication", "toPorts": "ports", "ports": "toPorts"}

// distance counts the letters to change, add or leave out to make one text of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
