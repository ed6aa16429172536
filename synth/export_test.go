package synth

import (
	"maps"
	"slices"
)

// Kinds returns all kinds that have a page, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(pages)) }
