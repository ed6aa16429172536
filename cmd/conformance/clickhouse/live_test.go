package clickhouse

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// relay drives the real Hubble observers and relay of cmd/conformance/relay; RELAY names the program.
type relay struct {
	t       *testing.T
	in      io.WriteCloser
	out     *bufio.Scanner
	sent    string // the folder of what entered the rings
	address string
}

// newRelay starts three nodes behind a relay.
func newRelay(t *testing.T) *relay {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab") // a short name: sockets have no room for long ones
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, sent: filepath.Join(dir, "sent")}
	if err := os.Mkdir(r.sent, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("RELAY"), "lab")
	cmd.Stderr = os.Stderr
	if r.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.in.Close()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	r.out = bufio.NewScanner(out)
	r.begin("start", map[string]any{"names": []string{"node-0", "node-1", "node-2"}, "cluster": "demo", "dir": dir, "record": r.sent})
	r.end("start")
	return r
}

// begin sends a command of the lab's protocol.
func (r *relay) begin(do string, c map[string]any) {
	r.t.Helper()
	all := map[string]any{"id": do, "do": do}
	for k, v := range c {
		all[k] = v
	}
	if err := json.NewEncoder(r.in).Encode(all); err != nil {
		r.t.Fatal(err)
	}
}

// end waits for the answer to a command, and passes over those to others.
func (r *relay) end(do string) {
	r.t.Helper()
	for r.out.Scan() {
		var e struct{ ID, Event, Error, Relay string }
		if err := json.Unmarshal(r.out.Bytes(), &e); err != nil || e.Event != "done" {
			r.t.Fatalf("the lab: %v %s", err, r.out.Bytes())
		}
		if e.Relay != "" {
			r.address = e.Relay
		}
		if e.ID == do {
			return
		}
	}
	r.t.Fatalf("the lab ended amid %s: %v", do, r.out.Err())
}

// records is how many records entered the rings.
func (r *relay) records() (n int64) {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.sent, "*.jsonl"))
	if err != nil || len(files) == 0 {
		r.t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, c := range text {
			if c == '\n' {
				n++
			}
		}
	}
	return n
}

// streamed is what a store has of its streams.
type streamed struct{ Records, Lost int64 }

func streams(t *testing.T, at string) (sum streamed) {
	t.Helper()
	var list struct {
		Streams []struct {
			Records, Lost int64
			Gaps          []any
		}
	}
	if err := json.Unmarshal([]byte(mustSluice(t, "show", "streams", "--store", at, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Streams {
		sum.Records, sum.Lost = sum.Records+s.Records, sum.Lost+s.Lost
		if len(s.Gaps) > 0 {
			t.Errorf("gaps: %v", s.Gaps)
		}
	}
	return sum
}

// TestCollector: a collector of a real relay is killed at random moments, amid records and losses, and started again.
// What the store then has is what was sent: each record once, each loss once, and the edges that a directory has of them.
func TestCollector(t *testing.T) {
	s := newServer(t, "")
	s.start()
	at := s.url("live")
	mustSluice(t, "store", "init", at)
	lab := newRelay(t)
	capture := filepath.Join(t.TempDir(), "boutique.jsonl")
	cmd := exec.Command(os.Getenv("FLOWGEN"), "-scenario", testdata+"scenarios/online-boutique.yaml", "-records", "6000", "-o", capture)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	log := filepath.Join(t.TempDir(), "log")
	collect := func() *exec.Cmd {
		f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd := exec.Command(os.Getenv("SLUICE"), "ingest", "hubble://"+lab.address, "--follow", "--store", at)
		cmd.Stdout, cmd.Stderr = f, f
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	const kills = 20
	random := rand.New(rand.NewPCG(1, 2))
	pause := func(from, to int) { time.Sleep(time.Duration(from+random.IntN(to-from)) * time.Millisecond) }
	p := collect()
	defer func() { _, _ = p.Process.Kill(), p.Wait() }()
	pause(1500, 1600)
	lost := int64(0)
	lab.begin("feed", map[string]any{"file": capture, "count": 6000, "rate": 250})
	for n := range int64(kills) {
		pause(300, 1300)
		lab.begin("lose", map[string]any{"node": fmt.Sprint("node-", n%3), "source": "perf", "lost": n + 1})
		lost += n + 1
		pause(100, 900)
		_ = p.Process.Kill()
		_ = p.Wait()
		p = collect()
	}
	lab.end("feed")
	want := streamed{lab.records(), lost}
	var have streamed
	for end := time.Now().Add(time.Minute); have != want && time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		have = streams(t, at)
	}
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("the collector ends with %v on SIGTERM", err)
	}
	t.Logf("%d kills: stored and lost %d, sent and lost %d", kills, have, want)
	if have = streams(t, at); have != want {
		text, _ := os.ReadFile(log)
		t.Errorf("%+v, want %+v\n%s", have, want, text)
	}
	dir := filepath.Join(t.TempDir(), "store")
	mustSluice(t, "ingest", lab.sent, "--store", dir, "-q")
	a := mustSluice(t, "show", "edges", "--store", dir, "-o", "json", "-q")
	if b := mustSluice(t, "show", "edges", "--store", at, "-o", "json", "-q"); a != b {
		t.Errorf("edges differ from those of a directory:\n%s\n%s", a, b)
	}
}
