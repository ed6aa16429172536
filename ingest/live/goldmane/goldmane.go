// Package goldmane reads flows from Calico's Goldmane, over gRPC or through Whisker's backend over HTTP.
//
// Goldmane adds flows up in buckets (15 seconds, the last hour of them, in memory). It can stream a bucket once, when
// it is full; but what comes into a bucket later it never streams (a node that was cut off sends minutes late), to a
// slow reader it drops flows without a word, a start before its memory streams no history at all and one too near to
// now streams all of it. So this package asks for every bucket by itself, when it should be complete and again at
// growing ages until Goldmane forgets it: what it has then, we have. An answer for one bucket is complete or an
// error, has no pages whose order changes, and the labels of that bucket alone. It asks with no filter whose wire
// form differs between versions, so 3.30 to 3.32 are read alike.
//
// DESIGN.md beside it has the facts and the invariants.
package goldmane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/ingest/live"
	"sluice/model"
)

// Config says where to read and what.
type Config struct {
	// Target is host:port of Goldmane, or the URL that Whisker's backend is reached at (http://host:port/whisker-backend).
	Target string
	// TLS is how to connect: with a client certificate to Goldmane, which refuses others; nil for Whisker over http.
	TLS *live.TLS
	// Way reaches the target other than by its address; nil: none.
	Way live.Way
	// Namespaces are asked for at either end; none: all.
	Namespaces []string
	// Until is the time that no bucket begins at or after; zero: none.
	Until time.Time
	// Timeout is how long one answer may take.
	Timeout time.Duration
	Log     *slog.Logger
}

// DefaultPort is the port of Goldmane's service.
const DefaultPort = "7443"

// WhiskerPath is where Whisker's web server has its backend.
const WhiskerPath = "/whisker-backend"

// serverName is in every certificate that the operator has made for Goldmane.
const serverName = "goldmane"

// DefaultConfig returns what is not asked for.
func DefaultConfig() Config {
	return Config{Timeout: 12 * time.Second, Log: slog.New(slog.DiscardHandler)}
}

// ParseURL returns the target of goldmane://host[:port], whisker+http://host[:port][/path] and whisker+https://; ok is
// false for URLs of another kind.
func ParseURL(text string) (target string, ok bool, err error) {
	scheme, _, _ := strings.Cut(text, "://")
	if scheme != "goldmane" && scheme != "whisker+http" && scheme != "whisker+https" {
		return "", false, nil
	}
	u, err := url.Parse(text)
	if err == nil {
		text = u.Redacted() // an error goes into logs, and a password with it
	}
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return "", true, fmt.Errorf("%s: give the server as %s://HOST:PORT", text, scheme)
	}
	if n, err := strconv.ParseUint(cmp.Or(u.Port(), DefaultPort), 10, 16); err != nil || n == 0 {
		return "", true, fmt.Errorf(
			"%s: there is no port %s: give the server as %s://HOST:PORT",
			text,
			u.Port(),
			scheme,
		)
	}
	if scheme == "goldmane" {
		if strings.Trim(u.Path, "/") != "" {
			return "", true, fmt.Errorf("%s: give the server as goldmane://HOST:PORT", text)
		}
		return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), DefaultPort)), true, nil
	}
	path := strings.TrimRight(u.Path, "/")
	if path == "" {
		path = WhiskerPath
	}
	return strings.TrimPrefix(scheme, "whisker+") + "://" + u.Host + path, true, nil
}

// IsWhisker reports whether a target is one of Whisker's.
func IsWhisker(target string) bool { return strings.Contains(target, "://") }

// lister asks a server for flows. Times are seconds since 1970, filters are numbered from 0.
type lister interface {
	// filters is how many questions it takes to have all flows asked for.
	filters() int
	// list hands on the flows of the buckets from a time up to another, as JSON objects that are valid during the call,
	// and gives the bytes received, and how many flows more the server says there are.
	list(ctx context.Context, filter int, from, to int64, take func(flow []byte)) (bytes, missing int, err error)
	// count gives how many flows list would; ok is false where the server does not tell.
	count(ctx context.Context, filter int, from, to int64) (n int, ok bool, err error)
	// sample hands on some flows of the whole memory.
	sample(ctx context.Context, take func(flow []byte)) error
	// links is how often a connection was made: after another one the server may be another too.
	links() uint64
	// said gives what a failure means and what to do about it.
	said(error) error
	close()
}

// Client is a live.Client for Goldmane and Whisker.
type Client struct {
	cfg  Config
	poll *poll // kept over streams that end by plan, so that buckets are not asked for again
	now  func() time.Time
	// other is the clock that nobody sets where now is the one of the wall, or the other way round: see poll.trust.
	other func() time.Time
	look  time.Duration
}

var _ live.Client = (*Client)(nil)

// New makes a Client. It does nothing until Stream.
func New(cfg Config) *Client {
	clock := model.NewClock()
	steady := func() time.Time { return time.UnixMicro(clock.Steady()) }
	return &Client{cfg: cfg, now: time.Now, other: steady, look: usualLook}
}

// Check says what is wrong with a Config before anything is connected to: once it found nothing, a Client tries again
// whatever happens to its files.
func (c *Config) Check() error {
	switch {
	case IsWhisker(c.Target) && c.TLS == nil:
		return nil
	case !IsWhisker(c.Target) && (c.TLS == nil || c.TLS.CertFile == ""):
		return errors.New(
			"the server Goldmane requires a client certificate. Give --tls-client-cert-file and --tls-client-key-file (any that the Tigera CA signed), and --tls-ca-cert-files for its own",
		)
	}
	_, err := c.TLS.Config()
	return err
}

// Stream reads flows; see live.Client. Errors name what to do about them.
func (c *Client) Stream(ctx context.Context, from time.Time, follow bool, s *live.Session) error {
	if c.poll == nil {
		l, err := c.dial()
		if err != nil {
			return err // not for good: files of certificates that are being renewed do not fit for a moment
		}
		c.poll = newPoll(&c.cfg, l, c.now, c.look)
		c.poll.other = c.other
	}
	err := c.poll.run(ctx, from, follow, s)
	c.now, c.other = c.poll.now, c.poll.other
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) { // not a stream that the collector opens anew
		c.poll.lister.close()
		c.poll = nil
	}
	return err
}

func (c *Client) dial() (lister, error) {
	if IsWhisker(c.cfg.Target) {
		return newWhisker(&c.cfg)
	}
	return newServer(&c.cfg)
}

// expectName returns the name to expect in the certificate of a host: the operator signs Goldmane's for its service,
// which those who forward its port do not connect to.
func expectName(target, given string) string {
	host, _, _ := net.SplitHostPort(target)
	if _, err := netip.ParseAddr(host); given == "" && (err == nil || host == "localhost") {
		return serverName
	}
	return given
}
