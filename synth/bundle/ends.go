package bundle

import "strings"

// outside stands for what has no namespace.
const outside = "outside"

// spaceOf is the namespace of a workload; what lies outside is one.
func spaceOf(id string) string {
	at := strings.LastIndexByte(id, '/')
	if first, _, _ := strings.Cut(id, "/"); at < 0 || strings.IndexByte(first, ':') >= 0 {
		return outside
	}
	return id[strings.LastIndexByte(id[:at], '/')+1 : at]
}

// kindOf tells outside, nodes and other entities of the cluster, and pods apart.
func kindOf(id string) string {
	switch first, _, _ := strings.Cut(id, "/"); {
	case strings.HasPrefix(id, "entity:") && id != "entity:world" && id != "entity:all":
		return "node"
	case strings.ContainsRune(first, ':'):
		return "outside"
	}
	return "pod"
}
