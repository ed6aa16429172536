package live

import (
	"context"
	"net"
)

// Way is how a server is reached other than by its address, such as through the API server of its cluster.
type Way interface {
	// Dial connects to the server.
	Dial(context.Context) (net.Conn, error)
	// Broken returns why the last connection could not be made or was cut, nil where the way is not to blame.
	Broken() error
}
