package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/projectcalico/calico/goldmane/proto"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
)

// peer is the connection of one node: Goldmane tells duplicates apart by it.
type peer struct {
	cc     *grpc.ClientConn
	stream proto.FlowCollector_ConnectClient
}

// feed pushes flows and waits until the server has them all.
func (l *lab) feed(c *command) (int, error) {
	if l.srv == nil {
		return 0, errStopped
	}
	p := l.peers[c.Peer]
	if p == nil {
		var err error
		if p, err = l.connect(); err != nil {
			return 0, err
		}
		l.peers[c.Peer] = p
	}
	flows, err := c.read()
	if err != nil {
		return 0, err
	}
	if err := p.push(flows); err != nil {
		return 0, err
	}
	return len(flows), l.settle()
}

// push sends while it takes the receipts, of which every flow has one.
func (p *peer) push(flows []*proto.Flow) error {
	sent := make(chan error, 1)
	go func() {
		for _, f := range flows {
			if err := p.stream.Send(&proto.FlowUpdate{Flow: f}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range flows {
		if _, err := p.stream.Recv(); err != nil {
			return errors.Join(err, <-sent)
		}
	}
	return <-sent
}

func (l *lab) drop(name string) error {
	p := l.peers[name]
	if p == nil {
		return fmt.Errorf("no peer %q", name)
	}
	delete(l.peers, name)
	_ = p.stream.CloseSend()
	_, _ = p.stream.Recv()
	return p.cc.Close()
}

// read returns the flows of a command, those of its file first.
func (c *command) read() ([]*proto.Flow, error) {
	var out []*proto.Flow
	add := func(b []byte) error {
		f, err := parse(b)
		if err != nil {
			return err
		}
		f.StartTime += c.Shift
		f.EndTime += c.Shift
		out = append(out, f)
		return nil
	}
	if c.File != "" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		r := bufio.NewReader(file)
		for err = nil; err == nil; {
			var line []byte
			line, err = r.ReadBytes('\n')
			if line = bytes.TrimSpace(line); len(line) > 0 {
				if err := add(line); err != nil {
					return nil, err
				}
			}
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	for _, b := range c.Flows {
		if err := add(b); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parse reads a flow in either of Goldmane's spellings.
func parse(b []byte) (*proto.Flow, error) {
	f := &proto.Flow{}
	var err error
	if bytes.Contains(b, []byte(`"sourceName"`)) {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, f)
	} else {
		err = json.Unmarshal(b, f)
	}
	if err == nil && f.Key == nil {
		err = errors.New("no key of a flow")
	}
	return f, err
}
