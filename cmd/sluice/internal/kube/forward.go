package kube

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Forward reaches the pods of a service through the API server, as kubectl port-forward does, but with no port on this
// machine: nobody else here can use it. Each connection finds a pod anew, so that it is made again after a pod is gone.
type Forward struct {
	Service Service
	Port    int // of the service
	cluster *Cluster

	mu     sync.Mutex
	tries  int
	broken error
}

// Forward looks up a service. It connects to nothing yet.
func (c *Cluster) Forward(ctx context.Context, of Service) (*Forward, error) {
	s, err := c.lookUp(ctx, of)
	if err != nil {
		return nil, err
	}
	return &Forward{Service: of, Port: s.Spec.Ports[0].Port, cluster: c}, nil
}

// Address is what the server is called inside of the cluster, HOST:PORT.
func (f *Forward) Address() string {
	return net.JoinHostPort(f.Service.String(), strconv.Itoa(f.Port))
}

// Broken returns why the last connection could not be made or was cut, nil where the forward is not to blame.
func (f *Forward) Broken() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

func (f *Forward) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

// Dial connects to a pod that is ready now.
func (f *Forward) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := f.dial(ctx)
	f.note(err)
	if err != nil {
		return nil, err // no conn that is nil and no nil
	}
	return conn, nil
}

func (f *Forward) dial(ctx context.Context) (*conn, error) {
	f.mu.Lock()
	try := f.tries
	f.tries++
	f.mu.Unlock()
	s, err := f.cluster.lookUp(ctx, f.Service)
	if err != nil {
		return nil, err
	}
	pod, port, err := f.cluster.backend(ctx, f.Service, s, try)
	if err != nil {
		return nil, err
	}
	link, err := f.upgrade(ctx, pod)
	if err != nil {
		return nil, err
	}
	c := &conn{link: link, forward: f, pod: pod, port: port, said: make(chan string, 1)}
	if err := c.open(); err != nil {
		link.Close()
		return nil, fmt.Errorf("forward to pod %s: %w", c, err)
	}
	return c, nil
}

// upgrade makes the connection that streams are opened on: over a WebSocket, and over SPDY where the server or a proxy
// before it does not know that.
func (f *Forward) upgrade(ctx context.Context, pod string) (httpstream.Connection, error) {
	c := f.cluster
	at := access{"create", "pods/portforward", f.Service.Namespace}
	u, err := url.Parse(c.base + "/api/v1/namespaces/" + f.Service.Namespace + "/pods/" + pod + "/portforward")
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	dialer := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	socket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, c.config)
	if err != nil {
		return nil, err
	}
	dialer = portforward.NewFallbackDialerForStreaming(socket, dialer, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	type made struct {
		link httpstream.Connection
		err  error
	}
	done := make(chan made, 1)
	go func() {
		link, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		done <- made{link, err}
	}()
	ctx, stop := context.WithTimeout(ctx, answering)
	defer stop()
	select {
	case m := <-done:
		if m.err != nil {
			return nil, c.notUpgraded(m.err, pod, at)
		}
		return m.link, nil
	case <-ctx.Done():
		go func() {
			if m := <-done; m.err == nil {
				m.link.Close()
			}
		}()
		return nil, fmt.Errorf("forward to pod %s/%s: no answer of %s: %w", f.Service.Namespace, pod, c, ctx.Err())
	}
}

// notUpgraded says what a refused connection means.
func (c *Cluster) notUpgraded(err error, pod string, at access) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "forbidden"):
		return &Forbidden{access: at, said: text}
	case strings.Contains(text, "not found"):
		return fmt.Errorf("forward to pod %s/%s: it is gone (%w)", at.namespace, pod, err)
	}
	return fmt.Errorf("forward to pod %s/%s: %w", at.namespace, pod, c.unreachable(err))
}

// conn is one connection to a port of a pod: a stream of data, and one on which the node says what went wrong.
type conn struct {
	link    httpstream.Connection
	data    httpstream.Stream
	said    chan string // by the node; one value, then closed
	forward *Forward
	pod     string
	port    int

	mu     sync.Mutex
	closed bool
}

// String is "NAMESPACE/POD port N".
func (c *conn) String() string {
	return fmt.Sprintf("%s/%s port %d", c.forward.Service.Namespace, c.pod, c.port)
}

// open opens both streams.
func (c *conn) open() error {
	h := http.Header{}
	h.Set("streamType", "error")
	h.Set("port", strconv.Itoa(c.port))
	h.Set("requestID", "0")
	problem, err := c.link.CreateStream(h)
	if err != nil {
		return err
	}
	_ = problem.Close() // nothing is written to it
	go func() {
		text, _ := io.ReadAll(io.LimitReader(problem, 4096)) // a cut stream said nothing
		c.said <- strings.TrimSpace(string(text))
		close(c.said)
	}()
	h.Set("streamType", "data")
	c.data, err = c.link.CreateStream(h)
	return err
}

// Read reads from the pod. An end that is no end of the server's is an error that says whose.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.data.Read(b)
	if n > 0 || err == nil {
		return n, err
	}
	return 0, cmp.Or(c.why(), err)
}

// Write writes to the pod. Its errors are those of Read: who writes first after a cut meets it here.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.data.Write(b)
	if err == nil {
		return n, nil
	}
	return n, cmp.Or(c.why(), err)
}

// saying is how long it may take until it is known why a connection ended.
const saying = time.Second

// why returns what cut the connection, nil if the server or this side ended it.
func (c *conn) why() error {
	if c.ended() {
		return nil
	}
	var err error
	ctx, stop := context.WithTimeout(context.Background(), saying)
	defer stop()
	select {
	case text := <-c.said:
		switch {
		case strings.Contains(text, "connection refused"):
			err = fmt.Errorf("pod %s: nothing listens there: is the container running, and is this its port? (%s)", c, text)
		case text != "":
			err = fmt.Errorf("pod %s: %s", c, text)
		}
	case <-ctx.Done():
	}
	if err == nil {
		select { // streams end a little before the connection that they were on
		case <-c.link.CloseChan():
			err = fmt.Errorf("the connection to pod %s was cut: the pod, its node or the API server went away", c)
		case <-ctx.Done():
		}
	}
	if c.ended() {
		return nil
	}
	if err != nil {
		c.forward.note(err)
	}
	return err
}

// ended reports whether this side closed the connection.
func (c *conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Close ends both streams and the connection that they are on.
func (c *conn) Close() error {
	c.mu.Lock()
	done := c.closed
	c.closed = true
	c.mu.Unlock()
	if done {
		return net.ErrClosed
	}
	return errors.Join(c.data.Reset(), c.link.Close())
}

// address is that of a port of a pod.
type address string

func (address) Network() string  { return "portforward" }
func (a address) String() string { return string(a) }

func (c *conn) LocalAddr() net.Addr  { return address("kubeconfig") }
func (c *conn) RemoteAddr() net.Addr { return address(c.String()) }

// Streams have no deadlines; who needs an end closes the connection.
func (c *conn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *conn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// SpeaksTLS asks the server whether it does.
func (f *Forward) SpeaksTLS(ctx context.Context) (bool, error) {
	ctx, stop := context.WithTimeout(ctx, answering)
	defer stop()
	raw, err := f.Dial(ctx)
	if err != nil {
		return false, err
	}
	defer raw.Close()
	err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}).HandshakeContext(ctx)
	var alert tls.AlertError
	var other *net.OpError
	switch why := f.Broken(); {
	case err == nil, errors.As(err, &alert), errors.As(err, &other) && other.Op == "remote error":
		return true, nil
	case why != nil:
		return false, why
	case ctx.Err() != nil:
		return false, fmt.Errorf("%s gives no answer", f.Service)
	}
	return false, nil
}
