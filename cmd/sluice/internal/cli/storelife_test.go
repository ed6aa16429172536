package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest/ingesttest"
	"sluice/synth/bundle"
)

// storeLife is a store to which everything happens that people do, beside the text of the logs that it must have: each
// of their records once.
type storeLife struct {
	t      *testing.T
	r      *rand.Rand
	dir    string
	store  string
	lines  []string
	n      int
	logs   map[string]string // by path: those that may grow, or be rotated
	stored map[string]string // text, by the path that it was stored from first
	what   []string
}

// sluice runs a command, of which nothing else than one of the exit codes is wanted.
func (l *storeLife) sluice(args ...string) string {
	l.t.Helper()
	l.what = append(l.what, strings.Join(args, " "))
	code, out, errs := calls(args...)
	if code != ExitOK && code != ExitFindings {
		l.t.Fatalf("%s: exit %d: %s", strings.Join(l.what, "\n"), code, errs)
	}
	return out
}

// text is a log of some records: of one cluster or of another, of days far apart, not in their order.
func (l *storeLife) text() string {
	cluster, day, hour := []string{"demo", "east"}[l.r.IntN(2)], 1+l.r.IntN(9), l.r.IntN(24)
	var b strings.Builder
	for _, i := range l.r.Perm(len(l.lines))[:1+l.r.IntN(60)] {
		line := strings.ReplaceAll(l.lines[i], "demo", cluster)
		if late := l.r.IntN(20) == 0; late {
			line = strings.ReplaceAll(line, "2026-03-02T09:", fmt.Sprintf("2026-02-2%dT%02d:", l.r.IntN(8), hour))
		}
		b.WriteString(strings.ReplaceAll(line, "2026-03-02T09:", fmt.Sprintf("2026-03-%02dT%02d:", day, hour)) + "\n")
	}
	return b.String()
}

func (l *storeLife) write(path, text string) {
	l.t.Helper()
	if strings.HasSuffix(path, ".gz") {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		text = b.String()
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// newLog writes a log that is not stored yet.
func (l *storeLife) newLog() string {
	l.n++
	path := filepath.Join(l.dir, fmt.Sprintf("log-%d.jsonl", l.n))
	text := l.text()
	if l.r.IntN(4) == 0 {
		path += ".gz"
	} else {
		l.logs[path] = text
	}
	l.write(path, text)
	l.stored[path] = text
	return path
}

// oldLog gives a log that was stored before, all of it or its beginning: as it was, copied, grown, or rotated and packed.
func (l *storeLife) oldLog() string {
	logs := slices.Sorted(maps.Keys(l.logs))
	if len(logs) == 0 {
		return l.newLog()
	}
	path := logs[l.r.IntN(len(logs))]
	if l.r.IntN(2) == 0 {
		l.logs[path] += l.text()
		l.stored[path] = l.logs[path]
		l.write(path, l.logs[path])
	}
	if l.r.IntN(3) > 0 {
		return path
	}
	l.n++
	to := filepath.Join(l.dir, fmt.Sprintf("rotated-%d%s", l.n, []string{"", ".gz"}[l.r.IntN(2)]))
	l.write(to, l.logs[path])
	delete(l.logs, path) // it is no log any more: nothing is added
	return to
}

func (l *storeLife) ingest() {
	args := []string{"ingest", "-q", "--store", l.store, "--workers", fmt.Sprint(1 + l.r.IntN(3))}
	for range 1 + l.r.IntN(2) {
		if l.r.IntN(3) > 0 {
			args = append(args, l.newLog())
		} else if path := l.oldLog(); !slices.Contains(args, path) {
			args = append(args, path)
		}
	}
	l.sluice(args...)
}

// kill kills a process that stores logs at any time, and stores them again.
func (l *storeLife) kill() {
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	args := []string{"ingest", "-q", "--store", l.store, l.newLog(), l.newLog()}
	l.what = append(l.what, "kill "+strings.Join(args, " "))
	cmd := &exec.Cmd{Path: self, Args: append([]string{"sluice"}, args...)}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(time.Duration(l.r.IntN(60)) * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	l.sluice(args...)
}

// repack goes on with the store that a pack of this one makes, in a directory or in a bucket.
func (l *storeLife) repack() {
	l.n++
	from, to := l.store, filepath.Join(l.dir, fmt.Sprint("store-", l.n))
	if err := os.Mkdir(to, 0o700); err != nil {
		l.t.Fatal(err)
	}
	l.store = []string{"", "file://"}[l.r.IntN(2)] + to
	l.what = append(l.what, "store pack "+from+" | store unpack "+l.store)
	in, out, err := os.Pipe()
	if err != nil {
		l.t.Fatal(err)
	}
	packed := make(chan string)
	go func() {
		var errs bytes.Buffer
		Main([]string{"store", "pack", from}, strings.NewReader(""), out, &errs)
		out.Close()
		packed <- errs.String()
	}()
	var said, errs bytes.Buffer
	code := Main([]string{"store", "unpack", l.store}, in, &said, &errs)
	in.Close()
	if why := <-packed; code != ExitOK || why != "" {
		l.t.Fatalf("%s: exit %d: %s%s", strings.Join(l.what, "\n"), code, why, errs.String())
	}
}

// straight writes the text that the store must have as one directory of plain files.
func (l *storeLife) straight() string {
	dir := filepath.Join(l.dir, "straight")
	if err := os.RemoveAll(dir); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	for path, text := range l.stored {
		l.write(filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".gz")), text)
	}
	return dir
}

// check wants what the store gives to be what the logs give, and the store to be whole.
func (l *storeLife) check() {
	l.t.Helper()
	l.sluice("store", "check", l.store)
	dir := l.straight()
	var span []string
	if l.r.IntN(2) == 0 {
		span = append(span, "--since", fmt.Sprintf("2026-03-%02dT%02d:%02d:00Z", 1+l.r.IntN(5), l.r.IntN(24), l.r.IntN(60)))
	}
	if l.r.IntN(3) == 0 {
		span = append(span, "--until", fmt.Sprintf("2026-03-%02dT%02d:%02d:00Z", 6+l.r.IntN(4), l.r.IntN(24), l.r.IntN(60)))
	}
	for _, args := range [][]string{{"show", "edges", "-o", "json"}, {"show", "flows", "-o", "csv"}, {"show", "endpoints", "-o", "json"},
		{"show", "workloads", "-o", "json"}} {
		args = append(args, span...)
		_, want, wantErr := calls(append(args, dir)...)
		_, got, gotErr := calls(append(args, "--store", l.store)...)
		if got != want || want == "" && wantErr == "" {
			l.t.Fatalf("%s\n%s: from the store %.2000s %s\nfrom the logs %.2000s %s", strings.Join(l.what, "\n"),
				strings.Join(args, " "), got, gotErr, want, wantErr)
		}
	}
}

// learned wants the bundle of one cluster out of the store to be that out of the logs, but for what names the sources.
func (l *storeLife) learned() {
	var files [2]map[string]string
	for i, source := range []string{"--store=" + l.store, l.straight()} {
		out := filepath.Join(l.dir, fmt.Sprint("bundle-", i))
		l.sluice("learn", source, "-n", "default", "--cluster", "demo", "--min-watch", "0", "--config", os.DevNull, "--out", out)
		files[i] = filesOf(l.t, out)
		for _, name := range []string{bundle.ReportFile, bundle.ReportData} {
			delete(files[i], name)
		}
	}
	for name := range files[1] {
		if files[0][name] != files[1][name] {
			l.t.Errorf("%s: %s differs", strings.Join(l.what, "\n"), name)
		}
	}
	if len(files[0]) != len(files[1]) || len(files[0]) < 10 {
		l.t.Errorf("%d and %d files", len(files[0]), len(files[1]))
	}
}

// TestStoreLife: whatever people do with a store, and with the logs that they read into it, it gives what the logs give
// that are read straight. Logs grow, are rotated, packed and read again; processes are killed; stores move.
func TestStoreLife(t *testing.T) {
	capture := filepath.Join("..", "..", "..", "..", "testdata", "flows", "online-boutique.jsonl.gz")
	lines := strings.Split(strings.TrimSpace(string(ingesttest.Unzipped(t, capture))), "\n")
	for seed := range uint64(2) {
		dir := t.TempDir()
		l := &storeLife{t: t, r: rand.New(rand.NewPCG(seed, 5)), dir: dir, store: filepath.Join(dir, "store"), lines: lines,
			logs: map[string]string{}, stored: map[string]string{}, what: []string{fmt.Sprint("seed ", seed)}}
		for range 8 {
			switch n := l.r.IntN(10); {
			case n < 7:
				l.ingest()
			case n < 8:
				l.kill()
			case len(l.stored) > 0:
				l.repack()
			}
			if len(l.stored) > 0 && l.r.IntN(3) == 0 {
				l.check()
			}
		}
		l.check()
		l.learned()
	}
}
