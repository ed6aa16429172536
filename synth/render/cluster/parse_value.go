package cluster

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

var domainPattern = regexp.MustCompile(
	`^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$`,
)

// domainName returns the name that a peer has for one of the API, where a star stands for one label or more; false
// where the API would refuse it.
func domainName(s string) (string, bool) {
	if strings.HasPrefix(s, "*.") {
		return "*" + s, domainPattern.MatchString(s)
	}
	return s, domainPattern.MatchString(s)
}

// reader reads one object of an API.
type reader struct {
	*render.Reader
	api *api
}

// podsOf reads a subject or peer that selects pods: those of namespaces, or some of them.
func (r reader) podsOf(n *yaml.Node, path string) (namespaces, pods policy.Selector) {
	var all, some *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){"namespaces": render.Keep(&all), "pods": render.Keep(&some)})
	if !r.one(n, path, all, some) {
		return nil, nil
	}
	if all != nil {
		return r.Selector(all, path+".namespaces"), nil
	}
	return r.namespacedPod(some, path+".pods")
}

// namespacedPod reads a selector of pods and one of their namespaces. Older versions want both; without the second the
// newer ones select pods of every namespace.
func (r reader) namespacedPod(n *yaml.Node, path string) (namespaces, pods policy.Selector) {
	var ofNamespace, ofPod *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){"namespaceSelector": render.Keep(&ofNamespace), "podSelector": render.Keep(&ofPod)})
	for _, x := range []struct {
		at   *yaml.Node
		name string
		to   *policy.Selector
	}{{ofNamespace, "namespaceSelector", &namespaces}, {ofPod, "podSelector", &pods}} {
		if x.at == nil && x.name == "namespaceSelector" && !r.api.older {
			continue
		}
		if x.at == nil {
			r.Bad(n, "%s: no %s (write {} for all)", path, x.name)
			continue
		}
		*x.to = r.Selector(x.at, path+"."+x.name)
	}
	return namespaces, pods
}

// one reports whether exactly one field of a map is there.
func (r reader) one(n *yaml.Node, path string, fields ...*yaml.Node) bool {
	set := len(fields) - len(slices.DeleteFunc(slices.Clone(fields), func(f *yaml.Node) bool { return f != nil }))
	switch {
	case r.Invalid():
		return false
	case set == 0:
		r.Bad(n, "%s: it names nothing", path)
	case set > 1:
		r.Bad(n, "%s: the fields stand alone: write an item for each", path)
	}
	return set == 1
}
