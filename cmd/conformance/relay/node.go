package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/cilium/cilium/pkg/crypto/certloader"
	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/monitor"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	observertypes "github.com/cilium/cilium/pkg/hubble/observer/types"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	"github.com/cilium/cilium/pkg/monitor/agent/consumer"
	nodetypes "github.com/cilium/cilium/pkg/node/types"
	"github.com/cilium/cilium/pkg/option"
	"github.com/google/uuid"
)

// nodeCommand is what the lab writes to a node's process.
type nodeCommand struct {
	command
	Config *nodeConfig `json:"config,omitempty"` // with start
}

// nodeConfig is one agent's Hubble.
type nodeConfig struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Socket  string `json:"socket"`
	Seat    int    `json:"seat"` // which of the capture's nodes are this one's
	Seats   int    `json:"seats"`
	CA      string `json:"ca,omitempty"` // empty: no TLS
	Cert    string `json:"cert,omitempty"`
	Key     string `json:"key,omitempty"`
}

// node is the Hubble part of one cilium-agent. Its name is a global of Cilium's packages, hence a process for each.
type node struct {
	config   nodeConfig
	out      *lines
	decoder  *decoder
	observer *observer.LocalObserverServer
	consumer consumer.MonitorConsumer
	tls      certloader.ServerConfigBuilder
	servers  []*server.Server // the node's address and its socket
	captures map[string]*loaded
	offered  atomic.Uint64
}

// loaded is a capture in the node's table.
type loaded struct {
	*capture
	offset int // of its first record in the table
}

func runNode(in io.Reader, out io.Writer) error {
	d := json.NewDecoder(in)
	n := &node{out: newLines(out), captures: map[string]*loaded{}}
	var c nodeCommand
	if err := d.Decode(&c); err != nil || c.Config == nil {
		return fmt.Errorf("a node begins with its configuration: %w", err)
	}
	if err := n.start(c); err != nil {
		return err
	}
	if err := n.answer(c.command, event{}); err != nil {
		return err
	}
	for {
		var c nodeCommand
		if err := d.Decode(&c); err != nil {
			return nil // the lab is gone
		}
		if c.Do == "feed" {
			if err := n.load(c.File); err != nil { // here, since the table belongs to this goroutine
				n.fail(c.command, err)
				continue
			}
			go n.feed(c.command)
			continue
		}
		if err := n.do(c.command); err != nil {
			n.fail(c.command, err)
		} else if err := n.answer(c.command, event{}); err != nil {
			return err
		}
	}
}

func (n *node) answer(c command, e event) error {
	e.ID, e.Event, e.Do = c.ID, "done", c.Do
	e.Nodes = []nodeStatus{{Name: nodetypes.GetAbsoluteNodeName(), Offered: n.offered.Load(), Ringed: n.decoder.ringed.Load()}}
	return n.out.write(e)
}

func (n *node) fail(c command, err error) {
	n.out.write(event{ID: c.ID, Event: "failed", Do: c.Do, Error: err.Error()})
}

func (n *node) start(c nodeCommand) error {
	n.config = *c.Config
	option.Config.ClusterName = c.Cluster
	nodetypes.SetName(n.config.Name)
	ring, err := container.NewCapacity(c.Ring)
	if err != nil {
		return err
	}
	n.decoder = &decoder{node: nodetypes.GetAbsoluteNodeName()}
	n.decoder.table.Store(&[]*flowpb.Flow{})
	if c.Record != "" {
		name := fmt.Sprintf("%s.%d.jsonl", n.config.Name, os.Getpid())
		if n.decoder.record, err = newRecorder(filepath.Join(c.Record, name)); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n.observer, err = observer.NewLocalServer(n.decoder, namespace.NewManager(), log,
		observeroption.WithMaxFlows(ring), observeroption.WithMonitorBuffer(c.Queue), observeroption.WithLostEventSendInterval(time.Second))
	if err != nil {
		return err
	}
	n.consumer = monitor.NewConsumer(n.observer, time.Second)
	go n.observer.Start()
	if !c.NoSeed {
		n.tick()
		n.tick()
	}
	if n.config.CA != "" {
		if n.tls, err = certloader.NewWatchedServerConfig(log, []string{n.config.CA}, n.config.Cert, n.config.Key); err != nil {
			return err
		}
	}
	return n.serve(log)
}

// serve listens as agents do: with TLS on the node's address, without on the socket.
func (n *node) serve(log *slog.Logger) error {
	security := serveroption.WithInsecure()
	if n.tls != nil {
		security = serveroption.WithServerTLS(n.tls)
	}
	for _, opts := range [][]serveroption.Option{
		{serveroption.WithTCPListener(n.config.Address), security},
		{serveroption.WithUnixSocketListener(log, n.config.Socket), serveroption.WithInsecure()},
	} {
		s, err := server.NewServer(log, append(opts, serveroption.WithHealthService(), serveroption.WithObserverService(n.observer))...)
		if err != nil {
			return err
		}
		n.servers = append(n.servers, s)
		go s.Serve()
	}
	return nil
}

func (n *node) do(c command) error {
	switch c.Do {
	case "tick":
		n.tick()
		n.drain()
	case "status":
		n.drain()
	case "lose":
		switch c.Source {
		case "perf":
			n.consumer.NotifyPerfEventLost(c.Lost, 0)
		case "queue":
			n.put(time.Now(), &observertypes.LostEvent{Source: observertypes.LostEventSourceEventsQueue, NumLostEvents: c.Lost})
		default:
			return fmt.Errorf("unknown source %q: perf or queue", c.Source)
		}
		n.tick()
	case "stall":
		n.put(time.Now(), stall{time.Duration(c.Millis) * time.Millisecond})
	case "node-unserve":
		for _, s := range n.servers {
			s.Stop()
		}
		n.servers = nil
	case "node-serve":
		return n.serve(slog.New(slog.DiscardHandler))
	default:
		return fmt.Errorf("unknown command %q", c.Do)
	}
	return nil
}

// put waits until the queue has room.
func (n *node) put(at time.Time, payload any) {
	n.observer.GetEventsChannel() <- &observertypes.MonitorEvent{UUID: uuid.New(), Timestamp: at, NodeName: n.decoder.node, Payload: payload}
}

// tick is what an agent says of itself now and then; it is no flow, but fills a place of the ring.
func (n *node) tick() {
	n.put(time.Now(), &observertypes.AgentEvent{Message: &flowpb.AgentEvent{Type: flowpb.AgentEventType_ENDPOINT_REGENERATE_SUCCESS}})
}

// drain returns when all that was put is in the ring.
func (n *node) drain() {
	done := make(chan struct{})
	n.put(time.Now(), barrier(func() { close(done) }))
	<-done
}

// load appends the node's part of a capture to the table, once.
func (n *node) load(file string) error {
	if n.captures[file] != nil {
		return nil
	}
	c, err := readCapture(file, n.config.Seat, n.config.Seats)
	if err != nil {
		return err
	}
	old := *n.decoder.table.Load()
	table := append(make([]*flowpb.Flow, 0, len(old)+len(c.records)), old...)
	for _, r := range c.records {
		table = append(table, r.flow)
	}
	n.decoder.table.Store(&table)
	n.captures[file] = &loaded{c, len(old)}
	return nil
}

// feed puts the node's share of what was asked for, each record when it is due.
func (n *node) feed(c command) {
	l := n.captures[c.File]
	count := c.Count
	if count == 0 {
		count = l.total - c.From
	}
	start := time.Now()
	offered, ringed := n.offered.Load(), n.decoder.ringed.Load()
	for round, done := 0, false; !done; round++ {
		for i, r := range l.records {
			place := round*l.total + r.index - c.From // among all records asked for
			if place < 0 {
				continue
			}
			if place >= count {
				done = true
				break
			}
			at := n.due(start, place, c.feed)
			if c.Base != nil {
				at = c.Base.Add(r.flow.GetTime().AsTime().Sub(l.first) + time.Duration(round)*(l.span+time.Millisecond))
			}
			data := binary.LittleEndian.AppendUint64(nil, uint64(l.offset+i))
			n.offered.Add(1)
			if c.Burst {
				n.consumer.NotifyPerfEvent(data, 0)
			} else {
				n.put(at, &observertypes.PerfEvent{Data: data})
			}
		}
		done = done || len(l.records) == 0 || (round+1)*l.total-c.From >= count
	}
	n.drain()
	if !c.NoTick {
		n.tick()
	}
	n.answer(c, event{Offered: n.offered.Load() - offered, Ringed: n.decoder.ringed.Load() - ringed})
}

// due waits until a record is to be sent and returns its time.
func (n *node) due(start time.Time, place int, f feed) time.Time {
	if f.Rate > 0 {
		if wait := time.Until(start.Add(time.Duration(float64(place) / f.Rate * float64(time.Second)))); wait > time.Millisecond {
			time.Sleep(wait)
		}
	}
	return time.Now()
}
