package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// liveRun is what one client did with a stream.
type liveRun struct {
	flows uint64
	usage
}

func (r liveRun) rate() float64  { return float64(r.flows) / r.wall }
func (r liveRun) micro() float64 { return r.cpu / float64(r.flows) * 1e6 }

// liveClient is a process that reads all that a server has, or follows it.
type liveClient struct {
	name string
	// args gives the command line for a server's address; follow is how many flows there will be, 0: all that are there.
	args func(addr string, follow uint64) []string
	runs []liveRun
}

// recordsLive is how many records of the load scenario go round in the rings; each time they have new ids and times.
const recordsLive = 100_000

// live measures clients of the real servers beside each other. Flows a second are those of the client, servers and client
// on the same cores; CPU is the client's alone.
func (b *bench) live() error {
	if b.relay == "" {
		return nil
	}
	capture, err := b.capture("load", recordsLive)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.out, "\nLive: hubble-relay and Hubble observers of Cilium 1.20.2 on the same %d cores, medians of %d alternating runs.\n\n", runtime.NumCPU(), b.runs)
	b.out.WriteString("| stream | client | flows | flows/s | CPU us a flow | peak MiB | flows/s, share of raw | CPU, ratio to raw |\n|---|---|---|---|---|---|---|---|\n")
	if err := b.throughRelay(capture); err != nil {
		return err
	}
	return b.fromAgent(capture)
}

func (b *bench) clients() (ours, raw *liveClient, all []*liveClient) {
	store := filepath.Join(b.dir, "live-store")
	ours = &liveClient{name: "sluice ingest", args: func(addr string, follow uint64) []string {
		os.RemoveAll(store)
		a := []string{b.sluice, "ingest", "hubble://" + addr, "--store", store, "--since", "3h", "-o", "json"}
		if follow > 0 {
			return append(a, "--follow")
		}
		return a
	}}
	recv := func(name, mode string) *liveClient {
		return &liveClient{name: name, args: func(addr string, follow uint64) []string {
			a := []string{b.relay, "recv", "-addr", addr, "-mode", mode, "-since", "3h", "-for", "10m"}
			if follow > 0 {
				return append(a, "-follow", "-count", fmt.Sprint(follow))
			}
			return a
		}}
	}
	raw = recv("raw bytes, thrown away", "raw")
	return ours, raw, []*liveClient{ours, recv("plain Go client, decoded, thrown away", "full"), raw}
}

// throughRelay reads ten full rings through the relay.
func (b *bench) throughRelay(capture string) error {
	const nodes, flows = 10, 600_000 // dealt out evenly but for a few: no ring wraps
	l, err := startLab(b.relay, b.dir, nodes, true)
	if err != nil {
		return err
	}
	defer l.stop()
	var fed struct{ Ringed uint64 }
	// The records are of now, as close to each other in time as they are to who follows at full speed.
	if err := l.do(map[string]any{"do": "feed", "file": capture, "count": flows}, &fed); err != nil {
		return err
	}
	ours, raw, all := b.clients()
	for i := range b.runs + 1 {
		for _, c := range all {
			r, err := b.client(c.args(l.relay, 0))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if r.flows < fed.Ringed {
				return fmt.Errorf("%s: had %d of %d flows", c.name, r.flows, fed.Ringed)
			}
			if i > 0 {
				c.runs = append(c.runs, r)
			}
		}
	}
	b.liveRows("relay, ten rings", all, raw)
	b.goal("relay: raw client's flows/s, times ours", middle(raw.runs, liveRun.rate)/middle(ours.runs, liveRun.rate), 1/0.95)
	b.goal("relay: CPU a flow, times the raw client's", middle(ours.runs, liveRun.micro)/middle(raw.runs, liveRun.micro), 1.2)
	return nil
}

// client runs a client that ends by itself.
func (b *bench) client(args []string) (liveRun, error) {
	c, err := begin(args)
	if err != nil {
		return liveRun{}, err
	}
	return c.end(time.Since)
}

// running is a client at work.
type running struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	start time.Time
	peak  chan float64
}

func begin(args []string) (*running, error) {
	c := &running{cmd: exec.Command(args[0], args[1:]...), start: time.Now(), peak: make(chan float64, 1)}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.watch()
	return c, nil
}

// watch asks the kernel for the largest memory of the process itself until it ends: the account of an ended child begins with the
// memory of the process that started it, which is large here.
func (c *running) watch() {
	file, most := fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid), 0.0
	for {
		text, err := os.ReadFile(file)
		_, rest, found := strings.Cut(string(text), "VmHWM:")
		if err != nil || !found {
			c.peak <- most
			return
		}
		var kib float64
		fmt.Sscan(rest, &kib)
		most = max(most, kib/1024)
		time.Sleep(50 * time.Millisecond)
	}
}

// end waits for the end and gives the account; since gives the time that counts.
func (c *running) end(since func(time.Time) time.Duration) (liveRun, error) {
	err := c.cmd.Wait()
	took := since(c.start)
	if err != nil {
		return liveRun{}, err
	}
	n, err := taken(c.out.Bytes())
	p := c.cmd.ProcessState
	return liveRun{n, usage{took.Seconds(), (p.UserTime() + p.SystemTime()).Seconds(), <-c.peak}}, err
}

// ratePerSecond is what one agent sends in the sustained run.
const ratePerSecond = 50_000

// fromAgent follows one agent that sees 50,000 flows a second.
func (b *bench) fromAgent(capture string) error {
	_, raw, all := b.clients()
	for _, c := range all {
		r, err := b.follow(c, capture)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		c.runs = []liveRun{r}
	}
	ours := all[0]
	b.liveRows(fmt.Sprintf("agent, %d flows/s", ratePerSecond), all, raw)
	b.goal("agent: flows not stored", float64(b.followed)-float64(ours.runs[0].flows), 0)
	b.goal("agent: seconds, times those that the flows should take", ours.runs[0].wall*ratePerSecond/float64(b.followed), 1.1)
	return nil
}

// follow starts the client, then the flows, and ends the client when it has had time to take them all: one second, the most
// that sluice may be behind, and two for a loaded machine.
func (b *bench) follow(c *liveClient, capture string) (liveRun, error) {
	l, err := startLab(b.relay, b.dir, 1, false)
	if err != nil {
		return liveRun{}, err
	}
	defer l.stop()
	// Once through, so that the capture is in the node's memory; a follower that asks for less than this time does not see it.
	if err := l.do(map[string]any{"do": "feed", "file": capture, "count": 1, "base": time.Now().Add(-24 * time.Hour)}, nil); err != nil {
		return liveRun{}, err
	}
	p, err := begin(c.args(l.nodes[0], uint64(b.followed)))
	if err != nil {
		return liveRun{}, err
	}
	time.Sleep(time.Second)
	start := time.Now()
	if err := l.do(map[string]any{"do": "feed", "file": capture, "count": b.followed, "rate": ratePerSecond}, nil); err != nil {
		return liveRun{}, errors.Join(err, p.cmd.Process.Kill())
	}
	took := time.Since(start)
	time.Sleep(3 * time.Second)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return liveRun{}, err
	}
	return p.end(func(time.Time) time.Duration { return took })
}

// taken reads how many flows a client had: the last of the JSON lines that it printed says it.
func taken(out []byte) (uint64, error) {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var v struct{ Flows, Records uint64 } // of recv, of sluice
	if err := json.Unmarshal(lines[len(lines)-1], &v); err != nil {
		return 0, fmt.Errorf("account of a client: %w", err)
	}
	return v.Flows + v.Records, nil
}

func (b *bench) liveRows(stream string, all []*liveClient, raw *liveClient) {
	for _, c := range all {
		peak := middle(c.runs, func(r liveRun) float64 { return r.rss })
		fmt.Fprintf(&b.out, "| %s | %s | %d | %.0f | %.2f | %.0f | %.2f | %.2f |\n", stream, c.name, c.runs[0].flows, middle(c.runs, liveRun.rate), middle(c.runs, liveRun.micro), peak,
			middle(c.runs, liveRun.rate)/middle(raw.runs, liveRun.rate), middle(c.runs, liveRun.micro)/middle(raw.runs, liveRun.micro))
	}
}
