package policy

import (
	"cmp"
	"strings"
)

// PathMatch is what a rule of a route asks of the path of a request. A rule without any asks for nothing; of several,
// one is enough.
type PathMatch struct {
	Kind PathKind
	Path string // begins with a slash; "" where Kind has none
	// More says that it asks for more than the path (a method, a header, a query): that is not known of requests.
	More bool
}

// PathKind says how a path is asked for.
type PathKind uint8

// The kinds of path matches, the one that goes first first.
const (
	PathExact  PathKind = iota
	PathPrefix          // by whole elements, the longer one first
	PathOther           // by an expression: whether it is so, and before what, depends on who serves it
)

// fits reports whether a path may be what is asked for.
func (m *PathMatch) fits(path string) bool {
	switch m.Kind {
	case PathExact:
		return path == m.Path
	case PathPrefix:
		prefix := strings.TrimSuffix(m.Path, "/")
		rest, ok := strings.CutPrefix(path, prefix)
		return ok && (rest == "" || rest[0] == '/')
	default:
	}
	return true
}

// before orders matches as requests are tried on them.
func (m *PathMatch) before(o *PathMatch) int {
	return cmp.Or(cmp.Compare(m.Kind, o.Kind), cmp.Compare(o.length(), m.length()))
}

// length is that of a path, which a slash at the end of a prefix does not add to.
func (m *PathMatch) length() int {
	if m.Kind == PathPrefix {
		return len(strings.TrimSuffix(m.Path, "/"))
	}
	return len(m.Path)
}
