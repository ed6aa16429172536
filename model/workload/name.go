package workload

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sluice/model"
)

// maxName is the length of a DNS label.
const maxName = 63

// labelName returns the name that labels give an application, "" if none.
func labelName(l model.Labels) string {
	if name, _ := l.Get("app.kubernetes.io/name"); name != "" {
		if c, _ := l.Get("app.kubernetes.io/component"); c != "" && c != name {
			return dnsLabel(name + "-" + c)
		}
		return dnsLabel(name)
	}
	for _, k := range []string{"app", "k8s-app", "name", "app.kubernetes.io/instance"} {
		if v, _ := l.Get(k); v != "" {
			return dnsLabel(v)
		}
	}
	return ""
}

// owners returns the distinct owners of the group, by name and kind.
func (g *group) owners() []model.Owner {
	var out []model.Owner
	for _, p := range g.pods {
		if n := len(out); p.owner.Name != "" && (n == 0 || out[n-1] != p.owner) {
			out = append(out, p.owner)
		}
	}
	slices.SortFunc(out, func(a, b model.Owner) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(out)
}

// owner returns the name of the only owner, "" where there is none or are several.
func (g *group) owner() string {
	if owners := g.owners(); len(owners) == 1 {
		return owners[0].Name
	}
	return ""
}

// baseName is what the workload would be called if no other had that name.
func (g *group) baseName() string {
	owners := g.owners()
	if g.odd && len(owners) == 1 {
		return shorten(dnsLabel(owners[0].Name), hash8(g.identity())) // the owner keeps its name
	}
	if len(owners) == 1 {
		if n := dnsLabel(owners[0].Name); n != "" {
			return n
		}
	}
	if n := labelName(g.common); n != "" {
		return n
	}
	if n := dnsLabel(commonName(owners)); n != "" {
		return n
	}
	var bases []string
	for _, p := range g.pods {
		if b := base(p); b != "" {
			bases = append(bases, dnsLabel(b))
		}
	}
	slices.Sort(bases)
	if len(bases) > 0 && bases[0] == bases[len(bases)-1] && bases[0] != "" {
		return bases[0]
	}
	if n := distinguished("", g.out.Selector); n != "" {
		return n
	}
	return "workload-" + hash8(g.identity())
}

// commonName is what the names have in common up to a dash, or all of them where they are few, else the first and how
// many more.
func commonName(owners []model.Owner) string {
	if len(owners) == 0 {
		return ""
	}
	parts := strings.Split(owners[0].Name, "-")
	for _, o := range owners[1:] {
		for i, p := range strings.Split(o.Name, "-") {
			if i < len(parts) && parts[i] != p {
				parts = parts[:i]
			}
		}
	}
	if len(parts) == 0 {
		const few = 3
		if len(owners) > few {
			return fmt.Sprintf("%s-and-%d-more", owners[0].Name, len(owners)-1)
		}
		var names []string
		for _, o := range owners {
			names = append(names, o.Name)
		}
		return strings.Join(slices.Compact(names), "-")
	}
	return strings.Join(parts, "-")
}

// identity is what makes the group what it is, whatever its replicas are called.
func (g *group) identity() string {
	s := []string{}
	for _, o := range g.owners() {
		s = append(s, o.Kind+"/"+o.Name)
	}
	if len(s) == 0 || g.atomic {
		s = append(s, g.common...)
	}
	if len(s) == 0 {
		s = append(s, g.key)
	}
	return strings.Join(s, "\x00")
}

// nameAll returns every group a name of its own. Groups without owner that collide are told apart by the values that
// their selectors add; what still collides gets a hash of its identity, so that no name depends on the order in
// which workloads were seen.
func nameAll(groups []*group) {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.baseName()
	}
	times := occurrences(names)
	for i, g := range groups {
		if times[names[i]] > 1 && len(g.owners()) == 0 {
			names[i] = distinguished(names[i], g.out.Selector)
		}
	}
	times = occurrences(names)
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = names[i] + "\x00" + g.identity()
	}
	alike := occurrences(ids)
	for i, g := range groups {
		g.out.Name = names[i]
		if times[names[i]] == 1 {
			continue
		}
		id := g.identity()
		if alike[ids[i]] > 1 {
			id += "\x00" + g.key
		}
		g.out.Name = shorten(names[i], hash8(id))
	}
}

func occurrences(names []string) map[string]int {
	n := map[string]int{}
	for _, s := range names {
		n[s]++
	}
	return n
}

// distinguished appends the values of a selector that are not in the name yet, in the order of their keys. A lone
// value says little: it follows the last part of its key.
func distinguished(name string, sel map[string]string) string {
	labels := []string{}
	for k, v := range sel {
		labels = append(labels, k+"="+v)
	}
	slices.Sort(labels)
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		if name == "" {
			v = k[strings.LastIndexByte(k, '/')+1:] + "-" + v
		}
		if v = dnsLabel(v); v != "" && !strings.Contains("-"+name+"-", "-"+v+"-") {
			name = dnsLabel(name + "-" + v)
		}
	}
	return name
}

// dnsLabel makes a DNS-1123 label of s, "" if nothing of it can stay. What is cut off is kept as a hash.
func dnsLabel(s string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
	mapped = strings.Trim(mapped, "-")
	if len(mapped) > maxName {
		return shorten(mapped, hash8(s))
	}
	return mapped
}

// shorten appends a suffix, which a name that nothing can stay of would begin with: no API takes that dash.
func shorten(name, suffix string) string {
	if name == "" {
		name = "workload"
	}
	return strings.TrimRight(name[:min(len(name), maxName-len(suffix)-1)], "-") + "-" + suffix
}

func hash8(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:4])
}
