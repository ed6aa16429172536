package calico

import (
	"fmt"
	"strings"

	"sluice/synth/policy"
)

// Limits of a selector: Calico's on labels, and ours on nesting, which no written selector comes near.
const (
	maxLabel = 512
	maxDepth = 1000
)

// ParseSelector reads a selector in Calico's language. Negations move down to the conditions, which all have their
// opposite, so that a selector is a conjunction of conditions and alternatives. The empty text selects everything.
func ParseSelector(text string) (policy.Selector, error) {
	return parseSelector(text, policy.Selector{}, "")
}

// parseSelector reads a selector in which all() stands for what is given, and puts a prefix before every label.
func parseSelector(text string, all policy.Selector, prefix string) (policy.Selector, error) {
	return (&selectorParser{rest: text, all: all, prefix: prefix}).whole(false)
}

// parseOpposite reads a selector and gives the one of everything else.
func parseOpposite(text string) (policy.Selector, error) {
	return (&selectorParser{rest: text}).whole(true)
}

func (p *selectorParser) whole(negated bool) (policy.Selector, error) {
	p.space()
	if p.rest == "" {
		return p.everything(negated).Canonical(), nil
	}
	s := p.or(negated, 0)
	if p.err == nil && p.rest != "" {
		p.fail("unexpected %q", p.rest)
	}
	if p.err != nil {
		return nil, p.err
	}
	return s.Canonical(), nil
}

// never selects nothing.
func never() policy.Selector { return policy.Selector{{Op: policy.Either}} }

func isNever(s policy.Selector) bool {
	return len(s) == 1 && s[0].Op == policy.Either && len(s[0].Any) == 0
}

// both selects what every one of the selectors does.
func both(list []policy.Selector) policy.Selector {
	var out policy.Selector
	for _, s := range list {
		if isNever(s) {
			return never()
		}
		out = append(out, s...)
	}
	return out.Canonical()
}

// either selects what one of the selectors does.
func either(list []policy.Selector) policy.Selector {
	var any []policy.Selector
	for _, s := range list {
		switch {
		case len(s) == 0:
			return nil
		case len(s) == 1 && s[0].Op == policy.Either:
			any = append(any, s[0].Any...)
		default:
			any = append(any, s)
		}
	}
	out := policy.Selector{{Op: policy.Either, Any: any}}.Canonical()
	if len(out[0].Any) == 1 {
		return out[0].Any[0]
	}
	return out
}

// selectorParser reads by recursive descent. negated says that an odd number of "!" stands before what is read.
type selectorParser struct {
	rest   string
	all    policy.Selector
	prefix string
	err    error
}

func (p *selectorParser) fail(format string, args ...any) policy.Selector {
	if p.err == nil {
		p.err = fmt.Errorf("selector: "+format, args...)
	}
	return nil
}

// space skips blanks: line ends are none.
func (p *selectorParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// take skips a sign and the space behind it, if it comes next.
func (p *selectorParser) take(sign string) bool {
	rest, ok := strings.CutPrefix(p.rest, sign)
	if ok {
		p.rest = rest
		p.space()
	}
	return ok
}

func (p *selectorParser) or(negated bool, depth int) policy.Selector {
	terms := []policy.Selector{p.and(negated, depth)}
	for p.err == nil && p.take("||") {
		terms = append(terms, p.and(negated, depth))
	}
	return join(terms, !negated)
}

func (p *selectorParser) and(negated bool, depth int) policy.Selector {
	terms := []policy.Selector{p.operation(negated, depth)}
	for p.err == nil && p.take("&&") {
		terms = append(terms, p.operation(negated, depth))
	}
	return join(terms, negated)
}

func join(terms []policy.Selector, alternatives bool) policy.Selector {
	if len(terms) == 1 {
		return terms[0]
	}
	if alternatives {
		return either(terms)
	}
	return both(terms)
}

func (p *selectorParser) operation(negated bool, depth int) policy.Selector {
	for !strings.HasPrefix(p.rest, "!=") && p.take("!") {
		negated = !negated
	}
	switch {
	case depth > maxDepth:
		return p.fail("nested too deeply")
	case p.take("("):
		s := p.or(negated, depth+1)
		if p.err == nil && !p.take(")") {
			return p.fail("no ) for a (")
		}
		return s
	case p.take("has("):
		key := p.label()
		if p.err == nil && !p.take(")") {
			return p.fail("no ) after has(%s", key)
		}
		return condition(p.prefix+key, policy.Exists, negated)
	case p.take("all("):
		if !p.take(")") {
			return p.fail("no ) after all(")
		}
		return p.everything(negated)
	case p.take("global("):
		return p.fail("global() can only be a whole namespaceSelector of a rule")
	}
	return p.comparison(negated)
}

// everything is all(), which has an opposite only where it stands for everything or nothing.
func (p *selectorParser) everything(negated bool) policy.Selector {
	switch {
	case !negated:
		return p.all
	case len(p.all) == 0:
		return never()
	}
	return nil
}

// condition is a condition without value or its opposite.
func condition(key string, op policy.Op, negated bool, values ...string) policy.Selector {
	if negated {
		op++ // each is followed by its opposite
	}
	return policy.Selector{{Key: key, Op: op, Values: values}}.Canonical()
}

func (p *selectorParser) comparison(negated bool) policy.Selector {
	key := p.prefix + p.label()
	if p.err != nil {
		return nil
	}
	for _, c := range []struct {
		sign  string
		op    policy.Op
		minus bool
	}{{"==", policy.In, false}, {"!=", policy.In, true}} {
		if p.take(c.sign) {
			return condition(key, c.op, negated != c.minus, p.text())
		}
	}
	for _, c := range []struct {
		words []string
		op    policy.Op
		minus bool
		set   bool
	}{
		{[]string{"contains"}, policy.Contains, false, false}, {[]string{"starts", "with"}, policy.StartsWith, false, false},
		{[]string{"ends", "with"}, policy.EndsWith, false, false}, {[]string{"not", "in"}, policy.In, true, true},
		{[]string{"in"}, policy.In, false, true},
	} {
		switch {
		case !p.words(c.words):
		case c.set:
			return condition(key, c.op, negated != c.minus, p.set()...)
		default:
			return condition(key, c.op, negated != c.minus, p.text())
		}
	}
	return p.fail("no operator after %q", key)
}

// words takes the words of an operator, between which there may be blanks.
func (p *selectorParser) words(list []string) bool {
	rest := p.rest
	for i, w := range list {
		if i > 0 {
			rest = strings.TrimLeft(rest, " \t")
		}
		var ok bool
		if rest, ok = strings.CutPrefix(rest, w); !ok {
			return false
		}
	}
	after := rest
	if len(list) > 1 {
		after = strings.TrimLeft(rest, " \t")
	}
	if after != "" && labelChar(after[0]) {
		return false
	}
	p.rest = rest
	p.space()
	return true
}

func labelChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_./-", c) >= 0
}

func (p *selectorParser) label() string {
	n := 0
	for n < len(p.rest) && labelChar(p.rest[n]) {
		n++
	}
	key := p.rest[:n]
	switch {
	case n == 0:
		p.fail("want a label at %q", p.rest)
	case n > maxLabel:
		p.fail("a label of %d characters, of which there may be %d", n, maxLabel)
	}
	p.rest = p.rest[n:]
	p.space()
	return key
}

// text takes a string in single or double quotes, in which nothing is escaped.
func (p *selectorParser) text() string {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		p.fail("want a quoted value at %q", p.rest)
		return ""
	}
	value, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok {
		p.fail("no closing quote for %s", p.rest)
	}
	p.rest = rest
	p.space()
	return value
}

// set takes values in braces, none of them too.
func (p *selectorParser) set() []string {
	if !p.take("{") {
		p.fail("want { at %q", p.rest)
		return nil
	}
	var values []string
	for p.err == nil && p.rest != "" && p.rest[0] != '}' {
		values = append(values, p.text())
		if !p.take(",") {
			break
		}
	}
	if p.err == nil && !p.take("}") {
		p.fail("want } at %q", p.rest)
	}
	return values
}
