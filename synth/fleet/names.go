package fleet

import "slices"

// The directories and files beside the bundles, which are called as their clusters.
const (
	BaseDir    = "base"
	OverlayDir = "overlays"
	ReviewFile = "FLEET.md"
	listFile   = "fleet.json" // what Write wrote, with digests
)

// Reserved reports whether a cluster of this name would take the place of what Write writes.
func Reserved(name string) bool {
	return slices.Contains([]string{BaseDir, OverlayDir, ReviewFile, listFile}, name)
}
