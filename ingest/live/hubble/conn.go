package hubble

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// quiet are credentials whose connections are read without the runtime's notice. A read of Go tells the runtime that
// the system is called, which wakes the thread that watches over calls that take long. A stream of flows is read every
// few flows, after a pause each time, so that this thread would cost an eighth of all.
type quiet struct {
	credentials.TransportCredentials
}

// ClientHandshake makes the connection quiet, below TLS where there is that.
func (q quiet) ClientHandshake(
	ctx context.Context, authority string, conn net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	return q.TransportCredentials.ClientHandshake(ctx, authority, quietly(conn))
}

// Clone copies the credentials.
func (q quiet) Clone() credentials.TransportCredentials { return quiet{q.TransportCredentials.Clone()} }

// quietConn is a connection that is read without the runtime's notice. It is for one reader at a time.
type quietConn struct {
	net.Conn
	raw syscall.RawConn
	// Of the read at hand: fields, so that no read allocates.
	p     []byte
	n     int
	errno syscall.Errno
	once  func(fd uintptr) bool
}

// quietly wraps connections of the system; all others are as they were.
func quietly(conn net.Conn) net.Conn {
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	}
	if raw == nil || err != nil || !readsQuietly {
		return conn
	}
	c := &quietConn{Conn: conn, raw: raw}
	c.once = func(fd uintptr) bool {
		for {
			if c.n, c.errno = readNow(fd, c.p); c.errno != syscall.EINTR {
				return c.errno != syscall.EAGAIN
			}
		}
	}
	return c
}

// Read reads what is there, and waits where nothing is.
func (c *quietConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.p = p
	err := c.raw.Read(c.once)
	c.p = nil
	switch {
	case err != nil:
		return 0, err
	case c.errno != 0:
		return 0, &net.OpError{Op: "read", Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(),
			Err: os.NewSyscallError("read", c.errno)}
	case c.n == 0:
		return 0, io.EOF
	}
	return c.n, nil
}
