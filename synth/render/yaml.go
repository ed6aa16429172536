package render

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"sluice/model"
)

// Remark is a comment above the item of a list that has one as its field; "" is none. It is not part of the object.
type Remark string

// maxFlow is the column up to which what is tagged flow stands in one line; a longer list has a line for each item.
const maxFlow = 100

// Marshal writes an object as YAML for people: the fields in the order of the struct, named by their json tags, no text
// folded. Of two more tags `yaml:"flow"` keeps a list or map in one line where it fits, and `empty:"text"` says in a comment
// what {} means there. Texts that YAML could take for something else are quoted.
func Marshal(object any) ([]byte, error) {
	e := yamlWriters.Get().(*yamlWriter)
	e.b, e.err = e.b[:0], nil
	defer yamlWriters.Put(e)
	v := indirect(reflect.ValueOf(object))
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("write YAML: want a struct, have %T", object)
	}
	e.mapping(v, 0, false)
	if e.err != nil {
		return nil, e.err
	}
	return bytes.Clone(e.b), nil
}

// yamlWriters are used again: what grows is the buffer of each, and not that of each object.
var yamlWriters = sync.Pool{New: func() any { return &yamlWriter{} }}

// yamlField is a field of a struct as it is written.
type yamlField struct {
	index       int
	name, empty string
	omit, flow  bool
}

// yamlType is what is written of a struct; note is the index of its comment, -1 for none.
type yamlType struct {
	fields []yamlField
	note   int
}

var yamlTypes sync.Map // reflect.Type -> *yamlType

func yamlTypeOf(t reflect.Type) *yamlType {
	if known, ok := yamlTypes.Load(t); ok {
		return known.(*yamlType)
	}
	out := &yamlType{note: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[Remark]() {
			out.note = i
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		out.fields = append(out.fields, yamlField{i, name, f.Tag.Get("empty"), options == "omitempty",
			f.Tag.Get("yaml") == "flow"})
	}
	yamlTypes.Store(t, out)
	return out
}

// yamlWriter appends YAML until the first error.
type yamlWriter struct {
	b   []byte
	err error
}

func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

var labelsType = reflect.TypeFor[Labels]()

// absent reports whether omitempty leaves a value out.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return v.Type() == labelsType && v.Field(0).Len() == 0
	default:
		return v.IsZero()
	}
}

// written calls do for each entry of a struct or map that is written, in its order.
func (e *yamlWriter) written(v reflect.Value, do func(f *yamlField, v reflect.Value)) {
	if v.Kind() == reflect.Map {
		if m, ok := v.Interface().(map[string]string); ok { // labels, of which there are most
			var f yamlField
			for _, f.name = range slices.Sorted(maps.Keys(m)) {
				do(&f, reflect.ValueOf(m[f.name]))
			}
			return
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			do(&yamlField{name: k.String()}, indirect(v.MapIndex(k)))
		}
		return
	}
	if v.Type() == labelsType {
		var f yamlField
		for i := range v.Field(0).Len() {
			label := v.Field(0).Index(i)
			f.name = label.Field(0).String()
			do(&f, label.Field(1))
		}
		return
	}
	t := yamlTypeOf(v.Type())
	for i := range t.fields {
		if f := &t.fields[i]; !f.omit || !absent(v.Field(f.index)) {
			do(f, indirect(v.Field(f.index)))
		}
	}
}

// nothing reports whether a struct or map has no entry to write.
func (e *yamlWriter) nothing(v reflect.Value) bool {
	if v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	if v.Type() == labelsType {
		return absent(v)
	}
	t := yamlTypeOf(v.Type())
	for i := range t.fields {
		if f := &t.fields[i]; !f.omit || !absent(v.Field(f.index)) {
			return false
		}
	}
	return true
}

// mapping writes the entries of a struct or map, one below the other; with first, the first one goes on in its line.
func (e *yamlWriter) mapping(v reflect.Value, indent int, first bool) {
	e.written(v, func(f *yamlField, v reflect.Value) {
		if !first {
			e.indent(indent)
		}
		first = false
		e.scalar(f.name, false)
		e.text(":")
		switch v.Kind() {
		case reflect.Struct, reflect.Map:
			if e.nothing(v) {
				e.text(" {}")
				e.remark(f.empty)
				return
			}
			if f.flow && e.fits(v) {
				return
			}
			e.text("\n")
			e.mapping(v, indent+2, false)
		case reflect.Slice:
			e.list(f, v, indent)
		default:
			e.text(" ")
			e.value(v, false)
			e.text("\n")
		}
	})
}

// list writes a list in one line, or a line or more for each item.
func (e *yamlWriter) list(f *yamlField, v reflect.Value, indent int) {
	if v.Len() == 0 {
		e.text(" []\n")
		return
	}
	if f.flow && e.fits(v) {
		return
	}
	e.text("\n")
	for i := range v.Len() {
		item := indirect(v.Index(i))
		e.note(item, indent)
		e.indent(indent)
		e.text("- ")
		switch {
		case item.Kind() != reflect.Struct && item.Kind() != reflect.Map:
			e.value(item, false)
			e.text("\n")
		case e.nothing(item):
			e.text("{}")
			e.remark(f.empty)
		case f.flow:
			e.flow(item)
			e.text("\n")
		default:
			e.mapping(item, indent+2, true)
		}
	}
}

// fits writes a value and the end of the line where it fits there, else nothing.
func (e *yamlWriter) fits(v reflect.Value) bool {
	start := len(e.b)
	e.text(" ")
	e.flow(v)
	if len(e.b)-1-bytes.LastIndexByte(e.b[:start], '\n') > maxFlow {
		e.b = e.b[:start]
		return false
	}
	e.text("\n")
	return true
}

// note writes the comment of an item.
func (e *yamlWriter) note(item reflect.Value, indent int) {
	if item.Kind() != reflect.Struct {
		return
	}
	if t := yamlTypeOf(item.Type()); t.note >= 0 && item.Field(t.note).Len() > 0 {
		e.indent(indent)
		e.text("# " + model.Printable(item.Field(t.note).String()) + "\n")
	}
}

// remark ends a line, with a comment.
func (e *yamlWriter) remark(text string) {
	if text != "" {
		e.text(" # " + text)
	}
	e.text("\n")
}

// flow writes a value in one line.
func (e *yamlWriter) flow(v reflect.Value) {
	first := true
	comma := func() {
		if !first {
			e.text(", ")
		}
		first = false
	}
	switch v.Kind() {
	case reflect.Slice:
		e.text("[")
		for i := range v.Len() {
			comma()
			e.flow(indirect(v.Index(i)))
		}
		e.text("]")
	case reflect.Struct, reflect.Map:
		e.text("{")
		e.written(v, func(f *yamlField, v reflect.Value) {
			comma()
			e.scalar(f.name, true)
			e.text(": ")
			e.flow(v)
		})
		e.text("}")
	default:
		e.value(v, true)
	}
}

// value writes a scalar.
func (e *yamlWriter) value(v reflect.Value, inFlow bool) {
	switch v.Kind() {
	case reflect.String:
		e.scalar(v.String(), inFlow)
	case reflect.Bool:
		e.b = strconv.AppendBool(e.b, v.Bool())
	case reflect.Int, reflect.Int64:
		e.b = strconv.AppendInt(e.b, v.Int(), 10)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		e.b = strconv.AppendUint(e.b, v.Uint(), 10)
	case reflect.Float64:
		e.b = strconv.AppendFloat(e.b, v.Float(), 'f', -1, 64)
	default:
		e.err = fmt.Errorf("write YAML: a value of kind %s", v.Kind())
	}
}

func (e *yamlWriter) text(s string) { e.b = append(e.b, s...) }

func (e *yamlWriter) indent(n int) {
	for range n {
		e.b = append(e.b, ' ')
	}
}

// scalar writes a text plain where no reader of YAML, old or new, can take it for anything else.
func (e *yamlWriter) scalar(s string, inFlow bool) {
	if plain(s, inFlow) {
		e.text(s)
		return
	}
	e.text(`"`)
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			e.b = append(e.b, '\\', byte(r))
		case model.IsPrintable(r):
			e.b = utf8.AppendRune(e.b, r)
		case r <= 0xffff:
			e.b = fmt.Appendf(e.b, `\u%04x`, r)
		default:
			e.b = fmt.Appendf(e.b, `\U%08x`, r)
		}
	}
	e.text(`"`)
}

// plain reports whether a text needs no quotes.
func plain(s string, inFlow bool) bool {
	if s == "" || s[len(s)-1] == ' ' || s[len(s)-1] == ':' {
		return false
	}
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	switch c := s[0]; {
	case letter(c) || c == '/' || c == '(' || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../"):
	case digit(c) && strings.IndexByte(s, '/') > 0: // an address with its prefix is no number
	default:
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case letter(c) || digit(c) || strings.IndexByte("-_./()=&|!'", c) >= 0:
		case c == ' ' && s[i-1] != ' ':
		case c == ':' && !inFlow && s[i+1] != ' ':
		case strings.IndexByte("{},*", c) >= 0 && !inFlow:
		default:
			return false
		}
	}
	return !isNoText(s)
}

// isNoText reports whether YAML 1.1 takes a word for something else than a text.
func isNoText(s string) bool {
	const longest = len("false")
	return len(s) <= longest && slices.ContainsFunc(noTexts, func(no string) bool { return strings.EqualFold(s, no) })
}

var noTexts = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
