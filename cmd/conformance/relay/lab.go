package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cilium/cilium/pkg/crypto/certloader"
)

// hubblePort is every agent's port; each has an address of its own.
const hubblePort = 4244

// lab is a cluster of nodes behind one relay. Its commands run one after another, but for feeds.
type lab struct {
	out    *lines
	config command // of start
	certs  *tlsFiles
	peers  *membership
	relay  *child

	mu    sync.Mutex // of seats, which feeds read
	seats []*seat
	used  int // addresses given to nodes
	feeds sync.WaitGroup
}

// seat is a node's name, and the process that has it now.
type seat struct {
	name    string
	address string
	now     *nodeChild // nil: killed
}

func runLab(in io.Reader, out io.Writer) error {
	l := &lab{out: newLines(out)}
	defer l.stop()
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	for {
		var c command
		if err := d.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("command: %w", err)
		}
		if c.Do != "start" && l.peers == nil {
			return errors.New("the first command is start")
		}
		if c.Do == "feed" {
			l.feeds.Add(1)
			go l.feed(c)
			continue
		}
		e, err := l.do(c)
		e.ID, e.Event, e.Do = c.ID, "done", c.Do
		if err != nil {
			e.Event, e.Error = "failed", err.Error()
		}
		if err := l.out.write(e); err != nil {
			return err
		}
		if c.Do == "stop" {
			return nil
		}
	}
}

func (l *lab) do(c command) (event, error) {
	switch c.Do {
	case "start":
		return l.start(c)
	case "relay-kill":
		if l.relay == nil {
			return event{}, errors.New("no relay is running")
		}
		l.relay.kill()
		l.relay = nil
		return event{}, nil
	case "relay-start":
		return l.status(c, l.startRelay())
	case "status":
		_, err := l.each(c, func(s *seat) error { return s.ask(c) })
		return l.status(c, err)
	case "tick", "lose", "stall", "node-unserve", "node-serve":
		_, err := l.each(c, func(s *seat) error { return s.ask(c) })
		return event{}, err
	case "node-kill":
		return l.each(c, l.kill)
	case "node-start": // the agent is back: the same address, an empty ring
		return l.each(c, l.startNode)
	case "node-leave":
		return l.each(c, func(s *seat) error { l.peers.remove(s.name); return nil })
	case "node-join":
		return l.each(c, l.join)
	case "node-move": // the agent has another address, and the cluster says "changed"
		return l.each(c, func(s *seat) error { return l.elsewhere(s, func() {}) })
	case "node-recreate": // a new machine under the old name: "deleted", then "added"
		return l.each(c, func(s *seat) error { return l.elsewhere(s, func() { l.peers.remove(s.name) }) })
	case "stop":
		l.stop()
		return event{}, nil
	}
	return event{}, fmt.Errorf("unknown command %q", c.Do)
}

func (l *lab) start(c command) (event, error) {
	if l.peers != nil {
		return event{}, errors.New("already started")
	}
	if len(c.Names) == 0 || c.Dir == "" {
		return event{}, errors.New("start needs names and dir")
	}
	if c.Cluster == "" {
		c.Cluster = "default"
	}
	if c.Ring == 0 {
		c.Ring = 4095
	}
	if c.Queue == 0 {
		c.Queue = 16384
	}
	l.config, l.peers = c, newMembership(c.Cluster)
	var config certloader.ServerConfigBuilder
	switch c.TLS {
	case "", "none":
	case "tls", "mtls":
		var err error
		if l.certs, err = newCertificates(c.Dir, c.Cluster); err != nil {
			return event{}, err
		}
		if config, err = certloader.NewWatchedServerConfig(slog.New(slog.DiscardHandler), []string{l.certs.CA}, l.certs.node.cert, l.certs.node.key); err != nil {
			return event{}, err
		}
	default:
		return event{}, fmt.Errorf("unknown tls %q: none, tls or mtls", c.TLS)
	}
	for _, name := range c.Names {
		l.seats = append(l.seats, &seat{name: name, address: l.nextAddress()})
	}
	if err := servePeers(l.peers, l.address(1, hubblePort), config); err != nil {
		return event{}, err
	}
	for _, s := range l.seats {
		if err := l.startNode(s); err != nil {
			return event{}, err
		}
		l.peers.set(s.name, s.address)
	}
	if c.NoRelay {
		return l.status(c, nil)
	}
	return l.status(c, l.startRelay())
}

// address is one of the lab's own: labs beside each other do not meet.
func (l *lab) address(host, port int) string {
	return fmt.Sprintf("%s:%d", l.ip(host), port)
}

func (l *lab) ip(host int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>8&127, pid&255, host)
}

func (l *lab) nextAddress() string {
	l.used++
	return l.ip(1 + l.used)
}

func (l *lab) startNode(s *seat) error {
	if s.now != nil {
		return fmt.Errorf("node %s is running", s.name)
	}
	l.mu.Lock()
	place := slices.Index(l.seats, s)
	l.mu.Unlock()
	config := nodeConfig{Name: s.name, Address: fmt.Sprintf("%s:%d", s.address, hubblePort), Socket: filepath.Join(l.config.Dir, s.name+".sock"), Seat: place, Seats: len(l.seats)}
	if l.certs != nil {
		config.CA, config.Cert, config.Key = l.certs.CA, l.certs.node.cert, l.certs.node.key
	}
	if err := os.Remove(config.Socket); err != nil && !errors.Is(err, os.ErrNotExist) { // left by a killed one
		return err
	}
	n, err := spawnNode(config, l.config)
	if err != nil {
		return err
	}
	l.mu.Lock()
	s.now = n
	l.mu.Unlock()
	return nil
}

func (l *lab) kill(s *seat) error {
	if s.now == nil {
		return fmt.Errorf("node %s is not running", s.name)
	}
	s.now.kill()
	l.mu.Lock()
	s.now = nil
	l.mu.Unlock()
	return nil
}

func (l *lab) join(s *seat) error {
	l.peers.set(s.name, s.address)
	return nil
}

// elsewhere starts another process under the node's name at a new address, lets the cluster know, and only then kills the old one:
// a machine that vanishes closes no connections, and what a relay does when it is told first is worse than after an error.
func (l *lab) elsewhere(s *seat, before func()) error {
	before()
	old := s.now
	l.mu.Lock()
	s.now = nil
	l.mu.Unlock()
	s.address = l.nextAddress()
	if err := l.startNode(s); err != nil {
		return err
	}
	if err := l.join(s); err != nil || old == nil {
		return err
	}
	time.Sleep(time.Second) // the relay acts on the news
	old.kill()
	return nil
}

func (s *seat) ask(c command) error {
	if s.now == nil {
		return nil // a killed node has nothing to say
	}
	_, err := s.now.ask(nodeCommand{command: c})
	return err
}

// each does it to the node that the command names, or to all.
func (l *lab) each(c command, do func(*seat) error) (event, error) {
	found := false
	for _, s := range l.seats {
		if c.Node != "" && c.Node != s.name {
			continue
		}
		found = true
		if err := do(s); err != nil {
			return event{}, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !found {
		return event{}, fmt.Errorf("there is no node %q", c.Node)
	}
	return event{}, nil
}

func (l *lab) status(c command, err error) (event, error) {
	e := event{TLS: l.certs}
	if l.relay != nil {
		e.Relay, e.RelayPid = l.relayAddress(), l.relay.cmd.Process.Pid
	}
	for _, s := range l.seats {
		n := nodeStatus{}
		if s.now != nil {
			s.now.mu.Lock()
			n = s.now.final
			s.now.mu.Unlock()
			n.Pid = s.now.cmd.Process.Pid
		}
		n.Name, n.Address = l.config.Cluster+"/"+s.name, fmt.Sprintf("%s:%d", s.address, hubblePort)
		n.Socket = filepath.Join(l.config.Dir, s.name+".sock")
		if l.certs != nil {
			n.ServerName = s.name + "." + l.config.Cluster + ".hubble-grpc.cilium.io"
		}
		e.Nodes = append(e.Nodes, n)
	}
	return e, err
}

// feed lets all nodes put their shares and sums up what they say. A node that ends meanwhile fails the feed.
func (l *lab) feed(c command) {
	defer l.feeds.Done()
	l.mu.Lock()
	var running []*nodeChild
	for _, s := range l.seats {
		if s.now != nil && (c.Node == "" || c.Node == s.name) {
			running = append(running, s.now)
		}
	}
	l.mu.Unlock()
	answers, errs := make([]event, len(running)), make([]error, len(running))
	var wg sync.WaitGroup
	for i, n := range running {
		wg.Go(func() { answers[i], errs[i] = n.ask(nodeCommand{command: c}) })
	}
	wg.Wait()
	e := event{ID: c.ID, Event: "done", Do: c.Do}
	for _, a := range answers {
		e.Offered, e.Ringed = e.Offered+a.Offered, e.Ringed+a.Ringed
	}
	if err := errors.Join(errs...); err != nil {
		e.Event, e.Error = "failed", err.Error()
	}
	l.out.write(e)
}

func (l *lab) stop() {
	if l.relay != nil {
		l.relay.kill()
		l.relay = nil
	}
	for _, s := range l.seats {
		if s.now != nil {
			l.kill(s)
		}
	}
	l.feeds.Wait()
}
