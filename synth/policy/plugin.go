package policy

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Plugin is what the objects of a cluster say of its network plugin.
type Plugin struct {
	Name     string   // "cilium" or "calico"
	Versions []string // of its agents, sorted
	// Options are those of Cilium's ConfigMap, or of Calico's default FelixConfiguration; nil: not known.
	Options map[string]string
}

// Plugin returns what is known of a plugin, nil for nothing.
func (m *Manifests) Plugin(name string) *Plugin {
	for i := range m.Plugins {
		if m.Plugins[i].Name == name {
			return &m.Plugins[i]
		}
	}
	return nil
}

// joinPlugin adds what is known of a plugin: versions to versions, and of two options of one name the later one stays.
func (m *Manifests) joinPlugin(p Plugin) {
	q := m.Plugin(p.Name)
	if q == nil {
		m.Plugins = append(m.Plugins, Plugin{Name: p.Name})
		slices.SortFunc(m.Plugins, func(a, b Plugin) int { return cmp.Compare(a.Name, b.Name) })
		q = m.Plugin(p.Name)
	}
	q.Versions = slices.Concat(q.Versions, p.Versions)
	slices.Sort(q.Versions)
	q.Versions = slices.Compact(q.Versions)
	if p.Options != nil {
		options := maps.Clone(q.Options)
		if options == nil {
			options = map[string]string{}
		}
		maps.Copy(options, p.Options)
		q.Options = options
	}
}

// Release is a version: major, minor, patch.
type Release [3]int

// Compare is that of two versions.
func (r Release) Compare(o Release) int { return slices.Compare(r[:], o[:]) }

// ParseRelease reads "v1.19.1", "1.20.0-rc.1" (which counts as 1.20.0) or "1.19.1+g0a1b2c3"; false for anything else.
func ParseRelease(text string) (Release, bool) {
	var r Release
	number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "v"), "-")
	number, _, _ = strings.Cut(number, "+")
	parts := strings.Split(number, ".")
	if len(parts) < 2 || len(parts) > len(r) {
		return r, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return r, false
		}
		r[i] = int(n)
	}
	return r, true
}

// Before reports whether an agent is, or may be, older than a version; known is false where no version can be read.
func (p *Plugin) Before(since string) (older, known bool) {
	of, ok := ParseRelease(since)
	if p == nil || !ok || len(p.Versions) == 0 {
		return false, false
	}
	for _, text := range p.Versions {
		r, ok := ParseRelease(text)
		if !ok {
			return false, false
		}
		older = older || r.Compare(of) < 0
	}
	return older, true
}

// String is "Cilium v1.17.3", with all versions where agents differ.
func (p *Plugin) String() string {
	return strings.ToUpper(p.Name[:1]) + p.Name[1:] + " " + strings.Join(p.Versions, ", ")
}
