//go:build conformance

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// relayLife is a store that a collector fills from the relay, with all that happens to collectors, relays and nodes,
// beside what entered the rings of the nodes: the store must have each of these records once.
type relayLife struct {
	*relayLab
	r     *rand.Rand
	store string
	p     *sluiceProcess // nil: none collects
	file  string
	files []string          // what was read from files
	lost  map[string]uint64 // events that nodes said they lost, by node and cause
	newer map[string]bool   // nodes that began anew: of these, and of no others, records may be missing
	what  []string
}

func (l *relayLife) did(format string, a ...any) { l.what = append(l.what, fmt.Sprintf(format, a...)) }

func (l *relayLife) start() {
	if l.p == nil {
		args := []string{"ingest", "hubble://" + l.started.Relay, "--store", l.store, "--follow", "--commit-every",
			[]string{"100ms", "800ms", "3s"}[l.r.IntN(3)]}
		l.did("%v", args)
		l.p = startSluice(l.t, args...)
	}
}

// down ends the collector, at any time and in any way.
func (l *relayLife) down() {
	if l.p == nil {
		return
	}
	// A bucket waits half a minute for the beats of who was killed, twice.
	if l.r.IntN(3) == 0 || !long && strings.Contains(l.store, "://") {
		l.did("SIGTERM")
		l.p.cmd.Process.Signal(syscall.SIGTERM) // it may have hardly begun
		<-l.p.done
	} else {
		l.did("SIGKILL")
		l.p.kill()
	}
	l.p = nil
}

// feed sends some records; amid them something may happen.
func (l *relayLife) feed(amid func()) {
	n, rate := 1+l.r.IntN(600), 500+l.r.IntN(3000)
	c := labCommand{"file": l.file, "from": l.r.IntN(2000), "count": n, "rate": rate}
	l.did("feed %d at %d", n, rate)
	ch := l.begin("feed", c)
	if amid != nil {
		time.Sleep(time.Duration(l.r.IntN(1+n*1000/rate)) * time.Millisecond)
		amid()
	}
	l.end(ch)
}

func (l *relayLife) node() string { return fmt.Sprint("node-", l.r.IntN(3)) }

// want are the edges of all that was sent and read.
func (l *relayLife) want() *edgeList {
	sources := slices.Clone(l.files)
	for _, records := range l.sentBy() {
		if records > 0 {
			return showEdgesOf(l.t, append(sources, l.record)...)
		}
	}
	if len(sources) == 0 {
		return &edgeList{}
	}
	return showEdgesOf(l.t, sources...)
}

// settle waits until a collector has stored all that was sent.
func (l *relayLife) settle() {
	l.t.Helper()
	l.start()
	want := l.want()
	if want.records() == 0 {
		return
	}
	var diff string
	for end := time.Now().Add(100 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		out, err := exec.Command("sluice", "show", "edges", "-q", "-o", "json", "--store", l.store).Output()
		var got edgeList
		if err != nil || json.Unmarshal(out, &got) != nil {
			diff = fmt.Sprint(err)
			continue // it is about to be made
		}
		if diff = cmp.Diff(l.plain(want), l.plain(&got)); diff == "" {
			l.did("settled")
			return
		}
	}
	l.t.Fatalf("%s\nis not what was sent (-sent +stored)\n%s", strings.Join(l.what, "\n"), lastLines(diff, 60))
}

// plain leaves out what is doubted where records may be missing.
func (l *relayLife) plain(e *edgeList) *edgeList {
	for i := range e.Edges {
		if x := &e.Edges[i]; len(l.lost)+len(l.newer) > 0 {
			x.State, x.Grade, x.Doubt = "", "", ""
		}
	}
	return e
}

// lose lets a node say that it lost something.
func (l *relayLife) lose() {
	node, n := l.node(), 1+l.r.IntN(9)
	l.did("lose %d at %s", n, node)
	l.do("lose", labCommand{"node": node, "source": "perf", "lost": n})
	l.lost["demo/"+node+" perf_event_ring_buffer"] += uint64(n)
}

// again ends a node, or takes it out of the cluster, and lets it come back.
func (l *relayLife) again() {
	node := l.node()
	steps := [][]string{{"node-unserve", "node-serve"}, {"node-leave", "node-join"}, {"node-kill", "node-start"},
		{"node-recreate"}, {"node-move"}}[l.r.IntN(5)]
	if steps[0] != "node-unserve" && steps[0] != "node-leave" {
		l.settle() // what its ring has is lost with it, and nobody can say so
		time.Sleep(1500 * time.Millisecond)
		l.newer["demo/"+node] = true
	}
	for _, s := range steps {
		l.did("%s %s", s, node)
		l.do(s, labCommand{"node": node})
		time.Sleep(time.Duration(l.r.IntN(500)) * time.Millisecond)
	}
}

// read adds a file to the store.
func (l *relayLife) read() {
	file := filepath.Join(l.t.TempDir(), "log.jsonl")
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	from := 90 * len(l.files) // each has its own
	if err := os.WriteFile(file, []byte(strings.Join(lines[from:from+90], "")), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.did("ingest %s from %d: %s", file, from, mustSluice(l.t, "ingest", file, "--store", l.store))
	l.files = append(l.files, file)
}

// repack goes on with the store that a pack of this one makes, while a collector may be at work on this one.
func (l *relayLife) repack() {
	to := filepath.Join(l.t.TempDir(), "store")
	if l.r.IntN(2) == 0 {
		if err := os.Mkdir(to, 0o700); err != nil {
			l.t.Fatal(err)
		}
		to = "file://" + to
	}
	if len(l.files) == 0 { // there may be no store yet
		l.read()
	}
	l.settle()
	l.did("pack %s | unpack %s", l.store, to)
	cmd := exec.Command("sh", "-c", `sluice store pack "$0" | sluice store unpack "$1"`, l.store, to)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%s\n%v: %s", strings.Join(l.what, "\n"), err, out)
	}
	l.down()
	l.store = to
}

// account wants losses to be told once, and gaps only where a node began anew.
func (l *relayLife) account() {
	l.t.Helper()
	l.settle()
	if len(l.lost) > 0 {
		time.Sleep(1200 * time.Millisecond) // a server tells of its loss with the next event
		l.do("tick", nil)
		time.Sleep(1500 * time.Millisecond)
	}
	l.p.await("msg=connected")
	if said := l.p.stop(); strings.Contains(said, "<nil>") {
		l.t.Errorf("%s\n%s", strings.Join(l.what, "\n"), said)
	}
	l.p = nil
	if out, err := sluice(l.t, "store", "check", l.store); err != nil {
		l.t.Fatalf("%s\n%s", strings.Join(l.what, "\n"), out)
	}
	var v struct {
		Streams []struct {
			Nodes []struct {
				Node string
				Lost map[string]uint64
			}
			Gaps []struct{ Node, From, To, Cause string }
		}
	}
	text := mustSluice(l.t, "show", "streams", "--store", l.store, "-o", "json")
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		l.t.Fatal(err, text)
	}
	lost := map[string]uint64{}
	for _, s := range v.Streams {
		for _, n := range s.Nodes {
			for cause, events := range n.Lost {
				lost[n.Node+" "+cause] += events
			}
		}
		for _, g := range s.Gaps {
			if !l.newer[g.Node] {
				l.t.Errorf("%s\na gap where nothing is missing: %v", strings.Join(l.what, "\n"), g)
			}
		}
	}
	if !maps.Equal(lost, l.lost) {
		l.t.Errorf("%s\nlost %v, not %v", strings.Join(l.what, "\n"), lost, l.lost)
	}
}

// TestRelayLife: whatever happens to collectors, relays and nodes, a store has what was sent, each record once, in a
// directory and in a bucket; what nodes lost is told once, and no gap where nothing is missing.
func TestRelayLife(t *testing.T) {
	seeds := uint64(2)
	if long {
		seeds = 12
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			lab := newRelayLab(t, labCommand{"ring": 16383})
			l := &relayLife{relayLab: lab, r: rand.New(rand.NewPCG(seed, 7)), file: lab.capture("online-boutique"),
				lost: map[string]uint64{}, newer: map[string]bool{}, what: []string{fmt.Sprint("seed ", seed)}}
			l.store = filepath.Join(t.TempDir(), "store")
			if seed%2 == 1 {
				if err := os.Mkdir(l.store, 0o700); err != nil {
					t.Fatal(err)
				}
				l.store = "file://" + l.store
			}
			l.start()
			for range 8 {
				switch l.r.IntN(9) {
				case 0, 1:
					l.feed(nil)
				case 2:
					l.feed(func() { l.down(); l.start() })
				case 3:
					l.feed(l.down)
				case 4:
					l.feed(func() {
						l.did("relay again")
						l.do("relay-kill", nil)
						l.do("relay-start", nil)
					})
				case 5:
					l.again()
				case 6:
					l.lose()
				case 7:
					l.read()
				case 8:
					l.repack()
				}
				if l.r.IntN(2) == 0 {
					l.start()
				}
			}
			l.account()
		})
	}
}
