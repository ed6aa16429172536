package render

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Target follows aliases.
func Target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// IsNull reports whether a node is null or empty.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// Keep returns a function that keeps a field, unless it is null, which is none.
func Keep(to **yaml.Node) func(*yaml.Node) {
	return func(v *yaml.Node) {
		if !IsNull(v) {
			*to = v
		}
	}
}

// TypeOf names what a node is, for messages.
func TypeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	default:
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

// Entry is one key of a map.
type Entry struct {
	Key   *yaml.Node
	Value *yaml.Node
}

// oldBools are booleans for the API's YAML 1.1 reader, though not for YAML 1.2.
var oldBools = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range []string{"y", "yes", "on", "n", "no", "off"} {
		out[w], out[strings.ToUpper(w)], out[strings.ToUpper(w[:1])+w[1:]] = true, true, true
	}
	return out
}()

// isText reports whether the API reads a node as text, as it does with dates.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp")
}

// isDecimal reports whether a key is a number whose text is what the API makes of it.
func isDecimal(n *yaml.Node) bool {
	v, err := strconv.ParseInt(n.Value, 10, 64)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && err == nil && strconv.FormatInt(v, 10) == n.Value
}

func oldBool(n *yaml.Node) bool {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	const longest = len("yes")
	return len(n.Value) <= longest && n.Kind == yaml.ScalarNode && plain && n.ShortTag() == "!!str" &&
		oldBools[n.Value]
}

// isClean reports whether a node is a text that there is nothing to tell of: neither an alias nor what old readers take
// for something else.
func isClean(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!str" && !oldBool(n) }

// mostPicked is how many fields Pick looks for at most.
const mostPicked = 3

// Pick returns the values of the fields of a map by their names, in this order, nil for one that is not there. It is
// false of what is no map, of one that has any other key, and of one of whose keys anything is to be told: those are
// for Reader.Fields.
func Pick(n *yaml.Node, names ...string) (values [mostPicked]*yaml.Node, ok bool) {
	n = Target(n)
	if n.Kind != yaml.MappingNode {
		return values, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := slices.Index(names, n.Content[i].Value)
		if !isClean(n.Content[i]) || at < 0 || values[at] != nil {
			return values, false
		}
		values[at] = Target(n.Content[i+1])
	}
	return values, true
}

// Field returns a field of a map, nil if there is none.
func Field(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return Target(n.Content[i+1])
		}
	}
	return nil
}
