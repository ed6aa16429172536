package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// child is this program as another process. It dies with the lab.
type child struct {
	cmd  *exec.Cmd
	log  *os.File
	gone chan struct{} // closed after its end
}

// spawn starts the program in another role; what it says on stderr goes to a file.
func spawn(log string, in io.Reader, out io.Writer, role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, append([]string{role}, args...)...), log: f, gone: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, out, f
	if out == nil {
		c.cmd.Stdout = f
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.cmd.Wait()
		f.Close()
		close(c.gone)
	}()
	return c, nil
}

// kill is SIGKILL and waits for the end: hubble-relay 1.19 does not end on SIGTERM.
func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.gone
}

// nodeChild is a node's process, and its answers sorted by what they answer.
type nodeChild struct {
	*child
	enc     *lines
	mu      sync.Mutex
	waiting map[string]chan event
	last    atomic.Uint64
	// final is the last account heard of a process.
	final nodeStatus
}

func spawnNode(config nodeConfig, c command) (*nodeChild, error) {
	in, toChild, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	fromChild, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p, err := spawn(filepath.Join(c.Dir, config.Name+".log"), in, out, nodeProcess)
	in.Close()
	out.Close()
	if err != nil {
		return nil, err
	}
	n := &nodeChild{child: p, enc: newLines(toChild), waiting: map[string]chan event{}}
	go n.listen(fromChild)
	if _, err := n.ask(nodeCommand{command: c, Config: &config}); err != nil {
		p.kill()
		return nil, fmt.Errorf("node %s: %w", config.Name, err)
	}
	return n, nil
}

func (n *nodeChild) listen(r io.ReadCloser) {
	defer r.Close()
	d := json.NewDecoder(r)
	for {
		var e event
		if err := d.Decode(&e); err != nil {
			break
		}
		n.mu.Lock()
		if len(e.Nodes) == 1 {
			n.final = e.Nodes[0]
		}
		ch := n.waiting[e.ID]
		delete(n.waiting, e.ID)
		n.mu.Unlock()
		if ch != nil {
			ch <- e
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, ch := range n.waiting {
		delete(n.waiting, id)
		ch <- event{Event: "failed", Error: "the node's process ended"}
	}
	n.waiting = nil
}

// ask sends a command and waits for its answer.
func (n *nodeChild) ask(c nodeCommand) (event, error) {
	c.ID = strconv.FormatUint(n.last.Add(1), 10)
	ch := make(chan event, 1)
	n.mu.Lock()
	if n.waiting == nil {
		n.mu.Unlock()
		return event{}, fmt.Errorf("the node's process has ended")
	}
	n.waiting[c.ID] = ch
	n.mu.Unlock()
	if err := n.enc.write(c); err != nil {
		return event{}, err
	}
	e := <-ch
	if e.Event == "failed" {
		return e, fmt.Errorf("%s", e.Error)
	}
	return e, nil
}
