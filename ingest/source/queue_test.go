package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

// readAgain reads inputs, none of them twice, and says what it read of each.
func readAgain(t *testing.T, workers int, inputs ...string) (l *log, sources []Source) {
	t.Helper()
	l = &log{}
	sum, err := Read(context.Background(), inputs, nil, Options{Workers: workers, Formats: all.Formats(),
		Tables: model.NewTables(), NewSink: func() ingest.Sink { return l }, Past: map[string]int64{}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(l.ports)
	slices.Sort(l.rejects)
	return l, sum.Sources
}

// TestBeside: files that are read beside each other give what they give one after the other: each its own records,
// bytes and errors, in their order, and one that is there twice counts once where that is asked for.
func TestBeside(t *testing.T) {
	text, _, _ := many()
	var names []string
	dir := t.TempDir()
	add := func(name, text string) {
		names = append(names, filepath.Join(dir, name))
		if err := os.WriteFile(names[len(names)-1], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packed := gzipped(t, string(text))
	for i := range 12 {
		one := fmt.Sprintf(record+"\n", 10_000+i)
		add(fmt.Sprintf("%d.packed", i), gzipped(t, one+string(text)))
		add(fmt.Sprintf("%d.small", i), one+"{broken\n"+fmt.Sprintf(record, 20_000+i))
		add(fmt.Sprintf("%d.pretty", i), strings.Repeat(fmt.Sprintf(pretty, 30_000+i), 2))
		switch i {
		case 2:
			add("cut", packed[:len(packed)/2])
		case 3:
			add("none", "")
			add("foreign", "PAR1")
			add("foreign 1", "x,y\n")
			add("foreign 2", "x,y\n") // nothing of the other was read: it is told again
		case 5:
			add("large", string(bytes.Repeat(text, besideSize/len(text)+1)))
			names = append(names, filepath.Join(dir, "missing"))
		case 4, 7, 8:
			add(fmt.Sprintf("%d.again", i), packed)
		}
	}
	want, wantSum := readAll(t, 1, nil, names...)
	wantOnce, wantSources := readAgain(t, 1, names...)
	private := cmpopts.IgnoreUnexported(Source{})
	errs := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
	for _, workers := range []int{2, 3, 8} {
		got, sum := readAll(t, workers, nil, names...)
		if d := cmp.Diff(wantSum.Sources, sum.Sources, private, errs); d != "" {
			t.Errorf("%d workers: %s", workers, d)
		}
		if !slices.Equal(want.ports, got.ports) || !slices.Equal(want.rejects, got.rejects) {
			t.Errorf("%d workers: %d flows and %d rejections, want %d and %d", workers, len(got.ports), len(got.rejects),
				len(want.ports), len(want.rejects))
		}
		once, sources := readAgain(t, workers, names...)
		if d := cmp.Diff(wantSources, sources, private, errs); d != "" {
			t.Errorf("%d workers, each once: %s", workers, d)
		}
		if !slices.Equal(wantOnce.ports, once.ports) || !slices.Equal(wantOnce.rejects, once.rejects) {
			t.Errorf("%d workers, each once: %d flows and %d rejections", workers, len(once.ports), len(once.rejects))
		}
	}
	alike, skipped := 0, 0
	for i := range wantSources {
		if wantSum.Sources[i].Alike != "" {
			alike++
		}
		if wantSources[i].Skipped {
			skipped++
		}
	}
	for i, name := range names {
		if strings.Contains(name, "foreign") && (wantSources[i].Err == nil || wantSources[i].Skipped) {
			t.Errorf("%+v", wantSources[i])
		}
	}
	if alike != 12+4 || skipped != 2 {
		t.Errorf("%d sources begin as others do, %d were skipped", alike, skipped)
	}
}

// TestBesideEnds: reading ends with its context, also where several files are read.
func TestBesideEnds(t *testing.T) {
	text, _, _ := many()
	var names []string
	for i := range 20 {
		names = append(names, filepath.Join(t.TempDir(), fmt.Sprint(i)))
		if err := os.WriteFile(names[i], []byte(gzipped(t, string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	sum, err := Read(ctx, names, nil, Options{Workers: 2, Formats: all.Formats(), Tables: model.NewTables(),
		NewSink: func() ingest.Sink {
			if n++; n == 2 {
				cancel()
			}
			return rejections(func(ingest.Rejection) {})
		}})
	if !errors.Is(err, context.Canceled) || len(sum.Sources) == len(names) {
		t.Errorf("%v, %d sources", err, len(sum.Sources))
	}
}
