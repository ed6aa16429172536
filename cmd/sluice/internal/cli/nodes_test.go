package cli

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// twoNodes writes 48 hours of two nodes: each has a client whose connections the other node sees arrive, and answers.
// The clock of node b is wrong by so much, and it is silent between two hours.
func twoNodes(t *testing.T, wrong time.Duration, silent func(hour int) bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flows.jsonl")
	var b bytes.Buffer
	w := &hostileLog{w: bufio.NewWriter(&b), r: rand.New(rand.NewPCG(1, 1))}
	at := func(node string, when time.Duration, do func()) {
		if w.at = when; node == "b" {
			w.at += wrong
		}
		w.twisted(do, "demo/a", "demo/"+node)
	}
	web, cart, db := w.app("shop", "", 0), w.app("shop", "", 1), w.app("shop", "", 2)
	for hour := range 48 {
		for k := range 12 {
			when := time.Duration(hour)*time.Hour + time.Duration(5*k+1)*time.Minute
			sport := 40_000 + 12*hour + k
			at("a", when, func() { w.record(cart, web, sport, 8080, `"SYN":true`, false) })
			if !silent(hour) {
				at("b", when, func() {
					w.record(web, cart, 8080, sport, `"SYN":true,"ACK":true`, true)
					w.record(web, db, sport, 5432, `"SYN":true`, false)
				})
			}
			at("a", when, func() { w.record(db, web, 5432, sport, `"SYN":true,"ACK":true`, true) })
		}
	}
	if err := w.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNodes: a node whose clock is hours wrong, and one that was silent for a while, are named by doctor and keep ready
// below Stable; no edge turns round and none is lost by it. Under --redact they have no names. A store that was fed by
// files says of them what the files say.
func TestNodes(t *testing.T) {
	never := func(int) bool { return false }
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("an entirely secret sentence"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		wrong  time.Duration
		silent func(int) bool
		want   string
	}{
		{"well", 0, never, ""},
		{"ahead", 5 * time.Hour, never, "node-clock: the records of 1 of 2 nodes begin and end hours apart from those of the others: demo/b (5 hours later)"},
		{"behind", -7 * time.Hour, never, "node-clock: the records of 1 of 2 nodes begin and end hours apart from those of the others: demo/a (7 hours later)"},
		{"silent", 0, func(h int) bool { return h >= 20 && h < 24 }, "node-gaps: 1 of 2 nodes have no record for a while, and others have: demo/b (4 hours of 48)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := twoNodes(t, c.wrong, c.silent)
			run := func(args ...string) string {
				var out strings.Builder
				root := newRoot(Streams{strings.NewReader(""), &out, io.Discard}, &profiles{})
				root.SetArgs(append(args, file, "--config", os.DevNull))
				_ = root.Execute() // ready is not Stable
				return out.String()
			}
			said := run("doctor")
			if found := strings.Contains(said, "node-"); !strings.Contains(said, c.want) || found != (c.want != "") {
				t.Errorf("doctor does not say %q:\n%s", c.want, said)
			}
			id, _, _ := strings.Cut(c.want, ":")
			if said := run("doctor", "--redact", key); !strings.Contains(said, id) || strings.Contains(said, "demo") {
				t.Errorf("doctor --redact names a node, or not %s:\n%s", id, said)
			}
			store := nodeStore(t, file)
			for _, span := range [][]string{nil, {"--since", "2026-03-02T00:00:00Z"}, {"--until", "2026-03-03T06:00:00Z"}} {
				of := append([]string{"doctor", "--config", os.DevNull}, span...)
				_, straight, _ := calls(append(of, file)...)
				_, stored, errs := calls(append(of, "--store", store)...)
				if got, want := nodeLines(stored), nodeLines(straight); got != want || span == nil && !strings.Contains(got, c.want) {
					t.Errorf("doctor %v of the store says %q, of the file %q: %s", span, got, want, errs)
				}
			}
			bundle := filepath.Join(t.TempDir(), "bundle")
			run("learn", "-n", "shop", "--dialect", "cilium", "--out", bundle)
			if report, err := os.ReadFile(filepath.Join(bundle, "REPORT.md")); err != nil ||
				strings.Contains(string(report), "\n- By the records") != (c.want != "") || !strings.Contains(string(report), c.want) {
				t.Errorf("REPORT.md does not say %q: %v\n%s", c.want, err, report)
			}
			if said := run("ready", "-n", "shop"); c.want != "" && !strings.Contains(said, id) {
				t.Errorf("ready does not name %s:\n%s", id, said)
			}
			edges := run("show", "edges", "-o", "json")
			for _, want := range []string{`"source":"shop/1","destination":"shop/0","port":"8080/tcp","state":"allowed","grade":"established"`,
				`"source":"shop/0","destination":"shop/2","port":"5432/tcp","state":"allowed","grade":"established"`} {
				if !strings.Contains(edges, want) || strings.Count(edges, `"source"`) != 2 {
					t.Errorf("not %s:\n%s", want, edges)
				}
			}
		})
	}
}

// TestNodesOfOthers: what nodes of another cluster did is none of a cluster's, out of a store as out of the files.
func TestNodesOfOthers(t *testing.T) {
	demo := twoNodes(t, 0, func(int) bool { return false })
	text, err := os.ReadFile(twoNodes(t, 0, func(h int) bool { return h >= 20 && h < 24 }))
	if err != nil {
		t.Fatal(err)
	}
	east, store := filepath.Join(t.TempDir(), "east.jsonl"), t.TempDir()
	if err := os.WriteFile(east, bytes.ReplaceAll(text, []byte("demo"), []byte("east")), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := calls("ingest", "-q", "--store", store, demo, east); code != ExitOK {
		t.Fatal(errs)
	}
	for _, of := range [][]string{{demo, east}, {"--store", store}} {
		for cluster, want := range map[string]bool{"demo": false, "east": true} {
			_, said, errs := calls(append([]string{"ready", "-n", "shop", "--cluster", cluster, "--config", os.DevNull}, of...)...)
			if strings.Contains(said, "east/b (4 hours of 48)") != want || said == "" {
				t.Errorf("ready --cluster %s %v tells of a silent node of east: %v: %s%s", cluster, of[0], !want, said, errs)
			}
		}
	}
}

// nodeStore makes a store of a log: of its first half, and of all once it has grown.
func nodeStore(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	half := bytes.LastIndexByte(text[:len(text)/2], '\n') + 1
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "flows.jsonl")
	for _, part := range [][]byte{text[:half], text} {
		if err := os.WriteFile(log, part, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := calls("ingest", "-q", "--store", dir, log); code != ExitOK {
			t.Fatal(errs)
		}
	}
	return dir
}

// nodeLines are the findings of nodes in what doctor says.
func nodeLines(said string) string {
	var out []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, "node-") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestLyingHours: connections dated far outside of a log, answered or not, are told by doctor as wrong clocks, and make
// no gap, no longer watch, no new edge of another year and no month to test back.
func TestLyingHours(t *testing.T) {
	a := attack{do: func(w *hostileLog, hour int) {
		for _, by := range []time.Duration{-40 * 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
			if hour == 40 {
				w.at += by
				w.answered(w.pod("shop", "liar", "app=liar"), w.app("shop", "", 2), 5432)
				w.at -= by
			}
		}
	}}
	file := a.write(t)
	for _, c := range []struct {
		args []string
		want string
		not  []string
	}{
		{[]string{"doctor", file}, "clock: 2 records", []string{"gaps"}},
		{[]string{"ready", "-n", "shop", file}, "after 2 days", []string{"gaps", "2076", "2026-01"}},
		{[]string{"backtest", "-n", "shop", file}, "2026-03-02T00:00:00Z", []string{"2026-01", "2076"}},
		{[]string{"learn", "-n", "shop", "--dialect", "cilium", "--out", filepath.Join(t.TempDir(), "b"), file}, "2d 23h   2d 23h before the end", []string{"years"}},
	} {
		var out strings.Builder
		root := newRoot(Streams{strings.NewReader(""), &out, io.Discard}, &profiles{})
		root.SetArgs(append(c.args, "--config", os.DevNull))
		err := root.Execute()
		if said := out.String(); !strings.Contains(said, c.want) {
			t.Errorf("%v does not say %q (%v):\n%s", c.args, c.want, err, said)
		} else {
			for _, not := range c.not {
				if strings.Contains(said, not) {
					t.Errorf("%v says %q:\n%s", c.args, not, said)
				}
			}
		}
	}
}
