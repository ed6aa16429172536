//go:build conformance

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/synth/eval/judgetest"
)

// relayLab drives cmd/conformance/relay: the real Hubble observers and the real hubble-relay. SLUICE_RELAY names its binary.
type relayLab struct {
	t       *testing.T
	in      io.WriteCloser
	cmd     *exec.Cmd
	dir     string
	record  string // what entered the rings, as JSON lines
	started labEvent

	mu      sync.Mutex
	last    int
	waiting map[string]chan labEvent
}

// labCommand is a command of the lab; see its protocol.
type labCommand map[string]any

type labEvent struct {
	ID, Event, Error string
	Relay            string
	RelayPid         int
	Nodes            []struct {
		Name, Address, Socket, ServerName string
		Pid                               int
		Offered, Ringed                   uint64
	}
	TLS struct {
		CA, ServerName, ClientCert, ClientKey, OtherCA, OtherCert, OtherKey, ExpiredCert, ExpiredKey string
	}
	Offered, Ringed uint64
}

// newRelayLab starts three nodes behind a relay; more says what else start is told.
func newRelayLab(t *testing.T, more labCommand) *relayLab {
	t.Helper()
	binary := judgetest.Program(t, "SLUICE_RELAY")
	l := &relayLab{t: t, dir: shortDir(t), waiting: map[string]chan labEvent{}}
	l.record = filepath.Join(l.dir, "sent")
	if err := os.Mkdir(l.record, 0o755); err != nil {
		t.Fatal(err)
	}
	l.cmd = exec.Command(binary, "lab")
	l.cmd.Stderr = os.Stderr
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan struct{})
	go l.listen(out, listening)
	t.Cleanup(func() {
		l.in.Close()
		<-listening
		if err := l.cmd.Wait(); err != nil {
			t.Error("lab:", err)
		}
	})
	start := labCommand{"names": []string{"node-0", "node-1", "node-2"}, "cluster": "demo", "dir": l.dir, "record": l.record}
	for k, v := range more {
		start[k] = v
	}
	l.started = l.do("start", start)
	return l
}

// shortDir is a temporary folder whose name leaves room for a socket's, which may have 107 bytes.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("logs of the servers are in", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

func (l *relayLab) listen(r io.Reader, done chan<- struct{}) {
	defer close(done)
	d := json.NewDecoder(r)
	for {
		var e labEvent
		if d.Decode(&e) != nil {
			break
		}
		l.mu.Lock()
		ch := l.waiting[e.ID]
		delete(l.waiting, e.ID)
		l.mu.Unlock()
		if ch != nil {
			ch <- e
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range l.waiting {
		ch <- labEvent{Event: "failed", Error: "the lab ended"}
	}
}

// begin sends a command; its answer comes over the channel.
func (l *relayLab) begin(do string, c labCommand) <-chan labEvent {
	l.t.Helper()
	ch := make(chan labEvent, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	id := fmt.Sprint(l.last)
	l.waiting[id] = ch
	all := labCommand{"id": id, "do": do}
	for k, v := range c {
		all[k] = v
	}
	if err := json.NewEncoder(l.in).Encode(all); err != nil {
		l.t.Fatal(err)
	}
	return ch
}

func (l *relayLab) end(ch <-chan labEvent) labEvent {
	l.t.Helper()
	select {
	case e := <-ch:
		if e.Event != "done" {
			l.t.Fatal("lab:", e.Error)
		}
		return e
	case <-time.After(10 * time.Minute):
		l.t.Fatal("the lab does not answer")
		panic("not reached")
	}
}

func (l *relayLab) do(do string, c labCommand) labEvent {
	l.t.Helper()
	return l.end(l.begin(do, c))
}

// sentBy counts the records that entered rings, by the process of a node.
func (l *relayLab) sentBy() map[string]uint64 {
	l.t.Helper()
	files, err := filepath.Glob(filepath.Join(l.record, "*.jsonl"))
	if err != nil {
		l.t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			l.t.Fatal(err)
		}
		out[filepath.Base(f)] = uint64(bytes.Count(text, []byte("\n")))
	}
	return out
}

// sluiceProcess is sluice as a process of its own, which can be killed.
type sluiceProcess struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  output // both streams
	done chan struct{}
}

func startSluice(t *testing.T, args ...string) *sluiceProcess {
	t.Helper()
	p := &sluiceProcess{t: t, cmd: exec.Command("sluice", args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("sluice %s\n%s", strings.Join(args, " "), lastLines(p.out.String(), 40))
		}
	})
	return p
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (p *sluiceProcess) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// await waits until the process has printed a text.
func (p *sluiceProcess) await(text string) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(p.out.String(), text); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("no %q:\n%s", text, lastLines(p.out.String(), 40))
		}
	}
}

// stop ends the process as a cluster does and wants it to end well.
func (p *sluiceProcess) stop() string {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatal("sluice does not end on SIGTERM")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("sluice ended with %d on SIGTERM", code)
	}
	return p.out.String()
}

// peak is the largest memory the process ever had, in MiB.
func (p *sluiceProcess) peak() float64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib float64
			fmt.Sscan(rest, &kib)
			return kib / 1024
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}

// sluiceOutput runs sluice to its end.
func sluiceOutput(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("sluice", args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}
