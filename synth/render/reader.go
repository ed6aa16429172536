package render

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
)

// Reader walks one document strictly: a field that nobody asked for, a repeated key or a value of the wrong type is
// a problem with its line.
type Reader struct {
	at       policy.Position // Line: lines before the document
	lines    func() []string // of the document
	path     []Entry         // the fields that are being read, outermost first
	problems []Problem
	invalid  bool
	tiers    []policy.Tier
	networks []policy.Network
	beside   policy.Manifests
}

// Tier adds a tier to what the object says beside policies.
func (r *Reader) Tier(t policy.Tier) { r.tiers = append(r.tiers, t) }

// Network adds a named network to what the object says beside policies.
func (r *Reader) Network(n policy.Network) { r.networks = append(r.networks, n) }

// Beside adds what an object that is no policy says of the cluster.
func (r *Reader) Beside(m policy.Manifests) { r.beside.Join(m) }

// Report notes a problem at a node; from Unsupported on the object is left out. The problem is given so that its trap
// can be told, and stays where it is until the next one.
func (r *Reader) Report(s Severity, n *yaml.Node, format string, args ...any) *Problem {
	for i, a := range args {
		args[i] = brief(a)
	}
	p := Problem{Severity: s, At: r.Position(n), Text: fmt.Sprintf(format, args...)}
	if n.Kind == yaml.ScalarNode && s >= Unsupported && QuoteHint(n.Value) != "" {
		p.Called(Quotes, r.Replace(n, unquoted(n.Value)))
	}
	r.problems = append(r.problems, p)
	r.invalid = r.invalid || s >= Unsupported
	return &r.problems[len(r.problems)-1]
}

// brief is a text of a file or a log, as much of it as anybody reads: it may be of any length.
func brief(a any) any {
	const most = 300 // more than any name that is one
	if err, ok := a.(error); ok {
		a = err.Error()
	}
	if s, ok := a.(string); ok && len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return a
}

// Bad notes that the API would refuse the object.
func (r *Reader) Bad(n *yaml.Node, format string, args ...any) *Problem {
	return r.Report(Invalid, n, format, args...)
}

// Entries returns the entries of a map, none for null. path says where it stands.
func (r *Reader) Entries(n *yaml.Node, path string) []Entry {
	n = Target(n)
	if IsNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.Bad(n, "%s: want a map, have %s", path, TypeOf(n))
		return nil
	}
	seen := sightings{}
	out := make([]Entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := Target(n.Content[i])
		switch {
		case k.ShortTag() == "!!merge":
			r.Bad(k, "%s: merge keys are not supported, write the fields out", path)
		case oldBool(k) || k.ShortTag() == "!!bool":
			r.Bad(k, "%s: the key %s is a boolean unless quoted", path, k.Value)
		case !isText(k) && !isDecimal(k):
			r.Bad(k, "%s: a key must be text, have %s", path, TypeOf(k))
		case seen.has(out, k.Value):
			r.Bad(k, "%s: key %q stands twice", path, k.Value)
		default:
			out = append(out, Entry{k, n.Content[i+1]})
		}
	}
	return out
}

// sightings are the keys of entries, once these are many.
type sightings map[string]bool

// has reports whether a key is among those of entries: of the same ones as before, and one more at most.
func (s *sightings) has(list []Entry, key string) bool {
	const few = 8
	if len(list) < few {
		return slices.ContainsFunc(list, func(e Entry) bool { return e.Key.Value == key })
	}
	if len(*s) == 0 {
		for _, e := range list {
			(*s)[e.Key.Value] = true
		}
	}
	(*s)[list[len(list)-1].Key.Value] = true
	return (*s)[key]
}

// Fields calls the function of each field of a map. A field without function is a problem; one with a nil function
// is known to mean nothing here.
func (r *Reader) Fields(n *yaml.Node, path string, f map[string]func(*yaml.Node)) {
	entries := r.Entries(n, path)
	for _, e := range entries {
		read, ok := f[e.Key.Value]
		if !ok {
			r.unknown(Target(n), e, path, f)
		} else if read != nil {
			r.path = append(r.path, e)
			read(Target(e.Value))
			r.path = r.path[:len(r.path)-1]
		}
	}
}

// unknown tells what an unknown field of a map was meant to be, or where it belongs.
func (r *Reader) unknown(n *yaml.Node, e Entry, path string, f map[string]func(*yaml.Node)) {
	key := e.Key.Value
	to, hint := meant(key, f)
	if to == "" && hint == "" {
		hint = belongs(key, path, f)
	}
	trap, mend := UnknownField, Edit{}
	listed := to != "ports" && to != "toPorts" || e.Value.Kind == yaml.SequenceNode // one port is no list
	switch {
	case to != "" && Field(n, to) == nil && listed:
		mend = r.Replace(e.Key, to)
	case to == "" && hint != "":
		trap = MisplacedField
		if key == "ports" {
			mend = r.outdent(n, e)
		}
	}
	r.Bad(e.Key, "%s: unknown field %q%s", path, key, hint).Called(trap, mend)
}

// List returns the items of a list, none for null.
func (r *Reader) List(n *yaml.Node, path string) []*yaml.Node {
	n = Target(n)
	if IsNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.Bad(n, "%s: want a list, have %s", path, TypeOf(n))
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = Target(c)
	}
	return out
}

// Text returns a scalar that is a string for the API as well.
func (r *Reader) Text(n *yaml.Node, path string) (string, bool) {
	n = Target(n)
	if oldBool(n) {
		r.Bad(n, "%s: want text, have %s, which is a boolean unless quoted", path, n.Value).
			Called(WrongValue, r.Replace(n, strconv.Quote(n.Value)))
		return "", false
	}
	if !isText(n) {
		r.Bad(n, "%s: want text, have %s", path, TypeOf(n)).Called(WrongValue, r.Replace(n, strconv.Quote(n.Value)))
		return "", false
	}
	return n.Value, true
}

// Number returns an integer of 16 bits.
func (r *Reader) Number(n *yaml.Node, path string) (uint16, bool) {
	n = Target(n)
	v, err := strconv.ParseInt(n.Value, 0, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
		r.Bad(n, "%s: want a number, have %s", path, TypeOf(n))
		return 0, false
	}
	if v < 1 || v > math.MaxUint16 {
		r.Bad(n, "%s: %d is not between 1 and 65535", path, v)
		return 0, false
	}
	return uint16(v), true
}

// Invalid reports whether something made the object unusable so far.
func (r *Reader) Invalid() bool { return r.invalid }

// Prefix returns a CIDR, masked; the zero Prefix if it is none, which is a problem.
func (r *Reader) Prefix(n *yaml.Node, path string) netip.Prefix {
	s, ok := r.Text(n, path)
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		mend := Edit{}
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			mend = r.Replace(n, strconv.Quote(netip.PrefixFrom(a, a.BitLen()).String()))
		}
		r.Bad(n, "%s: %q is not a CIDR%s", path, s, QuoteHint(s)).Called(WrongValue, mend)
		return netip.Prefix{}
	}
	if p != p.Masked() {
		r.Report(Note, n, "%s: %s means %s", path, p, p.Masked()).Called("", r.Replace(n, strconv.Quote(p.Masked().String())))
	}
	return p.Masked()
}

// Position is where an object stands.
func (r *Reader) Position(n *yaml.Node) policy.Position {
	at := r.at
	at.Line += n.Line
	at.Column = n.Column
	return at
}

// SelectorFields is Fields for a selector of matchLabels and matchExpressions: labels that stand in it bare are told
// as such.
func (r *Reader) SelectorFields(n *yaml.Node, path string, f map[string]func(*yaml.Node)) {
	if !r.Bare(n, path, f, "matchLabels") {
		r.Fields(n, path, f)
	}
}

// Bare reports labels that stand where fields should be, and belong under the given keys, one in the other. It is
// false where there are none.
func (r *Reader) Bare(n *yaml.Node, path string, f map[string]func(*yaml.Node), under ...string) bool {
	if !bare(n, f) {
		return false
	}
	r.Bad(Target(n), "%s: labels stand under %s", path, strings.Join(under, ".")).
		Called(BareSelector, r.wrap(Target(n), under...))
	return true
}

// bare reports whether a map has labels where fields should be: all of its values are texts, and no key is near a
// field.
func bare(n *yaml.Node, f map[string]func(*yaml.Node)) bool {
	n = Target(n)
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], Target(n.Content[i+1])
		if f[k.Value] != nil || !isText(k) || v.Kind != yaml.ScalarNode || IsNull(v) {
			return false
		}
		if near, _ := meant(k.Value, f); near != "" {
			return false
		}
	}
	return true
}
