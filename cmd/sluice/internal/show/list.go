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
	"slices"
	"strings"
	"text/tabwriter"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/render"
)

// The values of -o.
const (
	Table = "table"
	JSON  = "json"
	YAML  = "yaml"
)

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
	limit int  // of a cell in characters, 0 for the usual
	lines bool // JSON has one of them a line and is written as they come: there may be hundreds of thousands
}

// field is one more field of an object.
type field struct {
	name  string
	value any
}

// print writes the things, and the other fields of their object where it is one.
func (l *list[T]) print(w io.Writer, format string, all iter.Seq[T], more ...field) error {
	switch {
	case format == Table:
		t := newTable(w, l.head...)
		t.limit = cmp.Or(l.limit, t.limit)
		for v := range all {
			l.row(t, v)
		}
		return t.flush()
	case format == JSON && l.lines:
		return l.stream(w, all, more)
	}
	items := []T{}
	for v := range all {
		items = append(items, v)
	}
	h := newHeader(l.kind)
	o := object{{"apiVersion", h.APIVersion}, {"kind", h.Kind}}
	return printObject(w, format, append(append(o, more...), field{l.field, items}))
}

// stream writes JSON without holding the things.
func (l *list[T]) stream(w io.Writer, all iter.Seq[T], more []field) error {
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
	fmt.Fprintf(out, "  %q: [", l.field)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	sep := "\n    "
	for v := range all {
		out.WriteString(sep)
		sep = "    ,"
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	if sep != "    ," {
		out.WriteString("\n")
	}
	out.WriteString("  ]\n}\n")
	return out.Flush()
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
		b, err := render.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
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

// table prints aligned columns. Cells are made printable: logs hold names that strangers chose.
type table struct {
	w     *tabwriter.Writer
	out   *bufio.Writer // under w, which writes every cell by itself
	limit int           // of a cell
}

func newTable(w io.Writer, head ...string) *table {
	out := bufio.NewWriterSize(w, 1<<16)
	t := &table{tabwriter.NewWriter(out, 0, 8, 2, ' ', 0), out, 120}
	fmt.Fprintln(t.w, strings.Join(head, "\t"))
	return t
}

func (t *table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			io.WriteString(t.w, "\t")
		}
		s, ok := c.(string)
		if !ok {
			s = fmt.Sprint(c)
		}
		io.WriteString(t.w, text.Printable(s, t.limit))
	}
	io.WriteString(t.w, "\n")
}

func (t *table) flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	return t.out.Flush()
}
