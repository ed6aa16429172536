package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"sluice/model/store"
)

// database is a connection to the tables of a store.
type database struct {
	*address
	conn driver.Conn
}

const (
	dialTimeout  = 10 * time.Second
	queryTimeout = 10 * time.Minute
	// queryBytes is how long a statement may be: one asks for some thousand endpoints by name.
	queryBytes = 16 << 20
	// replicaDelay is how far behind a replica may be and still be read. Until then a reader may see the store of before.
	replicaDelay = 2 * time.Second
)

// connect opens connections as they are needed. No answer leaves out a shard that does not answer, and no insert
// returns before the servers have it.
func connect(at string) (*database, error) {
	a, err := parseAddress(at)
	if err != nil {
		return nil, err
	}
	return a.connect()
}

func (a *address) connect() (*database, error) {
	secure, err := a.tls()
	if err != nil {
		return nil, err
	}
	conn, err := ch.Open(&ch.Options{
		Addr:        a.hosts,
		Auth:        ch.Auth{Username: a.user, Password: a.password},
		TLS:         secure,
		DialTimeout: dialTimeout,
		ReadTimeout: queryTimeout,
		Compression: &ch.Compression{Method: ch.CompressionLZ4},
		Settings: ch.Settings{
			"skip_unavailable_shards":                            0,
			"fallback_to_stale_replicas_for_distributed_queries": 0,
			"insert_distributed_sync":                            1,
			"max_query_size":                                     queryBytes,
			"max_replica_delay_for_distributed_queries":          int(replicaDelay / time.Second),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.text, err)
	}
	return &database{address: a, conn: conn}, nil
}

// table is the full name of a table.
func (d *database) table(name string) string { return d.database + "." + name }

func (d *database) exec(ctx context.Context, query string) error {
	return d.say(d.conn.Exec(ctx, query))
}

// The codes of errors that have a remedy.
const (
	noColumn      = 16
	unknownName   = 47
	noTable       = 60
	noDatabase    = 81
	readOnly      = 164
	noUser        = 192
	wrongPassword = 193
	needsPassword = 194
	tryFailed     = 279
	denied        = 497
	loginFailed   = 516
	memoryLimit   = 241
	timeout       = 159
	tooManyParts  = 252
)

// remedies say what helps; URL in them is that of the store.
var remedies = map[int32]string{
	noTable:       "its tables are not there, or not all of them: sluice store init URL",
	noDatabase:    "there is no such database: sluice store init URL",
	readOnly:      "the user may only read, or not choose settings: who reads needs readonly = 2, who writes 0",
	noUser:        "the server does not know the user: clickhouse://USER@HOST/DATABASE",
	wrongPassword: "the password is wrong: set " + PasswordVariable,
	needsPassword: "the user has a password: set " + PasswordVariable,
	loginFailed:   "the user or the password is wrong: set " + PasswordVariable,
	denied:        "the user has not the rights for it",
	tryFailed:     "a shard does not answer, and without it the answer would be too small",
	memoryLimit:   "the server has not the memory for it: raise max_memory_usage of the user",
	tooManyParts:  "the server cannot merge as fast as is written: give it time, or let fewer collectors write",
	timeout:       "the server took too long",
}

// tried finds the servers in what a server says of those that it cannot reach.
var tried = regexp.MustCompile(`[0-9A-Za-z.\[\]:-]*[0-9A-Za-z\]]:[0-9]{1,5}\b`)

// say makes an error of the client one that says where, and what helps.
func (d *database) say(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var e *ch.Exception
	var dial *net.OpError
	if e := d.insecure(err); e != nil {
		return fmt.Errorf("%s: %w", d.text, e)
	}
	switch {
	case errors.As(err, &e):
		if e.Code == noDatabase || e.Code == noTable {
			err = errors.Join(store.ErrNoStore, err)
		}
		text := e.Message
		if hosts := tried.FindAllString(text, -1); e.Code == tryFailed && len(hosts) > 0 {
			slices.Sort(hosts)
			text = strings.Join(slices.Compact(hosts), ", ")
		}
		if remedy, ok := remedies[e.Code]; ok {
			return fmt.Errorf("%s: %s: %w", d.text, strings.ReplaceAll(remedy, "URL", d.text), firstLine{err, text})
		}
		return fmt.Errorf("%s: %w", d.text, firstLine{err, text})
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("%s: the server does not answer: %w", d.text, dial)
	}
	return fmt.Errorf("%s: %w", d.text, err)
}

// insecure makes an error of TLS one that says what helps; nil: it is another.
func (d *database) insecure(err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the server's certificate has expired, or is not valid yet: %w: renew it, or set this machine's clock", invalid)
	case errors.As(err, &invalid):
		return fmt.Errorf("the server's certificate: %w", invalid)
	case errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate is of an unknown authority: %w: name the file of that, ?ca=FILE", unknown)
	case errors.As(err, &host):
		names := slices.Clone(host.Certificate.DNSNames)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Errorf("the server's certificate is not one for %s: it is for %s: name the server so in the URL",
			host.Host, strings.Join(names, ", "))
	case errors.As(err, &noTLS):
		return fmt.Errorf("the server speaks no TLS on this port: give that for TLS, or %s: %w", plainScheme, noTLS)
	case !d.secure && strings.HasPrefix(err.Error(), "handshake:") && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return fmt.Errorf("the server closed the connection: if this is its port for TLS, write %s", tlsScheme)
	}
	return nil
}

// firstLine is an error of a server without the trace that it adds.
type firstLine struct {
	err  error
	text string
}

// Error returns the first line.
func (f firstLine) Error() string {
	line, _, _ := strings.Cut(f.text, "\n")
	line, _, _ = strings.Cut(line, ", Stack trace")
	return strings.TrimSpace(line)
}

// Unwrap returns the whole error.
func (f firstLine) Unwrap() error { return f.err }
