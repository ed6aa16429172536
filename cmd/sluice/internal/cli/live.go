package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/ingest/live"
	"sluice/ingest/live/goldmane"
	"sluice/ingest/live/hubble"
)

// liveFlags are the flags of commands that read from servers. Those of TLS have the names of the hubble command line, and
// its environment variables.
type liveFlags struct {
	offered    bool // the command has these flags, and reads servers
	follow     bool
	during     time.Duration // follow for so long
	last       uint64
	namespaces []string // pushed to the server
	tls        live.TLS
	useTLS     bool
	tlsAsked   bool // by flags, not only by the environment
	timeout    time.Duration
	logFormat  string
}

func (l *liveFlags) flags(c *cobra.Command) {
	l.offered = true
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if !slices.ContainsFunc(args, isLive) {
			return nil // the environment is about servers
		}
		l.tlsAsked = slices.ContainsFunc(tlsFlags, c.Flags().Changed)
		return l.environment(c)
	}
	f := c.Flags()
	f.Uint64Var(&l.last, "last", 0, "servers: read only the newest `N` flows of each node that they have now")
	f.BoolVar(&l.useTLS, "tls", false, "connect with TLS, as hubbles:// does")
	f.StringSliceVar(&l.tls.CAFiles, "tls-ca-cert-files", nil, "`FILES` with the certificates of the server's authority")
	f.StringVar(&l.tls.CertFile, "tls-client-cert-file", "", "`FILE` with the client's certificate, for mutual TLS")
	f.StringVar(&l.tls.KeyFile, "tls-client-key-file", "", "`FILE` with the client's key, for mutual TLS")
	f.StringVar(&l.tls.ServerName, "tls-server-name", "", "the `NAME` in the server's certificate (for a relay such as ui.hubble-relay.cilium.io)")
	f.BoolVar(&l.tls.AllowInsecure, "tls-allow-insecure", false, "do not verify the server's certificate")
	f.DurationVar(&l.timeout, "timeout", 12*time.Second, "how long the server may take to answer")
	f.StringVar(&l.logFormat, "log-format", "text", "servers: log as text or json")
}

// followFlag is for commands that have no end of their own.
func (l *liveFlags) followFlag(c *cobra.Command, what string) {
	c.Flags().BoolVarP(&l.follow, "follow", "f", false, what)
}

var tlsFlags = []string{"tls", "tls-ca-cert-files", "tls-client-cert-file", "tls-client-key-file", "tls-server-name", "tls-allow-insecure"}

// environment gives flags that were not set the values of their HUBBLE_ variables.
func (l *liveFlags) environment(c *cobra.Command) error {
	for _, name := range append([]string{"timeout"}, tlsFlags...) {
		key := "HUBBLE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		v, ok := os.LookupEnv(key)
		if !ok || v == "" || c.Flags().Changed(name) {
			continue
		}
		if name == "tls-ca-cert-files" {
			v = strings.Join(strings.Fields(v), ",")
		}
		if err := c.Flags().Set(name, v); err != nil {
			return usageError("%s=%s: %v", key, strconv.Quote(v), err)
		}
	}
	return nil
}

func (l *liveFlags) logger(w io.Writer) (*slog.Logger, error) {
	switch l.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, usageError("--log-format %s: give text or json", l.logFormat)
}

// liveSource is a server to read from.
type liveSource struct {
	name   string // in the store: what is read, not how
	format string
	client live.Client
	secure bool // with TLS
}

// liveSchemes are the beginnings of URLs of servers.
var liveSchemes = []string{"hubble://", "hubbles://", "hubble+unix://", "goldmane://", "whisker+http://", "whisker+https://"}

// isLive says whether a source is a server.
func isLive(arg string) bool {
	return slices.ContainsFunc(liveSchemes, func(s string) bool { return strings.HasPrefix(arg, s) })
}

// source makes the client of a server.
func (l *liveFlags) source(arg string, until time.Time, log *slog.Logger) (*liveSource, error) {
	if target, ok, err := goldmane.ParseURL(arg); err != nil {
		return nil, &exitError{ExitUsage, err}
	} else if ok {
		return l.goldmane(arg, target, until, log)
	}
	target, secure, ok, err := hubble.ParseURL(arg)
	if err != nil {
		return nil, &exitError{ExitUsage, err}
	}
	if !ok {
		return nil, usageError("%s is no server", arg)
	}
	cfg := hubble.DefaultConfig()
	cfg.Target, cfg.Namespaces, cfg.Last, cfg.Until = target, l.namespaces, l.last, until
	cfg.Timeout, cfg.Log = l.timeout, log
	if secure || l.useTLS {
		tls := l.tls
		if _, err := tls.Config(); err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		cfg.TLS = &tls
	}
	return &liveSource{name: streamName("hubble", strings.TrimPrefix(target, "unix://"), l.namespaces), format: "hubble", client: hubble.New(cfg), secure: cfg.TLS != nil}, nil
}

// goldmane makes the client of Goldmane, or of Whisker before it.
func (l *liveFlags) goldmane(arg, target string, until time.Time, log *slog.Logger) (*liveSource, error) {
	if l.last > 0 {
		return nil, usageError("--last: %s has no newest flows to count; use --since", arg)
	}
	cfg := goldmane.DefaultConfig()
	cfg.Target, cfg.Namespaces, cfg.Until, cfg.Timeout, cfg.Log = target, l.namespaces, until, l.timeout, log
	scheme, name := "goldmane", target
	if goldmane.IsWhisker(target) {
		scheme = "whisker"
		_, name, _ = strings.Cut(target, "://")
	}
	if !strings.HasPrefix(target, "http://") {
		tls := l.tls
		cfg.TLS = &tls
	}
	if err := cfg.Check(); err != nil {
		return nil, usageError("%s: %v", arg, err)
	}
	return &liveSource{name: streamName(scheme, name, l.namespaces), format: "calico", client: goldmane.New(cfg), secure: cfg.TLS != nil}, nil
}

// streamName names what is read: the server and what it is asked for, not how it is reached.
func streamName(scheme, target string, namespaces []string) string {
	name := scheme + "://" + target
	if len(namespaces) > 0 {
		q := url.Values{"namespace": slices.Compact(slices.Sorted(slices.Values(namespaces)))}
		name += "?" + q.Encode()
	}
	return name
}

// splitLive tells servers from other sources; both at once are an error.
func splitLive(args []string) (servers []string, err error) {
	for _, a := range args {
		if isLive(a) {
			servers = append(servers, a)
		} else if scheme, _, ok := strings.Cut(a, "://"); ok && !strings.ContainsAny(scheme, "/.") {
			return nil, usageError("%s: no such kind of server: they are %s", a, strings.Join(liveSchemes, ", "))
		}
	}
	if len(servers) > 0 && len(servers) < len(args) {
		return nil, usageError("servers and files cannot be read by one command: ingest them into one store, one after the other")
	}
	return servers, nil
}
