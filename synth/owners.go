package synth

import (
	"slices"

	"golang.org/x/net/publicsuffix"
)

// owners returns the domains that names were registered under, sorted. A name that nobody can register, or that is
// itself what others register under, stands for itself.
func owners(names []string) []string {
	var out []string
	for _, n := range names {
		if d, err := publicsuffix.EffectiveTLDPlusOne(n); err == nil {
			n = d
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
