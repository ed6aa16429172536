package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sluice/model"
)

// encode writes an object as JSON that people can compare line by line.
func encode(object any) ([]byte, error) {
	var b bytes.Buffer
	err := encodeTo(&b, object)
	return b.Bytes(), err
}

// encodeTo is encode for what may be large: the items of the lists of a struct are encoded beside each other.
func encodeTo(out io.Writer, object any) error {
	w := &jsonWriter{out: out}
	if c, ok := object.(*committed); ok {
		object, w.item = &c.Manifest, committedItem
	}
	return w.all(object)
}

// jsonWriter takes JSON in one line and writes it with a line for each value, until the first error.
type jsonWriter struct {
	out   io.Writer
	err   error
	depth int
	text  []byte        // not yet written
	one   bytes.Buffer  // the last value
	item  func(any) any // what an item of a list is written as, nil: not at all; no func: all as they are

	library *json.Encoder // writes to one
}

// all writes a whole object.
func (w *jsonWriter) all(object any) error {
	w.object(reflect.Indirect(reflect.ValueOf(object)))
	w.text = append(w.text, '\n')
	w.flush(0)
	if w.err != nil {
		return fmt.Errorf("encode bundle: %w", w.err)
	}
	return nil
}

// object adds a struct field by field, and whatever else as it is.
func (w *jsonWriter) object(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		w.value(v)
		return
	}
	w.open('{')
	first := true
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options := fieldName(f)
		if !f.IsExported() || leftOut(v.Field(i), options) {
			continue
		}
		w.next(&first)
		w.text = append(strconv.AppendQuote(w.text, name), ':', ' ')
		w.field(v.Field(i))
		w.flush(1 << 16)
	}
	if first {
		w.depth--
		w.text = append(w.text, '}')
		return
	}
	w.close('}')
}

// field adds a value: a list of structs item by item, and a map of texts, which may be as long, name by name.
func (w *jsonWriter) field(v reflect.Value) {
	texts, isMap := v.Interface().(map[string]string)
	switch {
	case v.Kind() == reflect.Map && isMap && len(texts) > 0:
		names := slices.Sorted(maps.Keys(texts))
		w.pieces('{', '}', len(names), func(w *jsonWriter, i int) bool {
			w.value(reflect.ValueOf(names[i]))
			w.text = append(w.text, ':', ' ')
			w.value(reflect.ValueOf(texts[names[i]]))
			return true
		})
	case isList(v.Type()) && v.Len() > 0:
		w.pieces('[', ']', v.Len(), func(w *jsonWriter, i int) bool {
			item := v.Index(i).Addr().Interface()
			if w.item != nil {
				item = w.item(item)
			}
			if item != nil {
				w.value(reflect.ValueOf(item))
			}
			return item != nil
		})
	default:
		w.value(v)
	}
}

// The sizes in which long lists are encoded: so many items in a piece, and so many pieces at a time.
const (
	itemsInPiece = 64
	piecesAtOnce = 16
)

// pieces adds n items between brackets, some pieces of them beside each other. Add writes one, or reports that there is
// nothing of it to write.
func (w *jsonWriter) pieces(begin, end byte, n int, add func(w *jsonWriter, i int) bool) {
	none := true
	list := make([]*jsonWriter, min(piecesAtOnce, (n+itemsInPiece-1)/itemsInPiece))
	for k := range list {
		list[k] = &jsonWriter{depth: w.depth + 1, item: w.item}
	}
	for from := 0; from < n && w.err == nil; from += len(list) * itemsInPiece {
		model.Each(len(list), func(k int) {
			first := from + k*itemsInPiece
			list[k].piece(first, min(first+itemsInPiece, n), add)
		})
		for _, p := range list {
			if len(p.text) == 0 {
				continue
			}
			if none {
				w.open(begin)
			} else {
				w.text = append(w.text, ',')
			}
			none = false
			w.text = append(w.text, p.text...)
			w.err = cmp.Or(w.err, p.err)
			w.flush(1 << 16)
		}
	}
	if none {
		w.text = append(w.text, begin, end)
		return
	}
	w.close(end)
}

// piece is all that the writer has then: some items.
func (w *jsonWriter) piece(from, to int, add func(w *jsonWriter, i int) bool) {
	w.text = w.text[:0]
	for i := from; i < to; i++ {
		before := len(w.text)
		if before > 0 {
			w.text = append(w.text, ',')
		}
		w.line()
		if !add(w, i) {
			w.text = w.text[:before]
		}
	}
}

// list adds the items of a list one after the other.
func (w *jsonWriter) list(items iter.Seq[any]) {
	first := true
	for item := range items {
		if w.item != nil {
			if item = w.item(item); item == nil {
				continue
			}
		}
		if first {
			w.open('[')
		}
		w.next(&first)
		w.value(reflect.ValueOf(item))
		w.flush(1 << 16)
	}
	if first {
		w.text = append(w.text, "[]"...)
		return
	}
	w.close(']')
}

// isList reports whether a type is a list of structs.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// fieldName is what a field is called in JSON, with the options of its tag.
func fieldName(f reflect.StructField) (name, options string) {
	name, options, _ = strings.Cut(f.Tag.Get("json"), ",")
	return name, options
}

// leftOut reports whether a field has a tag because of which it is not written.
func leftOut(v reflect.Value, options string) bool {
	if k := v.Kind(); options == "omitempty" && (k == reflect.Slice || k == reflect.Map) {
		return v.Len() == 0
	}
	return options != "" && v.IsZero()
}

func (w *jsonWriter) open(c byte) {
	w.text = append(w.text, c)
	w.depth++
}

func (w *jsonWriter) close(c byte) {
	w.depth--
	w.line()
	w.text = append(w.text, c)
}

// next begins an item.
func (w *jsonWriter) next(first *bool) {
	if !*first {
		w.text = append(w.text, ',')
	}
	*first = false
	w.line()
}

// value adds what the library makes of a value.
func (w *jsonWriter) value(v reflect.Value) {
	if w.library == nil {
		w.library = json.NewEncoder(&w.one)
		w.library.SetEscapeHTML(false)
	}
	w.one.Reset()
	if err := w.library.Encode(v.Interface()); err != nil {
		w.err = cmp.Or(w.err, err)
		return
	}
	w.add(bytes.TrimSuffix(w.one.Bytes(), []byte{'\n'}))
}

// flush writes what there is if it is more than some bytes.
func (w *jsonWriter) flush(more int) {
	if w.err == nil && len(w.text) > more {
		_, w.err = w.out.Write(w.text)
		w.text = w.text[:0]
	}
}

// add takes a whole value.
func (w *jsonWriter) add(in []byte) {
	for i := 0; i < len(in); i++ {
		switch c := in[i]; c {
		case '"':
			end, plain := stringEnd(in, i)
			w.string(in[i:end], plain)
			i = end - 1
		case '{', '[':
			if closing := in[i+1]; closing == '}' || closing == ']' {
				w.text = append(w.text, c, closing)
				i++
				continue
			}
			w.open(c)
			w.line()
		case '}', ']':
			w.close(c)
		case ',':
			w.text = append(w.text, c)
			w.line()
		case ':':
			w.text = append(w.text, ':', ' ')
		default:
			w.text = append(w.text, c)
		}
	}
}

// stringEnd is where the string that begins at a quote ends, and whether it can stay as it is.
func stringEnd(in []byte, start int) (end int, plain bool) {
	plain = true
	for i := start + 1; ; i++ {
		switch c := in[i]; {
		case c == '"':
			return i + 1, plain
		case c == '\\':
			i++
			plain = plain && in[i] >= ' ' && in[i] <= '~' && in[i] != '<'
		case c < ' ' || c > '~' || c == '<':
			plain = false
		}
	}
}

// string adds a string with its quotes. Arrows stay readable, and no text of a log can open a tag.
func (w *jsonWriter) string(s []byte, plain bool) {
	if plain {
		w.text = append(w.text, s...)
		return
	}
	w.text = append(w.text, strings.ReplaceAll(model.Printable(string(s)), "<", `\u003c`)...)
}

// lineStart is a line end and the indentation of the deepest values that there are.
var lineStart = append([]byte{'\n'}, bytes.Repeat([]byte("  "), 32)...)

func (w *jsonWriter) line() { w.text = append(w.text, lineStart[:1+2*w.depth]...) }
