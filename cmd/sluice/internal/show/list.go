// Package show prints what the commands find: one view of each kind for JSON and YAML, a table or a text of it for
// people, and what goes on while they work. It decides nothing and reads nothing.
package show

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/model"
)

// The values of -o.
const (
	Table = "table"
	JSON  = "json"
	YAML  = "yaml"

	// Lists have these too.
	Wide = "wide" // a table with whole cells
	CSV  = "csv"

	// What is a graph has these too.
	Dot     = "dot"
	Mermaid = "mermaid"
	SVG     = "svg"
)

// ListFormats are the values of -o that lists have beside those of every command.
func ListFormats() []string { return []string{Wide, CSV} }

// GraphFormats are those of lists that are graphs.
func GraphFormats() []string { return append(ListFormats(), Dot, Mermaid, SVG) }

// Formats are the values of -o that every command has, the default first.
func Formats() []string { return []string{Table, JSON, YAML} }

// CheckFormat is the error for a format that is none, neither of all commands nor of one that has more.
func CheckFormat(f string, more ...string) error {
	if known := append(Formats(), more...); !slices.Contains(known, f) {
		return run.Usagef("unknown output format %q: use %s", f, strings.Join(known, ", "))
	}
	return nil
}

// header is on every printed object.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func newHeader(kind string) header { return header{"sluice/v1", kind} }

// list prints things of one kind in every format.
type list[T any] struct {
	kind  string // of the object that holds them
	field string // of the object
	head  []string
	row   func(t *table, v T)
	limit int // of a cell in characters, 0 for the usual
}

// field is one more field of an object.
type field struct {
	name  string
	value any
}

// print writes the things, and the other fields of their object where it is one.
func (l *list[T]) print(w io.Writer, format string, all iter.Seq[T], more ...field) error {
	if t := l.table(w, format); t != nil {
		for v := range all {
			l.row(t, v)
		}
		return t.flush()
	}
	items := []T{}
	for v := range all {
		items = append(items, v)
	}
	h := newHeader(l.kind)
	o := object{{"apiVersion", h.APIVersion}, {"kind", h.Kind}}
	return printObject(w, format, append(append(o, more...), field{l.field, items}))
}

// table returns the table of a format, nil for one that is none.
func (l *list[T]) table(w io.Writer, format string) *table {
	switch format {
	case CSV:
		return newCSV(w, l.head)
	case Table, Wide:
		t := newTable(w, l.head...)
		if t.limit = cmp.Or(l.limit, t.limit); format == Wide {
			t.limit = wholeCell
		}
		return t
	}
	return nil
}

// aligned writes n things as a table, whose rows are made on all processors. There may be hundreds of thousands.
func (l *list[T]) aligned(w io.Writer, format string, n int, at func(i int) T) error {
	const portion = 1 << 11
	t := l.table(w, format)
	parts := make([]table, (n+portion-1)/portion)
	model.Each(len(parts), func(k int) {
		parts[k].limit = t.limit
		for i := k * portion; i < min((k+1)*portion, n); i++ {
			l.row(&parts[k], at(i))
		}
	})
	for k := range parts {
		t.lines.join(&parts[k].lines)
	}
	return t.flush()
}

// stream writes JSON, one of n things a line, without holding them: there may be hundreds of thousands. They are added
// on all processors.
func (l *list[T]) stream(w io.Writer, n int, add func(b []byte, i int) []byte, more ...field) error {
	const portion = 256
	out := bufio.NewWriterSize(w, 1<<16)
	h := newHeader(l.kind)
	fmt.Fprintf(out, "{\n  \"apiVersion\": %q,\n  \"kind\": %q,\n", h.APIVersion, h.Kind)
	for _, f := range more {
		b, err := json.Marshal(f.value)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %q: %s,\n", f.name, b)
	}
	fmt.Fprintf(out, "  %q: [\n", l.field)
	parts := make([][]byte, 4*runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += portion * len(parts) {
		model.Each(len(parts), func(k int) {
			first := from + k*portion
			parts[k] = lines(parts[k][:0], first, min(first+portion, n), add)
		})
		for _, p := range parts {
			if _, err := out.Write(p); err != nil {
				return err
			}
		}
	}
	out.WriteString("  ]\n}\n")
	return out.Flush()
}

// lines adds some things of a list, one a line.
func lines(b []byte, from, to int, add func(b []byte, i int) []byte) []byte {
	for i := from; i < to; i++ {
		sep := "    ,"
		if i == 0 {
			sep = "    "
		}
		b = append(add(append(b, sep...), i), '\n')
	}
	return b
}

// object is printed with its fields in their order.
type object []field

// MarshalJSON writes the fields.
func (o object) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, f := range o {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, "%q:", f.name)
		if err := enc.Encode(f.value); err != nil {
			return nil, err
		}
	}
	return []byte(b.String() + "}"), nil
}

// printObject writes v as JSON or YAML.
func printObject(w io.Writer, format string, v any) error {
	if format == YAML {
		return printYAML(w, v)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printLine writes v as one line of JSON.
func printLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
