package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

const (
	record = `{"flow":{"time":"2026-03-01T10:20:30Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":%d,"destination_port":443}},"source":{"identity":815,"namespace":"bank","labels":["k8s:app=till"]},"destination":{"identity":2,"labels":["reserved:world"]},"is_reply":false}}`
	pretty = `{
  "verdict": "FORWARDED",
  "l4": {"TCP": {"source_port": %d, "destination_port": 443}},
  "source": {
    "labels": ["k8s:app={\"till\""]
  }
}
`
)

// log collects what all sinks of a read are given.
type log struct {
	mu      sync.Mutex
	ports   []int
	rejects []string
}

func (l *log) Flow(f *model.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ports = append(l.ports, int(f.SrcPort))
}

func (l *log) Reject(r ingest.Rejection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejects = append(l.rejects, fmt.Sprintf("%d:%s", r.Line, r.Reason))
}

func readAll(t *testing.T, workers int, stdin io.Reader, inputs ...string) (*log, Summary) {
	t.Helper()
	l := &log{}
	var stored, records atomic.Int64
	sum, err := Read(context.Background(), inputs, stdin, Options{Workers: workers, Formats: all.Formats(), Tables: model.NewTables(),
		NewSink:  func() ingest.Sink { return l },
		Progress: func(b, r int64) { stored.Add(b); records.Add(r) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sum.Sources {
		stored.Add(-s.Bytes)
		records.Add(-s.Records)
	}
	if stored.Load() != 0 || records.Load() != 0 {
		t.Errorf("progress is %d bytes and %d records off", stored.Load(), records.Load())
	}
	slices.Sort(l.ports)
	slices.Sort(l.rejects)
	return l, sum
}

// many is a log of several blocks with broken lines, and what reading it must give.
func many() (text []byte, ports []int, rejects []string) {
	var b bytes.Buffer
	for i := range 6000 {
		if i%1000 == 999 {
			fmt.Fprintf(&b, "{broken\n")
			rejects = append(rejects, fmt.Sprintf("%d:bad-json", i+1))
			continue
		}
		fmt.Fprintf(&b, record+"\n", i)
		ports = append(ports, i)
	}
	slices.Sort(rejects)
	return b.Bytes(), ports, rejects
}

func TestBlocks(t *testing.T) {
	text, ports, rejects := many()
	dir := t.TempDir()
	var gz, zs bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(text)
	z.Close()
	e, _ := zstd.NewWriter(&zs)
	e.Write(text)
	e.Close()
	for name, data := range map[string][]byte{"plain": text, "gzip": gz.Bytes(), "zstd": zs.Bytes()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2, 5} {
			l, sum := readAll(t, workers, nil, path)
			if sum.Sources[0].Err != nil || sum.Sources[0].Records != 6000 || sum.Sources[0].Bytes != int64(len(data)) {
				t.Errorf("%s: %+v", name, sum.Sources[0])
			}
			if !slices.Equal(l.ports, ports) {
				t.Errorf("%s with %d workers: %d records", name, workers, len(l.ports))
			}
			if diff := cmp.Diff(rejects, l.rejects); diff != "" {
				t.Errorf("%s with %d workers: %s", name, workers, diff)
			}
		}
	}
}

func TestLongLine(t *testing.T) {
	one := fmt.Sprintf(record+"\n", 1)
	text := strings.Repeat(one, 1000) + `{"flow":{"x":"` + strings.Repeat("x", maxLine) + "\"}}\n" + one + "{broken\n" + one
	l, _ := readAll(t, 2, strings.NewReader(text), "-")
	if diff := cmp.Diff([]string{"1001:too-long", "1003:bad-json"}, l.rejects); diff != "" {
		t.Error(diff)
	}
	if len(l.ports) != 1002 {
		t.Errorf("%d records", len(l.ports))
	}
	fits := one + `{"flow":{"verdict":"FORWARDED","x":"` + strings.Repeat("x", maxLine/2) + "\"}}\n" + one
	if l, _ = readAll(t, 2, strings.NewReader(fits), "-"); len(l.ports) != 3 {
		t.Errorf("%d records beside a line within the limit, %v", len(l.ports), l.rejects)
	}
}

func TestDirectory(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	n := 0
	write := func(path ...string) string {
		n++
		p := filepath.Join(path...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, fmt.Appendf(nil, record, n), 0o600)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	link := func(to string, path ...string) {
		if err := os.Symlink(to, filepath.Join(path...)); err != nil {
			t.Fatal(err)
		}
	}
	write(dir, "a.log")             // 1
	write(dir, "node", "b.log")     // 2
	write(dir, ".hidden")           // 3
	write(dir, ".git", "c.log")     // 4
	far := write(other, "far.log")  // 5
	link("a.log", dir, "latest")    // read as a.log
	link(far, dir, "far")           // read
	link(far, dir, "far-again")     // read as far
	link(dir, other, "whole")       // named itself
	link("nowhere", dir, "z-stale") // tells
	link(other, dir, "z-tree")      // tells
	if runtime.GOOS != "windows" {
		link("/dev/zero", dir, "endless") // no log
	}
	for _, in := range []string{dir, dir + "/", filepath.Join(other, "whole")} {
		l, sum := readAll(t, 1, nil, in)
		if !slices.Equal(l.ports, []int{1, 2, 5}) {
			t.Errorf("%s: records %v", in, l.ports)
		}
		var failed []string
		for _, s := range sum.Sources {
			if s.Err != nil {
				failed = append(failed, filepath.Base(s.Name))
			}
		}
		if !slices.Equal(failed, []string{"z-stale", "z-tree"}) {
			t.Errorf("%s: could not be read: %v", in, failed)
		}
	}
	if _, sum := readAll(t, 1, nil, t.TempDir()); len(sum.Sources) != 1 || sum.Sources[0].Err == nil {
		t.Errorf("nothing said of an empty directory: %+v", sum.Sources)
	}
}

// rejections is a sink for what is rejected.
type rejections func(ingest.Rejection)

func (rejections) Flow(*model.Flow) {}

func (f rejections) Reject(r ingest.Rejection) { f(r) }

func TestSkip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, fmt.Appendf(nil, record, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	other := path + "2"
	if err := os.WriteFile(other, fmt.Appendf(nil, record, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	past := map[string]int64{}
	for _, want := range []int{2, 0} { // the second time both are known
		l := &log{}
		sum, err := Read(context.Background(), []string{path, other, path}, nil, Options{Formats: all.Formats(), Tables: model.NewTables(),
			NewSink: func() ingest.Sink { return l }, Past: past})
		if err != nil || len(l.ports) != want || !sum.Sources[2].Skipped || sum.Sources[0].Skipped != (want == 0) {
			t.Errorf("%+v, %v, %d records", sum.Sources, err, len(l.ports))
		}
		for _, s := range sum.Sources {
			if !s.Skipped {
				past[s.Digest] = s.Bytes
			}
		}
	}
	digests := slices.Collect(maps.Keys(past))
	if len(digests) != 2 || len(digests[0]) != 32 || past[digests[0]] != past[digests[1]] {
		t.Errorf("%+v", past)
	}
}

// TestAlikeFiles: a file that begins with the record of another one, packed or not and whatever stands around it, is said to.
func TestAlikeFiles(t *testing.T) {
	dir := t.TempDir()
	name := func(n int) string { return filepath.Join(dir, fmt.Sprint("log.", n)) }
	a, b := fmt.Sprintf(record+"\n"+record+"\n", 1, 2), fmt.Sprintf(record+"\n"+record+"\n", 2, 1)
	for i, text := range []string{a, gzipped(t, a), b, "2026-03-01T10:00:00.1Z stdout F " + a, "x\n"} {
		if err := os.WriteFile(name(i), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := Read(t.Context(), []string{dir}, nil, Options{Formats: all.Formats(), Tables: model.NewTables(),
		NewSink: func() ingest.Sink { return &log{} }})
	if err != nil || len(sum.Sources) != 5 {
		t.Fatal(sum, err)
	}
	for i, want := range []string{"", name(0), "", name(0), ""} {
		if got := sum.Sources[i].Alike; got != want {
			t.Errorf("%s: like %q, want %q", sum.Sources[i].Name, got, want)
		}
	}
}

// TestGrown: of a file that has grown since it was read only the new lines are, also one of which there was a part.
// Where they cannot be told apart that is an error.
func TestGrown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, record+"\n", i+1)
	}
	lines := text.String()
	third := strings.Index(lines, "\n") * 1000
	read := func(text string, past map[string]int64) (*log, Source) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l := &log{}
		sum, err := Read(t.Context(), []string{path}, nil, Options{Workers: 1, Formats: all.Formats(), Tables: model.NewTables(),
			NewSink: func() ingest.Sink { return l }, Past: past})
		if err != nil {
			t.Fatal(err)
		}
		s := sum.Sources[0]
		if s.Err == nil && !s.Skipped {
			past[s.Digest] = s.Bytes
		}
		return l, s
	}
	for _, before := range []string{"", "\xEF\xBB\xBF", "\n\n", strings.Repeat(" \n", peekSize)} {
		for _, cut := range []int{third, third + 1, third + 100, strings.LastIndex(lines[:third], "\n") + 1} {
			past := map[string]int64{"a": 7, "b": 5000, "c": 0, "d": -100}
			whole := strings.Count(lines[:cut], "\n")
			l, s := read(before+lines[:cut], past)
			if len(l.ports) < whole || len(l.ports) > whole+1 {
				t.Fatalf("%q, %d: %d records of %d, %+v", before[:min(3, len(before))], cut, len(l.ports), whole, s)
			}
			l, s = read(before+lines+"{x\n", past)
			rejects := []string{fmt.Sprintf("%d:bad-json", 3001+strings.Count(before, "\n"))}
			if len(l.ports) != 3000-whole || l.ports[0] != whole+1 || s.Bytes != int64(len(before+lines)+3) || s.Err != nil ||
				!slices.Equal(l.rejects, rejects) {
				t.Errorf("%q, %d: %d records of %d, %q, %+v", before[:min(3, len(before))], cut, len(l.ports), 3000-whole, l.rejects, s)
			}
			if _, s = read(before+lines+"{x\n", past); !s.Skipped {
				t.Errorf("read again: %+v", s)
			}
			// So it is once the log was rotated, and packed.
			if _, s = read(gzipped(t, before+lines+"{x\n"), past); !s.Skipped || s.Digest == "" || past[s.Had] != int64(len(before+lines)+3) {
				t.Errorf("read again, packed: %+v", s)
			}
			l, s = read(gzipped(t, before+lines+"{x\n"+fmt.Sprintf(record, 3001)), past)
			if len(l.ports) != 1 || len(l.rejects) != 0 || s.Err != nil {
				t.Errorf("grown and packed: %v, %q, %+v", l.ports, l.rejects, s)
			}
		}
	}
	for _, texts := range [][2]string{
		{"[" + fmt.Sprintf(record, 1) + ",", "[" + fmt.Sprintf(record, 1) + "," + fmt.Sprintf(record, 2) + "]"},
		{gzipped(t, lines[:third]), gzipped(t, lines[:third]) + gzipped(t, lines[third:])},
	} {
		past := map[string]int64{}
		read(texts[0], past)
		l, s := read(texts[1], past)
		if want := errHad(&had{bytes: int64(len(texts[0]))}).Error(); s.Err == nil || !strings.Contains(s.Err.Error(), want) || len(l.ports) > 0 {
			t.Errorf("%.9q: %d records, %v", texts[0], len(l.ports), s.Err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(record+"\n{x\n"+record, 1, 2)))
	f.Add([]byte(fmt.Sprintf("["+pretty+","+pretty+"]", 1, 2)))
	f.Add([]byte(fmt.Sprintf(pretty+"\n}{\"\n"+pretty, 1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, sum := readAll(t, 2, bytes.NewReader(b), "-")
		if s := sum.Sources[0]; s.Records != int64(len(l.ports)+len(l.rejects)) {
			t.Errorf("%+v, %d flows, %d rejected", s, len(l.ports), len(l.rejects))
		}
	})
}

// TestSmallInputs: each of many inputs has the records that are its own, whatever comes after what.
func TestSmallInputs(t *testing.T) {
	dir := t.TempDir()
	text, ports, _ := many()
	array := "[" + fmt.Sprintf(record, 1) + ",\n" + fmt.Sprintf(record, 2) + "]\n"
	var files []string
	var want []int64
	var all []int
	for i := range 60 {
		content, n := "", i%7+1
		switch i % 20 {
		case 13:
			content, n = string(text), 6000
			all = append(all, ports...)
		case 17:
			content, n = array, 2
			all = append(all, 1, 2)
		default:
			for k := range n {
				content += fmt.Sprintf(record+"\n", 100*i+k)
				all = append(all, 100*i+k)
			}
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%02d", i)))
		want = append(want, int64(n))
		if err := os.WriteFile(files[i], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	for _, workers := range []int{1, 2, 5} {
		l, sum := readAll(t, workers, nil, files...)
		if !slices.Equal(l.ports, all) {
			t.Errorf("%d workers: %d records, want %d", workers, len(l.ports), len(all))
		}
		for i, s := range sum.Sources {
			if s.Err != nil || s.Records != want[i] || s.Name != files[i] || s.Format != "hubble" {
				t.Errorf("%d workers: %+v, want %d records", workers, s, want[i])
			}
		}
	}
}
