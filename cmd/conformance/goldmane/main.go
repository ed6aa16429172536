// Command goldmane is a judge of live ingest: the real Goldmane of Calico 3.31.0 on loopback with mutual TLS, fed
// through its FlowCollector as Felix feeds it, and steered by JSON commands on standard input. Every command is
// answered by one JSON event on standard output. It ends when standard input does.
//
//	{"cmd":"start","addr":"127.0.0.1:0","bucket":15,"now":1795229200}   start the server; now: a clock of its own
//	{"cmd":"feed","peer":"node-a","flows":[{...}]}                      push records over the connection of a peer
//	{"cmd":"feed","peer":"node-a","file":"flows.ndjson","shift":-60}    the same from a file, times moved by seconds
//	{"cmd":"drop","peer":"node-a"}                                      close the connection of a peer
//	{"cmd":"roll","count":4}                                            move a server's own clock on by buckets
//	{"cmd":"list","from":0,"to":0}                                      what the server has, as its emitter spells it
//	{"cmd":"stop"}                                                      stop the server; its memory is gone
//
// Flows are JSON as the emitter posts it, or as protojson spells it. A server without "now" goes by the real clock.
//
// Whisker's backend, which has the same flows over HTTP, is no judge here: its sources are in Calico's module, and the
// module that it is built of beside them (lib/httpmachinery) can be had in no version. What it answers is known from its
// sources, and a server of the tests' own answers so.
//
// It is a module of its own because Calico's drags Kubernetes in, and knows nothing of sluice.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

// command is one line of standard input.
type command struct {
	Cmd    string            `json:"cmd"`
	Addr   string            `json:"addr"`
	Bucket int64             `json:"bucket"` // seconds, 15 where it is 0
	Now    int64             `json:"now"`    // seconds since 1970; 0: the real clock
	Peer   string            `json:"peer"`
	Flows  []json.RawMessage `json:"flows"`
	File   string            `json:"file"`
	Shift  int64             `json:"shift"` // seconds added to the times of flows
	Count  int               `json:"count"`
	From   int64             `json:"from"`
	To     int64             `json:"to"`
}

// event is one line of standard output.
type event struct {
	Event string            `json:"event"` // the command, or "error"
	Error string            `json:"error,omitempty"`
	Addr  string            `json:"addr,omitempty"`
	Count int               `json:"count,omitempty"`
	Now   int64             `json:"now,omitempty"`
	Flows []json.RawMessage `json:"flows,omitempty"`
}

func main() {
	pki := flag.String("pki", "", "write certificates to `DIR`: ca, server and client, and a stranger of another authority")
	flag.Parse()
	logrus.SetLevel(logrus.FatalLevel)
	if err := run(*pki, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "goldmane:", err)
		os.Exit(1)
	}
}

func run(pki string, in io.Reader, out io.Writer) error {
	if pki == "" {
		return fmt.Errorf("usage: goldmane -pki DIR")
	}
	if err := writePKI(pki); err != nil {
		return err
	}
	l := &lab{pki: pki}
	defer l.stop()
	lines := bufio.NewReader(in)
	enc := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return nil
		}
		var c command
		e := event{}
		if err := json.Unmarshal(line, &c); err != nil {
			e = event{Event: "error", Error: err.Error()}
		} else if e, err = l.do(&c); err != nil {
			e = event{Event: "error", Error: c.Cmd + ": " + err.Error()}
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
}

// do obeys one command.
func (l *lab) do(c *command) (event, error) {
	e := event{Event: c.Cmd}
	var err error
	switch c.Cmd {
	case "start":
		e.Addr, err = l.start(c)
	case "feed":
		e.Count, err = l.feed(c)
	case "drop":
		err = l.drop(c.Peer)
	case "roll":
		e.Now, err = l.roll(c.Count)
	case "list":
		e.Flows, err = l.list(c.From, c.To)
		e.Count = len(e.Flows)
	case "stop":
		l.stop()
	default:
		err = fmt.Errorf("no such command")
	}
	return e, err
}
