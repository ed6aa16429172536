package workload

import (
	"cmp"
	"strings"
)

// Separator returns the label key that would tell the owners of a merged workload apart if it were trusted (keep
// under volatileLabels), and which owner has each of its values: of several the one with the fewest values. "": there
// is none.
func (w *Workload) Separator() (key string, owners map[string]string) {
	if len(w.Merged) < 2 {
		return "", nil
	}
	for _, d := range w.Dropped() {
		if d.Why == NotNeeded || d.Why == NotOfPod {
			continue
		}
		of := w.group.ownersBy(d.Key)
		if len(of) > 1 && (key == "" || len(of) < len(owners)) {
			key, owners = d.Key, of
		}
	}
	return key, owners
}

// ownersBy returns the owner that each value of a label stands for; nil where a pod lacks the label, or where two
// owners share a value.
func (g *group) ownersBy(key string) map[string]string {
	out := map[string]string{}
	names := map[string]bool{}
	for _, p := range g.pods {
		if len(p.Labels) == 0 {
			continue
		}
		v, ok := p.Labels.Get(key)
		known := p.knownOwners()
		if !ok || len(known) > 1 {
			return nil
		}
		owner := cmp.Or(strings.Join(known, ""), labelName(p.stable), strings.Join(p.stable, ","))
		if other, taken := out[v]; taken && other != owner {
			return nil
		}
		out[v] = owner
		names[owner] = true
	}
	if len(names) < 2 {
		return nil
	}
	return out
}
