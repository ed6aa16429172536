package main

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// command is a line on standard input. Every command is answered by one event that repeats its id; feed is answered
// when it has ended, and other commands may come in between.
type command struct {
	ID string `json:"id,omitempty"`
	// Do is start, feed, lose, stall, tick, status, relay-kill, relay-start, node-kill, node-start, node-leave, node-join,
	// node-recreate, node-move, node-unserve, node-serve or stop.
	Do string `json:"do"`

	// Of start. Names are nodes; the capture's nodes are dealt to them in order of appearance.
	Names   []string `json:"names,omitempty"`
	Cluster string   `json:"cluster,omitempty"` // default if empty
	Ring    int      `json:"ring,omitempty"`    // events, a power of two less one; 4095 if 0, as agents have
	Queue   int      `json:"queue,omitempty"`   // events between monitor and observer; 16384 if 0
	TLS     string   `json:"tls,omitempty"`     // none (if empty), tls: the relay shows a certificate, mtls: it asks for one as well
	Dir     string   `json:"dir,omitempty"`     // for sockets, certificates and logs; must exist
	Record  string   `json:"record,omitempty"`  // folder for the records that entered the rings, as JSON lines; none if empty
	NoRelay bool     `json:"noRelay,omitempty"`
	NoSeed  bool     `json:"noSeed,omitempty"` // leave rings empty, as no agent's is for long

	// Node says whom node-* and lose are about; empty: every node.
	Node string `json:"node,omitempty"`

	feed

	// Of lose and stall. Source is perf (the kernel's buffer) or queue: what the agent itself lost.
	Source string `json:"source,omitempty"`
	Lost   uint64 `json:"lost,omitempty"`
	Millis int    `json:"millis,omitempty"` // the observer stands still for so long
}

// feed asks for records of a capture of JSON lines as exporters write them.
type feed struct {
	File  string `json:"file,omitempty"`
	From  int    `json:"from,omitempty"`  // the first record, from 0
	Count int    `json:"count,omitempty"` // records in all, over all nodes; more than there are: again from the start. 0: to the end
	// Rate is records a second over all nodes; 0: as fast as the nodes take them.
	Rate float64 `json:"rate,omitempty"`
	// Base is the time given to the capture's first record; others keep their distance. Without it records are of now.
	Base *time.Time `json:"base,omitempty"`
	// Burst goes through the monitor consumer's queue, which drops what does not fit and says so.
	Burst bool `json:"burst,omitempty"`
	// NoTick leaves out the agent event after the last record. A ring shows its newest event only after the next one.
	NoTick bool `json:"noTick,omitempty"`
}

// event is a line on standard output.
type event struct {
	ID    string `json:"id,omitempty"`
	Event string `json:"event"` // done or failed
	Do    string `json:"do,omitempty"`
	Error string `json:"error,omitempty"`

	Relay    string       `json:"relay,omitempty"` // address
	RelayPid int          `json:"relayPid,omitempty"`
	Nodes    []nodeStatus `json:"nodes,omitempty"`
	TLS      *tlsFiles    `json:"tls,omitempty"`

	// Of feed, over all nodes.
	Offered uint64 `json:"offered,omitempty"` // records given to the nodes
	Ringed  uint64 `json:"ringed,omitempty"`  // of them, what entered the rings; the queue lost the rest
}

// nodeStatus is a node as it is now.
type nodeStatus struct {
	Name    string `json:"name"` // cluster/name, as Hubble says it
	Address string `json:"address"`
	Socket  string `json:"socket"`
	Pid     int    `json:"pid"` // 0: not running
	// Since the node's process began.
	Offered uint64 `json:"offered"`
	Ringed  uint64 `json:"ringed"`
	// ServerName is what the node's certificate says.
	ServerName string `json:"serverName,omitempty"`
}

// lines writes JSON lines from many goroutines.
type lines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newLines(w io.Writer) *lines { return &lines{enc: json.NewEncoder(w)} }

func (l *lines) write(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enc.Encode(v)
}
