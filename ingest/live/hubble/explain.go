package hubble

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/ingest/live"
)

// plain stands for any code of a connection without TLS.
const plain codes.Code = 100

// causes turn what gRPC says into what to do. The first whose text is part of the error counts.
var causes = []struct {
	text string
	code codes.Code // OK: any
	say  string
}{
	{
		"connection refused",
		0,
		"nothing listens there: is the address right, and is the relay running or its port forwarded (cilium hubble port-forward)?",
	},
	{"no such host", 0, "this name has no address: is it right, and is the DNS of the cluster used?"},
	{"name resolver error", 0, "this name has no address: is it right, and is the DNS of the cluster used?"},
	{"no such file or directory", 0, "there is no such socket: is this the node, and is Hubble enabled on it?"},
	{"permission denied", 0, "the socket may not be opened: it belongs to root"},
	{
		"first record does not look like a TLS handshake",
		0,
		"the server does not speak TLS: use hubble:// instead of hubbles://",
	},
	{
		"certificate signed by unknown authority",
		0,
		"the server's certificate is of another authority: give its CA with --tls-ca-cert-files (of a relay reached by -P: --tls-secret hubble-relay-client-certs)",
	},
	{
		"certificate is valid for",
		0,
		"the server's certificate is for another name: give that with --tls-server-name (for a relay such as ui.hubble-relay.cilium.io)",
	},
	{
		"doesn't contain any IP SANs",
		0,
		"the server's certificate is for a name, not an address: give that with --tls-server-name (for a relay such as ui.hubble-relay.cilium.io)",
	},
	{
		"certificate is not valid for any names",
		0,
		"the server's certificate names no host: it needs a new one, with names (SAN)",
	},
	{"no application protocol", 0, "a server with TLS answers there, but not Hubble: is the port right?"},
	{"missing selected ALPN property", 0, "a server with TLS answers there, but not Hubble: is the port right?"},
	{"certificate has expired", 0, "a certificate has expired, or a clock is wrong"},
	{
		"certificate required",
		0,
		"the server wants a client certificate: give --tls-client-cert-file and --tls-client-key-file (of a relay reached by -P: --tls-secret hubble-relay-client-certs)",
	},
	{
		"bad certificate",
		0,
		"the server does not take this client certificate: it must be signed by the CA that the server trusts",
	},
	{
		"unknown certificate authority",
		0,
		"the server does not take this client certificate: it must be signed by the CA that the server trusts",
	},
	{
		"broken pipe",
		plain,
		"what answers does not speak gRPC without TLS: is the port right, or is it hubbles:// (TLS)?",
	},
	{
		"connection reset by peer",
		plain,
		"what answers does not speak gRPC without TLS: is the port right, or is it hubbles:// (TLS)?",
	},
	{
		"broken pipe",
		0,
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file and --tls-ca-cert-files",
	},
	{
		"connection reset by peer",
		0,
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file and --tls-ca-cert-files",
	},
	{"HTTP/1", 0, "a web server answers there, not Hubble: is the port right?"},
	{"malformed header", 0, "a web server answers there, not Hubble: is the port right?"},
	{"unexpected HTTP status code", 0, "a web server answers there, not Hubble: is the port right?"},
	{
		"error reading server preface",
		plain,
		"what answers does not speak gRPC without TLS: is the port right, or is it hubbles:// (TLS)?",
	},
	{
		"error reading server preface",
		0,
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file and --tls-ca-cert-files",
	},
	{
		"not a settings frame",
		0,
		"what answers does not speak gRPC without TLS: is the port right, or is it hubbles:// (TLS)?",
	},
	{
		"connection closed before server preface",
		plain,
		"what answers does not speak gRPC without TLS: is the port right, or is it hubbles:// (TLS)?",
	},
	{
		"connection closed before server preface",
		0,
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file and --tls-ca-cert-files",
	},
	{
		"",
		codes.Unimplemented,
		"a gRPC server answers there, but not Hubble: is the port right (relay 4245 or 80, node 4244)?",
	},
	{"", codes.DeadlineExceeded, "no answer in time: is a firewall or network policy in between?"},
	{"", codes.Unauthenticated, "the server does not let this client in"},
	{"", codes.PermissionDenied, "the server does not let this client in"},
	{
		"received message larger than max",
		codes.ResourceExhausted,
		"a message has more than 16 MiB, and a flow some kilobytes: is it Hubble that answers there?",
	},
}

// explain adds to an error what to do about it. A server that does not take a client certificate may hang up before it
// says why.
func explain(err error, c *Config) error {
	if c.Way != nil && c.Way.Broken() != nil {
		return fmt.Errorf("hubble at %s: %w", c.Target, c.Way.Broken())
	}
	if end := certificateEnd(c); !end.IsZero() && time.Now().After(end) {
		return fmt.Errorf(
			"hubble at %s: the client certificate has expired on %s, or a clock is wrong (%w)",
			c.Target,
			end.UTC().Format(time.RFC3339),
			err,
		)
	}
	code := status.Code(err)
	err = live.BriefError(err)
	for _, k := range causes {
		if strings.Contains(err.Error(), k.text) &&
			(k.code == codes.OK || k.code == code || k.code == plain && c.TLS == nil) {
			return fmt.Errorf("hubble at %s: %s (%w)", c.Target, k.say, err)
		}
	}
	return fmt.Errorf("hubble at %s: %w", c.Target, err)
}

// certificateEnd is when the client's certificate expires, zero without one.
func certificateEnd(c *Config) time.Time {
	if c.TLS == nil {
		return time.Time{}
	}
	if tls, err := c.TLS.Config(); err == nil && len(tls.Certificates) > 0 {
		return tls.Certificates[0].Leaf.NotAfter
	}
	return time.Time{}
}
