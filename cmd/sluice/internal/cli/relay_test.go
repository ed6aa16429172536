//go:build conformance

package cli

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/cmd/sluice/internal/show"
)

// long reports whether the driver runs whole; else it is short enough for every change.
var long = os.Getenv("SLUICE_LONG") != ""

// capture is the scenario that most tests send.
func (l *relayLab) capture(scenario string, args ...string) string {
	l.t.Helper()
	return newGenerator(l.t).file(l.t, scenario, ".jsonl", args...)
}

// collect starts a collector that follows the relay into a store.
func (l *relayLab) collect(store string, more ...string) *sluiceProcess {
	l.t.Helper()
	return startSluice(l.t, append([]string{"ingest", "hubble://" + l.started.Relay, "--store", store, "--follow"}, more...)...)
}

// edgeList is what show edges prints.
type edgeList struct {
	Edges []show.EdgeView `json:"edges"`
}

func (e *edgeList) records() (n uint64) {
	for _, x := range e.Edges {
		n += x.Records
	}
	return n
}

func showEdgesOf(t *testing.T, args ...string) *edgeList {
	t.Helper()
	var e edgeList
	out, err := exec.Command("sluice", append([]string{"show", "edges", "-q", "-o", "json"}, args...)...).Output()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && strings.Contains(string(failed.Stderr), "no record came"):
		return &e // a store that nothing was committed to yet
	case errors.As(err, &failed):
		t.Fatalf("sluice show edges %v: %v\n%s", args, err, failed.Stderr)
	case err != nil:
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// sent returns the edges of what entered the rings, by the reading of files.
func (l *relayLab) sent() *edgeList { l.t.Helper(); return showEdgesOf(l.t, l.record) }

// wantStored waits until the store has exactly the edges that were sent: peers, ports, counts by fate, times, marks.
func (l *relayLab) wantStored(store string, within time.Duration, more ...string) {
	l.t.Helper()
	want := l.sent()
	if want.records() == 0 {
		l.t.Fatal("nothing was sent")
	}
	l.wantEdges(want, store, within, more...)
}

func (l *relayLab) wantEdges(want *edgeList, store string, within time.Duration, more ...string) {
	l.t.Helper()
	var diff string
	for deadline := time.Now().Add(within); ; time.Sleep(200 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(store, "v1")); err == nil {
			got := showEdgesOf(l.t, append([]string{"--store", store}, more...)...)
			if diff = cmp.Diff(want, got); diff == "" {
				return
			}
			if time.Now().After(deadline) {
				l.t.Fatalf("%d records of %d edges were sent, %d of %d are stored (-sent +stored)\n%s", want.records(), len(want.Edges), got.records(), len(got.Edges), lastLines(diff, 60))
			}
		} else if time.Now().After(deadline) {
			l.t.Fatal("there is no store")
		}
	}
}

// TestRelayFollow: what is sent while a collector follows is stored, over every way to connect.
func TestRelayFollow(t *testing.T) {
	for _, c := range []struct {
		name, tls string
		args      func(l *relayLab) []string // source and flags
	}{
		{"relay", "", func(l *relayLab) []string { return []string{"hubble://" + l.started.Relay} }},
		{"relay with TLS", "tls", func(l *relayLab) []string {
			return []string{"hubbles://" + l.started.Relay, "--tls-ca-cert-files", l.started.TLS.CA, "--tls-server-name", l.started.TLS.ServerName}
		}},
		{"relay with mTLS", "mtls", func(l *relayLab) []string {
			return []string{"hubbles://" + l.started.Relay, "--tls-ca-cert-files", l.started.TLS.CA, "--tls-server-name", l.started.TLS.ServerName,
				"--tls-client-cert-file", l.started.TLS.ClientCert, "--tls-client-key-file", l.started.TLS.ClientKey}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newRelayLab(t, labCommand{"tls": c.tls})
			store := filepath.Join(t.TempDir(), "store")
			p := startSluice(t, append([]string{"ingest", "--store", store, "--follow"}, c.args(l)...)...)
			l.do("feed", labCommand{"file": l.capture("features"), "rate": 6000})
			l.wantStored(store, 20*time.Second)
			p.stop()
			l.wantStored(store, 0)
		})
	}
}

// TestRelayNode: the same from one agent, by its address and by its socket.
func TestRelayNode(t *testing.T) {
	l := newRelayLab(t, labCommand{"names": []string{"node-0"}, "noRelay": true})
	stores := []string{filepath.Join(t.TempDir(), "address"), filepath.Join(t.TempDir(), "socket")}
	for i, source := range []string{"hubble://" + l.started.Nodes[0].Address, "hubble+unix://" + l.started.Nodes[0].Socket} {
		startSluice(t, "ingest", source, "--store", stores[i], "--follow")
	}
	l.do("feed", labCommand{"file": l.capture("online-boutique"), "rate": 4000})
	for _, s := range stores {
		l.wantStored(s, 20*time.Second)
	}
}

// TestRelaySince: without --follow a collector ends with what the rings hold, and takes what is as young as asked.
func TestRelaySince(t *testing.T) {
	l := newRelayLab(t, nil)
	file := l.capture("online-boutique")
	// The capture has thirty minutes: the old one ends an hour ago, the new one now.
	for _, ago := range []time.Duration{90 * time.Minute, 30 * time.Minute} {
		l.do("feed", labCommand{"file": file, "base": time.Now().Add(-ago)})
	}
	all, young := filepath.Join(t.TempDir(), "all"), filepath.Join(t.TempDir(), "young")
	sluiceOutput(t, "ingest", "hubble://"+l.started.Relay, "--store", all, "--since", "3h")
	l.wantStored(all, 0)
	sluiceOutput(t, "ingest", "hubble://"+l.started.Relay, "--store", young, "--since", "45m")
	l.wantEdges(showEdgesOf(t, l.record, "--since", "45m"), young, 0)
}

// TestRelayBeside: without --follow what one server has is stored, although another one cannot be reached.
func TestRelayBeside(t *testing.T) {
	l := newRelayLab(t, nil)
	l.do("feed", labCommand{"file": l.capture("online-boutique"), "count": 2000})
	store := filepath.Join(t.TempDir(), "store")
	out, err := exec.Command("sluice", "ingest", "hubble://127.0.0.1:1", "hubble://"+l.started.Relay, "--store", store).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "127.0.0.1:1") {
		t.Errorf("%v: %s", err, out)
	}
	l.wantStored(store, 0)
}

// TestRelayVerify: a bundle learned from the relay permits what it was learned from, and what comes later and it lacks
// is told as lost while it is watched.
func TestRelayVerify(t *testing.T) {
	l := newRelayLab(t, nil)
	file := l.capture("online-boutique")
	l.do("feed", labCommand{"file": file, "count": 60})
	source, dir := "hubble://"+l.started.Relay, filepath.Join(t.TempDir(), "bundle")
	out, err := exec.Command("sluice", "learn", source, "--since", "3h", "-n", "default", "--dialect", "cilium", "--enforce-anyway", "--out", dir, "-q").CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatalf("%v\n%s", err, out)
	}
	p := startSluice(t, "verify", dir, source, "--since", "3h", "--follow", "--every", "200ms")
	p.await("permitted")
	if before := p.out.String(); strings.Contains(before, "lost") {
		t.Fatal(before)
	}
	l.do("feed", labCommand{"file": file, "count": 2000})
	p.await("lost: default/")
	l.do("lose", labCommand{"node": "node-1", "source": "perf", "lost": 5})
	p.await("sluice: so far the log says that 5 events were lost")
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	if code := ExitCode(p.cmd.ProcessState.ExitCode()); code != ExitFindings {
		t.Errorf("exit code %d", code)
	}
	// One of several servers that never answers is in no verdict, which says so, and no bundle is learned without it.
	for says, args := range map[string][]string{
		"\nsluice: hubble at":                      {"verify", dir, source, "hubble://127.0.0.1:1", "--since", "3h", "--follow", "--every", "200ms"},
		"\nsluice: nothing was written: hubble at": {"learn", source, "hubble://127.0.0.1:1", "-n", "default", "--for", "5s", "--min-watch", "0", "--out", dir + "2"},
	} {
		p := startSluice(t, args...)
		if args[0] == "verify" {
			p.await("permitted")
			p.cmd.Process.Signal(syscall.SIGTERM)
		} else {
			p.await("msg=connected")
			l.do("feed", labCommand{"file": file, "count": 500})
		}
		<-p.done
		if code := ExitCode(p.cmd.ProcessState.ExitCode()); code != ExitError || !strings.Contains(p.out.String(), says+" 127.0.0.1:1: nothing listens there") {
			t.Errorf("%s: exit code %d\n%s", args[0], code, p.out.String())
		}
	}
}

// TestRelayFilters: namespaces are asked of the server, which then sends what has an end in them and nothing else; so is
// the number of the newest flows of each node.
func TestRelayFilters(t *testing.T) {
	l := newRelayLab(t, labCommand{"ring": 65535}) // room for all of it
	l.do("feed", labCommand{"file": l.capture("features")})
	dir := t.TempDir()
	some, last := filepath.Join(dir, "some"), filepath.Join(dir, "last")
	sluiceOutput(t, "ingest", "hubble://"+l.started.Relay, "--store", some, "-n", "shop")
	want := showEdgesOf(t, l.record, "-n", "shop")
	if all := l.sent(); len(want.Edges) == 0 || len(want.Edges) == len(all.Edges) {
		t.Fatalf("%d of %d edges touch the namespace", len(want.Edges), len(all.Edges))
	}
	l.wantEdges(want, some, 0)
	sluiceOutput(t, "ingest", "hubble://"+l.started.Relay, "--store", last, "--last", "100")
	newest := filepath.Join(dir, "newest")
	if err := os.Mkdir(newest, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(l.record, "*.jsonl"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(strings.TrimSpace(string(text)), "\n")
		if err := os.WriteFile(filepath.Join(newest, filepath.Base(f)), []byte(strings.Join(lines[len(lines)-100:], "")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l.wantEdges(showEdgesOf(t, newest), last, 0)
}

// TestRelayRestart: relays come and go while records flow.
func TestRelayRestart(t *testing.T) {
	l := newRelayLab(t, nil)
	store := filepath.Join(t.TempDir(), "store")
	l.collect(store)
	feed := l.begin("feed", labCommand{"file": l.capture("online-boutique"), "count": 8000, "rate": 1000})
	for range 3 {
		time.Sleep(1500 * time.Millisecond)
		l.do("relay-kill", nil)
		time.Sleep(500 * time.Millisecond)
		l.do("relay-start", nil)
	}
	l.end(feed)
	l.wantStored(store, 60*time.Second)
}

// TestRelayNodes: nodes lose their connection, crash, move, leave, join and are made anew under their names. A relay
// forgets some of them on the streams it has.
func TestRelayNodes(t *testing.T) {
	for _, steps := range [][]string{
		{"node-unserve", "node-serve"},
		{"node-kill", "node-start"},
		{"node-leave", "node-join"},
		{"node-move"},
		{"node-recreate"},
	} {
		t.Run(steps[len(steps)-1], func(t *testing.T) {
			t.Parallel()
			l := newRelayLab(t, nil)
			store := filepath.Join(t.TempDir(), "store")
			p := l.collect(store)
			file := l.capture("online-boutique")
			l.do("feed", labCommand{"file": file, "rate": 4000})
			l.wantStored(store, 20*time.Second) // what a crashed node held and nobody read is lost, and nobody can say so
			for _, s := range steps {
				l.do(s, labCommand{"node": "node-1"})
				time.Sleep(time.Second)
			}
			l.do("feed", labCommand{"file": file, "rate": 4000})
			l.wantStored(store, 90*time.Second)
			if said := p.stop(); strings.Contains(said, "<nil>") {
				t.Error(said)
			}
		})
	}
}

// TestRelayKill: the collector is killed at random moments and started again, every other time one that commits so
// rarely that it had stored nothing yet of what it received.
func TestRelayKill(t *testing.T) {
	times, rate := 5, 1000
	if long {
		times = 20
	}
	l := newRelayLab(t, labCommand{"ring": 16383})
	store := filepath.Join(t.TempDir(), "store")
	file := l.capture("online-boutique")
	commits := []string{"--commit-every=3s", "--commit-every=800ms"}
	p := l.collect(store)
	time.Sleep(time.Second)
	feed := l.begin("feed", labCommand{"file": file, "count": times * 2 * rate, "rate": rate})
	for i := range times {
		// Moments from before the first record of a stream to long after: primes do not fall in with flushes.
		time.Sleep(time.Duration(97+i*i*1009%1900) * time.Millisecond)
		p.kill()
		if i%5 == 4 { // and the relay with it
			l.do("relay-kill", nil)
			l.do("relay-start", nil)
		}
		p = l.collect(store, commits[i%2])
	}
	l.end(feed)
	l.wantStored(store, 60*time.Second)
	p.stop()
	l.wantStored(store, 0)
}

// TestRelayHour: an hour of a cluster's traffic as fast as it goes. The load scenario is twenty minutes long and goes
// round three times.
func TestRelayHour(t *testing.T) {
	records := "7000"
	if long {
		records = "140000"
	}
	l := newRelayLab(t, labCommand{"ring": 65535})
	store := filepath.Join(t.TempDir(), "store")
	p := l.collect(store, "--since", "2h")
	file := l.capture("load", "-records", records)
	n, err := strconv.Atoi(records)
	if err != nil {
		t.Fatal(err)
	}
	// No record is of the future: a relay holds those back until younger ones come.
	l.do("feed", labCommand{"file": file, "count": 3 * n, "rate": 10_000, "base": time.Now().Add(-time.Hour - time.Minute)})
	l.wantStored(store, 60*time.Second)
	t.Logf("%d records, peak memory %.0f MiB", 3*n, p.peak())
	p.stop()
}
