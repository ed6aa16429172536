//go:build conformance

package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	modelstore "sluice/model/store"

	"sluice/cmd/sluice/internal/show"
)

// progress returns the last account that a collector printed with -o json.
func (p *sluiceProcess) progress() (v show.ProgressView) {
	p.t.Helper()
	for line := range strings.Lines(p.out.String()) {
		var next show.ProgressView
		if json.Unmarshal([]byte(line), &next) == nil && next.Kind == "IngestProgress" {
			v = next
		}
	}
	return v
}

// wantAccount waits until a collector says that it has so many records and that so many were lost.
func (p *sluiceProcess) wantAccount(records, lost uint64, within time.Duration) {
	p.t.Helper()
	var v show.ProgressView
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if v = p.progress(); v.Records == records && v.Lost == lost {
			return
		}
	}
	p.t.Fatalf("%d records and %d lost, want %d and %d", v.Records, v.Lost, records, lost)
}

// TestRelayLost: what nodes lose before their rings is counted by node and cause, once, whatever is sent again.
func TestRelayLost(t *testing.T) {
	l := newRelayLab(t, labCommand{"ring": 65535, "queue": 1023})
	store := filepath.Join(t.TempDir(), "store")
	p := l.collect(store, "-o", "json")
	file := l.capture("online-boutique")
	l.do("feed", labCommand{"file": file, "count": 1000, "rate": 4000})
	l.wantStored(store, 20*time.Second)
	// The observer stands still, the queue overflows, and the consumer says so a second later, with its next event.
	l.do("stall", labCommand{"node": "node-2", "millis": 500})
	e := l.do("feed", labCommand{"node": "node-2", "file": file, "count": 12_000, "burst": true})
	queue := e.Offered - e.Ringed
	if queue == 0 {
		t.Fatal("the queue lost nothing")
	}
	time.Sleep(1200 * time.Millisecond)
	l.do("lose", labCommand{"node": "node-2", "source": "perf", "lost": 17})
	l.do("lose", labCommand{"node": "node-1", "source": "perf", "lost": 4})
	p.wantAccount(1000+e.Ringed, queue+17+4, 30*time.Second)
	l.wantStored(store, 10*time.Second)
	// A relay that comes back sends all of it again.
	l.do("relay-kill", nil)
	l.do("relay-start", nil)
	l.do("feed", labCommand{"file": file, "count": 1000, "rate": 4000})
	p.wantAccount(2000+e.Ringed, queue+17+4, 30*time.Second)
	l.wantStored(store, 10*time.Second)
	p.stop()
	want := map[string]uint64{"demo/node-1 perf_event_ring_buffer": 4, "demo/node-2 perf_event_ring_buffer": 17, "demo/node-2 observer_events_queue": queue}
	st, err := modelstore.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	lost := map[string]uint64{}
	for _, x := range st.Stream("hubble://" + l.started.Relay).Lost {
		lost[x.Node+" "+x.Cause] += uint64(x.Events)
	}
	for k, n := range want {
		if lost[k] != n {
			t.Errorf("%s: %d stored as lost, want %d", k, lost[k], n)
		}
	}
	if len(lost) != len(want) {
		t.Errorf("lost: %v, want %v", lost, want)
	}
}

// TestRelaySlow: a collector that gets a tenth of the processor it needs makes the servers drop records. Those that it got
// and those that the servers say they dropped add up, and its memory stays bounded.
func TestRelaySlow(t *testing.T) {
	l := newRelayLab(t, labCommand{"record": ""})
	store := filepath.Join(t.TempDir(), "store")
	p := l.collect(store, "-o", "json")
	file := l.capture("online-boutique")
	e := l.do("feed", labCommand{"file": file, "count": 3000, "rate": 3000})
	p.wantAccount(3000, 0, 20*time.Second)
	count := 100_000
	if long {
		count *= 10
	}
	feed := l.begin("feed", labCommand{"file": file, "count": count, "rate": 20_000})
	var last labEvent
	for ended := false; !ended; {
		p.cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(490 * time.Millisecond)
		p.cmd.Process.Signal(syscall.SIGCONT)
		select {
		case last = <-feed:
			ended = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	sent := e.Ringed + last.Ringed
	// A server tells of its loss with the next event of the node only, and once a second at most.
	for range 4 {
		time.Sleep(1100 * time.Millisecond)
		sent += l.do("feed", labCommand{"file": file, "count": 300, "rate": 3000}).Ringed
	}
	var v show.ProgressView
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if v = p.progress(); v.Records+v.Lost == sent {
			break
		}
	}
	t.Logf("%d sent, %d stored, %d lost, peak memory %.0f MiB", sent, v.Records, v.Lost, p.peak())
	if v.Lost == 0 {
		t.Error("nothing was lost: the collector was not too slow")
	}
	if v.Records+v.Lost != sent {
		t.Errorf("%d records are unaccounted for", int64(sent)-int64(v.Records+v.Lost))
	}
	p.stop()
}

// TestRelayMemory: the memory of a collector depends on what is different in a stream, not on its length. The records go
// round, each time with new ids and times.
func TestRelayMemory(t *testing.T) {
	count, rate := 60_000, 20_000
	if long {
		count, rate = 2_000_000, 50_000
	}
	l := newRelayLab(t, labCommand{"names": []string{"node-0"}, "noRelay": true, "record": "", "ring": 65535})
	file := l.capture("load", "-records", "50000")
	// The node reads the capture now, and not while its records are due.
	l.do("feed", labCommand{"file": file, "count": 1})
	p := startSluice(t, "ingest", "hubble://"+l.started.Nodes[0].Address, "--store", filepath.Join(t.TempDir(), "store"), "--follow", "-o", "json")
	sent, peaks := uint64(1), []float64{}
	for range 5 {
		sent += l.do("feed", labCommand{"file": file, "count": count, "rate": rate}).Ringed
		peaks = append(peaks, p.peak())
	}
	var v show.ProgressView
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		// A server tells of its loss with the next event, and once a second at most.
		l.do("tick", nil)
		if v = p.progress(); v.Records+v.Lost == sent {
			break
		}
	}
	t.Logf("%d sent, %d stored, %d lost, peaks %.0f MiB", sent, v.Records, v.Lost, peaks)
	if v.Records+v.Lost != sent {
		t.Errorf("%d records are unaccounted for", int64(sent)-int64(v.Records+v.Lost))
	}
	// The first merges of segments come after a quarter of a minute: only the long form is in a steady state from its third on.
	if !long && peaks[4] > 256 || long && peaks[4] > 1.25*peaks[1] {
		t.Errorf("the peak grew from %.0f to %.0f MiB", peaks[1], peaks[4])
	}
}

// TestRelayCrash: a node dies amid its records and comes back with an empty ring. What was in its ring and not read by
// then is lost, which no server can say: the collector finds that the node is a new one, and says that there may be a gap.
func TestRelayCrash(t *testing.T) {
	l := newRelayLab(t, nil)
	store := filepath.Join(t.TempDir(), "store")
	p := l.collect(store, "-o", "json")
	file := l.capture("online-boutique")
	l.do("feed", labCommand{"file": file, "count": 600, "rate": 1000})
	p.wantAccount(600, 0, 20*time.Second)
	time.Sleep(6 * time.Second) // the age of nodes is looked at every five
	feed := l.begin("feed", labCommand{"file": file, "count": 3000, "rate": 1000})
	time.Sleep(1500 * time.Millisecond)
	l.do("node-kill", labCommand{"node": "node-1"})
	time.Sleep(500 * time.Millisecond)
	l.do("node-start", labCommand{"node": "node-1"})
	if e := <-feed; e.Event != "failed" {
		t.Fatal("the feed outlived its node")
	}
	time.Sleep(2 * time.Second) // the others go on until they have sent their shares
	l.do("feed", labCommand{"file": file, "count": 3000, "rate": 1000})
	sent := uint64(0)
	for _, n := range l.sentBy() {
		sent += n
	}
	var v show.ProgressView
	for deadline := time.Now().Add(12 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if v = p.progress(); v.Gaps > 0 && v.Records == sent {
			break
		}
	}
	t.Logf("%d entered rings, %d stored, %d gaps", sent, v.Records, v.Gaps)
	if v.Gaps == 0 {
		t.Error("no gap is reported")
	}
	// At most what the dead node's ring held and the relay's buffers: a fraction of a second of its records.
	if v.Records > sent || sent-v.Records > 500 {
		t.Errorf("%d of %d records are stored", v.Records, sent)
	}
}
