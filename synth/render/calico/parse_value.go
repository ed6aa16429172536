package calico

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// reader reads one object.
type reader struct {
	*render.Reader
	p policy.Policy
}

// word reads the name of a tier.
func (r *reader) word(n *yaml.Node, path string) string {
	if render.IsNull(n) {
		return ""
	}
	s, ok := r.Text(n, path)
	if ok && s != "" && !render.ValidNamespace(s) {
		r.Bad(n, "%s: %q is not a name%s", path, s, render.QuoteHint(s))
	}
	return s
}

// order reads a number that may have a fraction.
func (r *reader) order(n *yaml.Node, path string) *float64 {
	if render.IsNull(n) {
		return nil
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if tag := n.ShortTag(); n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || err != nil ||
		math.IsInf(v, 0) ||
		math.IsNaN(v) {
		r.Bad(n, "%s: want a number, have %s", path, render.TypeOf(n))
		return nil
	}
	return &v
}

func (r *reader) boolean(n *yaml.Node, path string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" && !render.IsNull(n) {
		r.Bad(n, "%s: want true or false, have %s", path, render.TypeOf(n))
	}
	return n.Value == "true"
}

// selector reads a selector, and puts a prefix before its labels.
func (r *reader) selector(n *yaml.Node, path, prefix string) policy.Selector {
	text, ok := r.Text(n, path)
	if !ok {
		return nil
	}
	s, err := parseSelector(text, policy.Selector{}, prefix)
	if err != nil {
		r.Bad(n, "%s: %q: %s%s", path, text, err, render.QuoteHint(text)).Called(render.AgentDrops, r.respelled(n, text))
	}
	return s
}

// values are the values of a selector that stand without quotes, behind their operator.
var values = regexp.MustCompile(`(==|!=|\bcontains|\bstarts with|\bends with)(\s*)([A-Za-z0-9][-A-Za-z0-9._/]*)`)

// respelled is the edit that writes a selector as it was meant: === and a lone = as ==, values in quotes. It is zero
// where Calico would not take that either.
func (r *reader) respelled(n *yaml.Node, text string) render.Edit {
	mended := strings.ReplaceAll(text, "===", "==")
	if !strings.ContainsAny(mended, "!") && !strings.Contains(mended, "==") {
		mended = strings.ReplaceAll(mended, "=", "==")
	}
	mended = values.ReplaceAllString(mended, "$1$2'$3'")
	if _, err := ParseSelector(mended); err != nil || strings.Contains(mended, `"`) {
		return render.Edit{}
	}
	return r.Replace(n, `"`+mended+`"`)
}

// opposite reads a selector of what is left out.
func (r *reader) opposite(n *yaml.Node, path string) policy.Selector {
	text, ok := r.Text(n, path)
	if !ok {
		return nil
	}
	s, err := parseOpposite(text)
	if err != nil {
		r.Bad(n, "%s: %q: %s%s", path, text, err, render.QuoteHint(text)).Called(render.AgentDrops, r.respelled(n, text))
	}
	return s
}

// messageVersions are the IP versions of the protocols that have one, by their names: Calico does not ask it of
// numbers.
var messageVersions = map[string]int{"ICMP": 4, "ICMPv6": 6}

// valueOf is the text of a scalar, "" of nothing.
func valueOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// text is keep for texts, of which an empty one is none.
func text(to **yaml.Node) func(*yaml.Node) {
	return func(v *yaml.Node) {
		if !render.IsNull(v) && (v.Kind != yaml.ScalarNode || v.Value != "") {
			*to = v
		}
	}
}

func familyOf(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 6
	}
	return 4
}
