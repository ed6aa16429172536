package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// Severity says what a Problem means for the set that was read.
type Severity uint8

// The severities. From Unsupported on the set lacks something that is in force in a cluster with these files.
const (
	Note        Severity = iota // read, with an assumption that a person should know of
	Skipped                     // a document that is no policy
	Unsupported                 // a policy of another kind; left out
	Invalid                     // a document that cannot be understood or that the API would refuse; left out
)

// String is the lower-case name.
func (s Severity) String() string {
	return [...]string{"note", "skipped", "unsupported", "invalid"}[s]
}

// Problem is something that Parse did not take over as it stands.
type Problem struct {
	Severity Severity
	At       policy.Position
	Text     string
	Trap     Trap // "" for what has no page of its own
	// Requests is the text of a field that lets some requests of a connection pass alone, and was read as if all of them
	// may; "" of any other problem.
	Requests string
	// Kind is of objects of a cluster that the user may not read; "" of any other problem.
	Kind  string
	Edits []Edit // what mends it, nil where a person has to decide
}

// Error is "file:line (document n): text".
func (p Problem) Error() string { return fmt.Sprintf("%s: %s", p.At, p.Text) }

// Incomplete reports whether a problem left a policy out of the set.
func Incomplete(problems []Problem) bool {
	return Unread(problems) > 0
}

// Unread returns how many problems left something out of the set.
func Unread(problems []Problem) int {
	n := 0
	for _, p := range problems {
		if p.Severity >= Unsupported {
			n++
		}
	}
	return n
}

// Flat is what a value of YAML says, on one line: equal for values that say the same, with their members in any order.
func Flat(n *yaml.Node) string {
	n = Target(n)
	if n == nil {
		return ""
	}
	var items []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			items = append(items, Flat(n.Content[i])+": "+Flat(n.Content[i+1]))
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	case yaml.SequenceNode:
		for _, item := range n.Content {
			items = append(items, Flat(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return strconv.Quote(n.Value)
	}
}
