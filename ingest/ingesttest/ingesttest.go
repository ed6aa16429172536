// Package ingesttest is the kit for formats of logs: what package ingest promises of each of them, as one test and one
// fuzz target. A new format is done when both pass. README.md beside it has the steps.
package ingesttest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/ingest/source"
	"sluice/model"
)

// outcome is what became of an input, as sorted lines.
type outcome struct {
	mu      sync.Mutex
	tables  model.Tables
	source  string
	lines   int64 // of the input
	flows   []string
	rejects []string
	faults  []string // promises that were broken
	err     error
}

// Flow implements ingest.Sink.
func (o *outcome) Flow(f *model.Flow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := *f
	c.SrcPod, c.DstPod, c.SrcIP, c.DstIP, c.Src, c.Dst = nil, nil, nil, nil, model.Ref{}, model.Ref{}
	var ends []string
	for _, r := range []model.Ref{f.Src, f.Dst} {
		e := o.tables.Endpoints.Get(r.ID)
		if e.Kind != r.Kind || e.Kind == model.KindAddress && r.Entities == 0 && !e.Address.IsValid() {
			o.faults = append(o.faults, fmt.Sprintf("a reference of kind %s to %+v", r.Kind, e))
		}
		ends = append(ends, e.Key())
	}
	o.flows = append(o.flows, fmt.Sprintf("%q %s %s %s %s %+v", ends, f.SrcPod, f.DstPod, f.SrcIP, f.DstIP, c))
}

// Reject implements ingest.Sink.
func (o *outcome) Reject(r ingest.Rejection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rejects = append(o.rejects, fmt.Sprintf("%d: %s", r.Line, model.FateText(r.Fate, r.Reason)))
	switch {
	case r.Source != o.source || r.Line < 1 || r.Line > o.lines:
		o.faults = append(o.faults, fmt.Sprintf("no place of %d lines: %+v", o.lines, r))
	case r.Fate != model.Malformed && r.Fate != model.Irrelevant && r.Fate != model.Refused ||
		r.Reason == model.ReasonNone:
		o.faults = append(o.faults, fmt.Sprintf("no fate of a rejection: %+v", r))
	case r.Fate == model.Malformed && r.Detail == "" || !utf8.ValidString(r.Detail) || strings.ContainsAny(r.Detail, "\n\x1b\x00"):
		o.faults = append(o.faults, fmt.Sprintf("no printable detail: %+v", r))
	}
}

// read reads an input and checks what holds for every one.
func read(t testing.TB, formats []ingest.Format, text string, workers int, in io.Reader) *outcome {
	t.Helper()
	return readSource(t, formats, text, workers, "-", in)
}

// readFile reads a text as a file, which workers read at several places at once.
func readFile(t testing.TB, formats []ingest.Format, text string, workers int) *outcome {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readSource(t, formats, text, workers, name, nil)
}

func readSource(t testing.TB, formats []ingest.Format, text string, workers int, name string, in io.Reader) *outcome {
	t.Helper()
	o := &outcome{tables: model.NewTables(), source: name, lines: int64(strings.Count(text, "\n")) + 1}
	sum, err := source.Read(t.Context(), []string{name}, in, source.Options{
		Workers: workers, Formats: formats, Tables: o.tables, NewSink: func() ingest.Sink { return o },
	})
	if err != nil {
		t.Fatal(err)
	}
	o.err = sum.Sources[0].Err
	if n := sum.Sources[0].Records; n != int64(len(o.flows)+len(o.rejects)) {
		t.Errorf("%d records of which %d have a fate", n, len(o.flows)+len(o.rejects))
	}
	for _, f := range o.faults {
		t.Error(f)
	}
	slices.Sort(o.flows)
	slices.Sort(o.rejects)
	return o
}

func (o *outcome) same(t testing.TB, what string, other *outcome) {
	t.Helper()
	if d := diff(o.flows, other.flows); d != "" {
		t.Errorf("%s: flows (-want +got)\n%s", what, d)
	}
	if d := diff(o.rejects, other.rejects); d != "" {
		t.Errorf("%s: rejections (-want +got)\n%s", what, d)
	}
}

// diff compares lists of thousands, which are equal as a rule.
func diff(want, got []string) string {
	if slices.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// Format checks that a format keeps what package ingest promises: every record has one fate; a broken one costs itself
// alone, wherever it is cut; the outcome does not depend on the size of reads, the order of records, the number of
// workers or on what stands around records; rejections have a place and a text that can be printed; flows refer to
// endpoints of their kinds. The good are records that become flows, at least three, each on one line; the bad are
// records of the format that do not.
func Format(t *testing.T, f ingest.Format, good, bad []string) {
	formats := []ingest.Format{f}
	t.Run("records", func(t *testing.T) {
		for _, r := range append(slices.Clone(good), bad...) {
			o := read(t, formats, r, 1, strings.NewReader(r))
			if len(o.flows)+len(o.rejects) != 1 || o.err != nil || !f.Sniff([]byte(r)) {
				t.Errorf(
					"%d flows, %d rejections, %v, recognized %v: %s",
					len(o.flows),
					len(o.rejects),
					o.err,
					f.Sniff([]byte(r)),
					r,
				)
			}
			if (len(o.flows) == 1) != slices.Contains(good, r) {
				t.Errorf("%q: %s", o.rejects, r)
			}
		}
	})
	t.Run("cut", func(t *testing.T) { cuts(t, f, good) })
	t.Run("around", func(t *testing.T) {
		plain := read(t, formats, "\n", 1, strings.NewReader(Wrappings[0].Wrap(good)))
		for _, w := range Wrappings {
			text := w.Wrap(good)
			o := read(t, formats, text, 2, strings.NewReader(text))
			if d := diff(plain.flows, o.flows); d != "" || len(o.rejects) != w.Beside || o.err != nil {
				t.Errorf(
					"%s: %d rejections, want %d: %q, %v\n%s",
					w.Name,
					len(o.rejects),
					w.Beside,
					o.rejects,
					o.err,
					d,
				)
			}
			slow := read(t, formats, text, 1, iotest.OneByteReader(strings.NewReader(text)))
			o.same(t, w.Name+", byte by byte", slow)
		}
	})
	t.Run("workers", func(t *testing.T) { workers(t, f, good, bad) })
}

// cuts checks that a record that is cut anywhere costs itself alone, and that nothing in it is taken for a record.
func cuts(t *testing.T, f ingest.Format, good []string) {
	for i, r := range good {
		next := good[(i+1)%len(good)]
		alone := read(t, []ingest.Format{f}, next, 1, strings.NewReader(next))
		for n := 1; n < len(r); n += 1 + 3*i {
			for _, format := range []string{"%[1]s\n%[2]s\n%[1]s", "%[1]s\n%[2]s\n\n  %[1]s", "[%[1]s,\n%[2]s\n%[1]s]"} {
				text := fmt.Sprintf(format, next, r[:n])
				o := read(t, []ingest.Format{f}, text, 1, strings.NewReader(text))
				if len(o.flows) != 2 || o.flows[0] != alone.flows[0] || o.flows[1] != alone.flows[0] ||
					len(o.rejects) != 1 {
					t.Fatalf(
						"cut after %d bytes: %d flows of the 2 around it, rejected %q\n%s",
						n,
						len(o.flows),
						o.rejects,
						text,
					)
				}
			}
		}
	}
}

// workers checks inputs of many blocks: neither the number of workers nor the order of records counts.
func workers(t *testing.T, f ingest.Format, good, bad []string) {
	var records []string
	for size := 0; size < 3*(1<<19); {
		for i, r := range append(slices.Clone(good), bad...) {
			records = append(records, r)
			if size += len(r); i%7 == 3 {
				records = append(records, r[:len(r)/2])
			}
		}
	}
	backwards := slices.Clone(records)
	slices.Reverse(backwards)
	for _, w := range []Wrapping{
		{Name: "lines", Wrap: lines("%s")},
		{Name: "array over lines", Wrap: list("[\n", ",\n", "\n]")},
		{Name: "one after the other", Wrap: lines("\n%s\n")},
		{Name: "CRI with parts", Wrap: parts(at+" stdout P %s\n"+at+" stderr F hello\n", at+" stdout F %s\n")},
	} {
		text := w.Wrap(records)
		want := read(t, []ingest.Format{f}, text, 1, strings.NewReader(text))
		if len(want.flows) == 0 || len(want.rejects) == 0 {
			t.Fatalf("%s: %d flows, %d rejections", w.Name, len(want.flows), len(want.rejects))
		}
		for _, n := range []int{2, 5} {
			want.same(
				t,
				fmt.Sprintf("%s with %d workers", w.Name, n),
				read(t, []ingest.Format{f}, text, n, strings.NewReader(text)),
			)
			want.same(t, fmt.Sprintf("%s of a file with %d workers", w.Name, n), readFile(t, []ingest.Format{f}, text, n))
		}
		want.same(
			t,
			w.Name+" in small reads",
			read(t, []ingest.Format{f}, text, 2, iotest.HalfReader(strings.NewReader(text))),
		)
		turned := w.Wrap(backwards)
		o := read(t, []ingest.Format{f}, turned, 2, strings.NewReader(turned))
		if d := diff(want.flows, o.flows); d != "" || len(o.rejects) != len(want.rejects) {
			t.Errorf("%s, backwards: %d rejections, want %d\n%s", w.Name, len(o.rejects), len(want.rejects), d)
		}
	}
}

// Fuzz checks what holds for every input, whatever it is: each record has one fate, rejections have a place and a text,
// flows refer to endpoints of their kinds, and neither workers nor the size of reads change the outcome.
func Fuzz(f *testing.F, format ingest.Format, seeds []string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, w := range Wrappings {
		f.Add([]byte(w.Wrap(seeds)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want := read(t, []ingest.Format{format}, string(in), 1, bytes.NewReader(in))
		got := read(t, []ingest.Format{format}, string(in), 2, iotest.HalfReader(bytes.NewReader(in)))
		want.same(t, "two workers and smaller reads", got)
	})
}
