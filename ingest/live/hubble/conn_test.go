package hubble

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pair returns both ends of a connection, the first as the client reads it.
func pair(t *testing.T, network string) (quiet, server net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return quietly(client), server
}

// TestQuietReads: a connection that is read quietly gives what any other gives, ends and errors as well.
func TestQuietReads(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, c := range []struct {
			name string
			do   func(t *testing.T, conn, server net.Conn)
		}{
			{"all bytes, then the end", func(t *testing.T, conn, server net.Conn) {
				want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
				go func() { server.Write(want); server.Close() }()
				if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
				}
			}},
			{"what comes later is waited for", func(t *testing.T, conn, server net.Conn) {
				go func() { time.Sleep(20 * time.Millisecond); server.Write([]byte("late")) }()
				p := make([]byte, 8)
				if n, err := conn.Read(p); err != nil || string(p[:n]) != "late" {
					t.Errorf("%q, %v", p[:n], err)
				}
			}},
			{"no room, no read", func(t *testing.T, conn, _ net.Conn) {
				if n, err := conn.Read(nil); n != 0 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			}},
			{"a deadline", func(t *testing.T, conn, _ net.Conn) {
				conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				if _, err := conn.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
			}},
			{"closed meanwhile", func(t *testing.T, conn, _ net.Conn) {
				time.AfterFunc(10*time.Millisecond, func() { conn.Close() })
				if _, err := conn.Read(make([]byte, 8)); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			}},
			{"closed before", func(t *testing.T, conn, _ net.Conn) {
				conn.Close()
				if _, err := conn.Read(make([]byte, 8)); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			}},
		} {
			t.Run(network+"/"+c.name, func(t *testing.T) {
				conn, server := pair(t, network)
				c.do(t, conn, server)
			})
		}
	}
}

// TestQuietReset: a connection that is cut is told as Go tells it; what to do about it is found by that text.
func TestQuietReset(t *testing.T) {
	conn, server := pair(t, "tcp")
	if err := server.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err := conn.Read(make([]byte, 8))
	var op *net.OpError
	if !errors.As(err, &op) || !errors.Is(err, syscall.ECONNRESET) || !strings.HasSuffix(err.Error(), "read: connection reset by peer") {
		t.Error(err)
	}
}

// TestQuietOnlySockets: a connection that is none of the system's is left as it is.
func TestQuietOnlySockets(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if quietly(a) != a {
		t.Error("a pipe is wrapped")
	}
}
