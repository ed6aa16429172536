package layout

import "strings"

// The groups of peers that are no pods.
const (
	Outside = "outside the cluster"
	Nodes   = "nodes and API server"
)

// GroupOf names the box that a peer lies in, by the name that tables and bundles have for it, and tells whether it is a
// workload: a box of its namespace then, with its cluster where there are several.
func GroupOf(id string) (name string, workload bool) {
	first, _, slash := strings.Cut(id, "/")
	switch {
	case strings.HasPrefix(id, "entity:") && id != "entity:world" && id != "entity:all":
		return Nodes, false
	case strings.ContainsRune(first, ':') || !slash:
		return Outside, false
	}
	return id[:strings.LastIndex(id, "/")], true
}
