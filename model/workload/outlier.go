package workload

import (
	"cmp"
	"slices"
	"strings"

	"sluice/model"
)

// naming are the keys that say what an application is called, the most telling first.
var naming = []string{"app.kubernetes.io/name", "app", "k8s-app", "name"}

// gone is how long an older generation must be away, with the newer still there, and how long they may overlap, to be
// successive ones.
const gone = 3600e6 // microseconds

// variant is the pods of one owner with one set of stable labels.
type variant struct {
	labels      model.Labels
	pods        []*pod
	names       int // how many pods were seen, by name
	first, last model.Micros
}

// outliers splits off the pods that bear the name of an owner and would cost it its selector: labels on all its pods
// but those are not dropped for their sake. Generations that follow each other stay together, and so do replicas
// whose labels differ in something that the owner's selector can do without.
func (sp *space) outliers() {
	owners := map[model.Owner][]*pod{}
	for _, p := range sp.pods {
		if p.owner.Name != "" && len(p.Labels) > 0 {
			owners[p.owner] = append(owners[p.owner], p)
		}
	}
	var others labelIndex
	for o, pods := range owners {
		list := variants(pods)
		if len(list) < 2 {
			continue
		}
		if others == nil {
			others = newLabelIndex(sp.pods)
		}
		core := list[0]
		common := core.labels
		for _, v := range list[1:] {
			u := intersection([]model.Labels{common, v.labels})
			if follows(core, v) || !odd(core.labels, v.labels, u) && !others.selects(u, o, list) {
				common = u
				continue
			}
			for _, p := range v.pods {
				p.odd = true
			}
		}
	}
}

// odd reports whether a pod of labels b cannot be one of an application whose pods have labels a: it is called
// something else, or they share nothing.
func odd(a, b, common model.Labels) bool {
	for _, k := range naming {
		if v, ok := a.Get(k); ok {
			w, _ := b.Get(k)
			return v != w
		}
	}
	return len(common) == 0
}

// variants returns the sets of stable labels of an owner's pods: first the one of most pods, then what was seen first.
func variants(pods []*pod) []*variant {
	by := map[string][]*pod{}
	for len(pods) > 0 {
		n := 1
		for n < len(pods) && same(pods[n].stable, pods[0].stable) {
			n++
		}
		k := strings.Join(pods[0].stable, "\x00")
		by[k], pods = append(by[k], pods[:n]...), pods[n:]
	}
	var list []*variant
	for _, of := range by {
		list = append(list, newVariant(of[0].stable, of))
	}
	slices.SortFunc(list, compareVariants)
	return list
}

func newVariant(labels model.Labels, pods []*pod) *variant {
	v := &variant{labels: labels, pods: pods, first: pods[0].first}
	for _, p := range pods {
		v.names += max(len(p.samples), 1)
		v.first, v.last = min(v.first, p.first), max(v.last, p.last)
	}
	return v
}

// hashes are the pod-template-hashes in the names of its pods.
func (v *variant) hashes() map[string]bool {
	hashes := map[string]bool{}
	for _, p := range v.pods {
		for _, s := range p.samples {
			if stem, last := cutLast(s); isPodSuffix(last) {
				if _, hash := cutLast(stem); isTemplateHash(hash) {
					hashes[hash] = true
				}
			}
		}
	}
	return hashes
}

// value is that of the first label.
func (v *variant) value() string {
	_, value, _ := strings.Cut(v.labels[0], "=")
	return value
}

func compareVariants(a, b *variant) int {
	return cmp.Or(cmp.Compare(b.names, a.names), cmp.Compare(a.first, b.first), slices.Compare(a.labels, b.labels))
}

// follows reports whether two variants are generations of which one took the place of the other. Pods of one template
// are of one generation, and a log too short to tell tells nothing.
func follows(a, b *variant) bool {
	older, newer := a, b
	if b.first < a.first || b.first == a.first && b.last < a.last {
		older, newer = b, a
	}
	if newer.last-older.last < gone || older.last-newer.first > gone {
		return false
	}
	theirs := b.hashes()
	for h := range a.hashes() {
		if theirs[h] {
			return false
		}
	}
	return true
}

// labelIndex finds pods by their stable labels.
type labelIndex map[string][]*pod

func newLabelIndex(pods []*pod) labelIndex {
	x := labelIndex{}
	for _, p := range pods {
		for _, kv := range p.stable {
			x[kv] = append(x[kv], p)
		}
	}
	return x
}

// selects reports whether labels select a pod that is not of an owner. One without owner that has the labels of one of
// its variants is: nothing tells the two apart.
func (x labelIndex) selects(labels model.Labels, but model.Owner, its []*variant) bool {
	if len(labels) == 0 {
		return true
	}
	rarest := slices.MinFunc(labels, func(a, b string) int { return len(x[a]) - len(x[b]) })
	alike := func(p *pod) bool {
		return slices.ContainsFunc(its, func(v *variant) bool { return slices.Equal(v.labels, p.stable) })
	}
	return slices.ContainsFunc(x[rarest], func(p *pod) bool {
		return p.owner != but && contains(p.stable, labels) && (p.owner.Name != "" || !alike(p))
	})
}
