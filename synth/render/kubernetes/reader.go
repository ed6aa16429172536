package kubernetes

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// reader walks one document strictly: a field that nobody asked for, a repeated key or a value of the wrong type is
// a problem with its line.
type reader struct {
	at       policy.Position // Line: lines before the document
	problems []Problem
	invalid  bool
}

func (r *reader) add(s Severity, n *yaml.Node, format string, args ...any) {
	at := r.at
	at.Line += n.Line
	r.problems = append(r.problems, Problem{s, at, fmt.Sprintf(format, args...)})
	r.invalid = r.invalid || s >= Unsupported
}

func (r *reader) bad(n *yaml.Node, format string, args ...any) { r.add(Invalid, n, format, args...) }

// target follows aliases.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// typeOf names what a node is, for messages.
func typeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	case "!!null":
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// entry is one key of a map.
type entry struct {
	key   *yaml.Node
	value *yaml.Node
}

// entries gives the entries of a map, none for null. path says where it stands.
func (r *reader) entries(n *yaml.Node, path string) []entry {
	n = target(n)
	if null(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.bad(n, "%s: want a map, have %s", path, typeOf(n))
		return nil
	}
	seen := make(map[string]bool, len(n.Content)/2)
	out := make([]entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := target(n.Content[i])
		switch {
		case k.ShortTag() == "!!merge":
			r.bad(k, "%s: merge keys are not supported, write the fields out", path)
		case oldBool(k) || k.ShortTag() == "!!bool":
			r.bad(k, "%s: the key %s is a boolean unless quoted", path, k.Value)
		case !isText(k) && !isDecimal(k):
			r.bad(k, "%s: a key must be text, have %s", path, typeOf(k))
		case seen[k.Value]:
			r.bad(k, "%s: key %q stands twice", path, k.Value)
		default:
			seen[k.Value] = true
			out = append(out, entry{k, n.Content[i+1]})
		}
	}
	return out
}

// fields calls the function of each field of a map. A field without function is a problem; one with a nil function
// is known to mean nothing here.
func (r *reader) fields(n *yaml.Node, path string, f map[string]func(*yaml.Node)) {
	for _, e := range r.entries(n, path) {
		read, ok := f[e.key.Value]
		if !ok {
			r.bad(e.key, "%s: unknown field %q%s", path, e.key.Value, meant(e.key.Value, f))
		} else if read != nil {
			read(target(e.value))
		}
	}
}

// meant suggests the field that differs only in case or typographic signs.
func meant(key string, f map[string]func(*yaml.Node)) string {
	for k := range f {
		if strings.EqualFold(k, key) {
			return fmt.Sprintf(" (did you mean %q?)", k)
		}
	}
	return quoteHint(key)
}

// list gives the items of a list, none for null.
func (r *reader) list(n *yaml.Node, path string) []*yaml.Node {
	n = target(n)
	if null(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.bad(n, "%s: want a list, have %s", path, typeOf(n))
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = target(c)
	}
	return out
}

// oldBools are booleans for the API's YAML 1.1 reader, though not for YAML 1.2.
var oldBools = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range []string{"y", "yes", "on", "n", "no", "off"} {
		out[w], out[strings.ToUpper(w)], out[strings.ToUpper(w[:1])+w[1:]] = true, true, true
	}
	return out
}()

// isText says whether the API reads a node as text, as it does with dates.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp")
}

// isDecimal says whether a key is a number whose text is what the API makes of it.
func isDecimal(n *yaml.Node) bool {
	v, err := strconv.ParseInt(n.Value, 10, 64)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && err == nil && strconv.FormatInt(v, 10) == n.Value
}

func oldBool(n *yaml.Node) bool {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	return n.Kind == yaml.ScalarNode && plain && n.ShortTag() == "!!str" && oldBools[n.Value]
}

// text gives a scalar that is a string for the API as well.
func (r *reader) text(n *yaml.Node, path string) (string, bool) {
	n = target(n)
	if oldBool(n) {
		r.bad(n, "%s: want text, have %s, which is a boolean unless quoted", path, n.Value)
		return "", false
	}
	if !isText(n) {
		r.bad(n, "%s: want text, have %s", path, typeOf(n))
		return "", false
	}
	return n.Value, true
}

// number gives an integer of 16 bits.
func (r *reader) number(n *yaml.Node, path string) (uint16, bool) {
	n = target(n)
	v, err := strconv.ParseInt(n.Value, 0, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
		r.bad(n, "%s: want a number, have %s", path, typeOf(n))
		return 0, false
	}
	if v < 1 || v > math.MaxUint16 {
		r.bad(n, "%s: %d is not between 1 and 65535", path, v)
		return 0, false
	}
	return uint16(v), true
}
