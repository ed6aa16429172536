package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// lab is cmd/conformance/relay: the real Hubble observers and the real hubble-relay.
type lab struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	dir   string
	relay string // address
	nodes []string
}

// startLab starts nodes with rings of the largest size, and a relay if it is asked for.
func startLab(binary, dir string, nodes int, relay bool) (*lab, error) {
	l := &lab{cmd: exec.Command(binary, "lab"), dir: filepath.Join(dir, "lab")}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, err
	}
	l.cmd.Stderr = os.Stderr
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.out = json.NewDecoder(out)
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	var names []string
	for i := range nodes {
		names = append(names, fmt.Sprintf("node-%d", i))
	}
	var started struct {
		Relay string
		Nodes []struct{ Address string }
	}
	if err := l.do(map[string]any{"do": "start", "names": names, "dir": l.dir, "ring": 1<<16 - 1, "noRelay": !relay}, &started); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	l.relay = started.Relay
	for _, n := range started.Nodes {
		l.nodes = append(l.nodes, n.Address)
	}
	return l, nil
}

// do runs a command to its end.
func (l *lab) do(command map[string]any, answer any) error {
	if err := l.begin(command); err != nil {
		return err
	}
	return l.end(answer)
}

func (l *lab) begin(command map[string]any) error { return json.NewEncoder(l.in).Encode(command) }

func (l *lab) end(answer any) error {
	var text json.RawMessage
	if err := l.out.Decode(&text); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var e struct{ Event, Error string }
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	if e.Event != "done" {
		return fmt.Errorf("lab: %s", e.Error)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

func (l *lab) stop() error {
	l.in.Close()
	return l.cmd.Wait()
}
