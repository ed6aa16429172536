package collect

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/ingest/live"
	"sluice/ingest/live/goldmane"
	"sluice/ingest/live/hubble"
	"sluice/model"
)

// Reached is a server of a cluster, named by its kind alone: how it is reached was found out.
type Reached struct {
	Name    string // what is read: cluster, namespace and service
	Address string // HOST:PORT, as pods of the cluster know it
	Way     live.Way
	TLS     *live.TLS // nil: without
}

// Options say how servers are read.
type Options struct {
	Follow       bool          // go on until stopped
	For          time.Duration // follow for so long; 0: for ever
	CommitEvery  time.Duration // how far the store may be behind while following; 0: a second
	Last         uint64        // only the newest flows of each node; 0: all
	Namespaces   []string      // only flows with an end in these, selected by the server
	Since, Until model.Micros  // 0: no bound
	TLS          live.TLS
	UseTLS       bool               // with schemes that leave it open
	TLSAsked     bool               // TLS was said in a way that is an error where it does nothing
	Reached      map[string]Reached // servers that were given without an address
	Timeout      time.Duration
	Log          *slog.Logger
}

// server is one to read from.
type server struct {
	name   string // in the store: what is read, not how
	format string
	client live.Client
	secure bool // with TLS
}

// Source is a server that is read, and what came of it so far.
type Source struct {
	Name  string
	Stats func() live.Stats
}

// schemes are the beginnings of URLs of servers.
var schemes = []string{
	"hubble://",
	"hubbles://",
	"hubble+unix://",
	"goldmane://",
	"whisker+http://",
	"whisker+https://",
}

// IsServer reports whether a source is a server.
func IsServer(arg string) bool {
	return slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(arg, s) })
}

// serverURL returns the URL of a source that names a server as the hubble command line does: HOST:PORT,
// tls://HOST:PORT, tcp://HOST:PORT or unix:///PATH. Any other source, and a file of such a name, stays as it is.
func serverURL(arg string) string {
	scheme, rest, ok := strings.Cut(arg, "://")
	if ok {
		if s, ok := map[string]string{"tls": "hubbles://", "tcp": "hubble://", "unix": "hubble+unix://"}[scheme]; ok {
			return s + rest
		}
		return arg
	}
	host, port, err := net.SplitHostPort(arg)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" ||
		strings.ContainsAny(host, `/\`) {
		return arg
	}
	if _, err := os.Lstat(arg); err == nil {
		return arg
	}
	return "hubble://" + arg
}

// slashed returns the URL of a server that was meant by one with too few slashes, "" for any other source.
func slashed(arg string) string {
	if _, err := os.Lstat(arg); err == nil {
		return ""
	}
	for _, s := range schemes {
		if rest, ok := strings.CutPrefix(arg, strings.TrimSuffix(s, "//")); ok {
			return s + strings.TrimLeft(rest, "/")
		}
	}
	return ""
}

// Servers returns the URLs of the servers among sources; other sources beside them are an error.
func Servers(args []string) (servers []string, err error) {
	for _, a := range args {
		if a = serverURL(a); IsServer(a) {
			servers = append(servers, a)
		} else if scheme, _, ok := strings.Cut(a, "://"); ok && !strings.ContainsAny(scheme, "/.") &&
			!place.IsTables(a) && place.LinesOf(a) == nil {
			return nil, run.Usagef("%s: no such kind of server: they are %s", a, strings.Join(schemes, ", "))
		} else if meant := slashed(a); meant != "" {
			return nil, run.Usagef("%s: no such file, and no server: did you mean %s?", a, meant)
		}
	}
	if len(servers) > 0 && len(servers) < len(args) {
		return nil, run.Usagef(
			"servers and files cannot be read by one command: ingest them into one store, one after the other",
		)
	}
	return servers, nil
}

// minCommit is the least that can be asked for between two commits: one takes some milliseconds.
const minCommit = 100 * time.Millisecond

// open makes the clients of servers, and how they are collected from.
func (o *Options) open(servers []string) (cfg live.Config, sources []*server, err error) {
	cfg = live.DefaultConfig()
	if cfg.Follow = o.Follow; !cfg.Follow {
		cfg.Flush = 10 * time.Second // nothing is acknowledged before the end
	}
	if o.CommitEvery != 0 {
		cfg.Flush = o.CommitEvery
	}
	cfg.Log = o.Log
	until := toTime(o.Until)
	cfg.Since = toTime(o.Since)
	switch {
	case o.Follow && (o.Last > 0 || !until.IsZero()):
		return cfg, nil, run.Usagef(
			"--follow and --for take what comes: --last and --until are for reading what a server has now",
		)
	case o.Last > 0 && !(cfg.Since.IsZero() && until.IsZero()):
		return cfg, nil, run.Usagef(
			"--last counts back from now, whatever --since and --until say: give one or the other",
		)
	case o.CommitEvery != 0 && !o.Follow:
		return cfg, nil, run.Usagef("--commit-every is for --follow: without it all is stored at the end")
	case o.CommitEvery != 0 && (o.CommitEvery < minCommit || o.CommitEvery > live.MaxFlush):
		return cfg, nil, run.Usagef("--commit-every %s: give %s to %s", o.CommitEvery, minCommit, live.MaxFlush)
	case o.For < 0:
		return cfg, nil, run.Usagef("--for %s: give how long to follow (1h)", o.For)
	case o.Timeout <= 0:
		return cfg, nil, run.Usagef("--timeout %s: give the time that an answer may take (12s)", o.Timeout)
	case slices.Contains(o.Namespaces, ""):
		return cfg, nil, run.Usagef("-n: give the name of a namespace")
	}
	secure := false
	for _, arg := range servers {
		src, err := o.server(arg, until)
		if err != nil {
			return cfg, nil, err
		}
		if slices.ContainsFunc(sources, func(s *server) bool { return s.name == src.name }) {
			return cfg, nil, run.Usagef("%s is given twice", arg)
		}
		secure = secure || src.secure
		sources = append(sources, src)
	}
	if o.TLSAsked && !secure {
		return cfg, nil, run.Usagef(
			"%s is read without TLS, and flags such as --tls-ca-cert-files would do nothing: give hubbles:// or whisker+https://, or leave them out",
			servers[0],
		)
	}
	return cfg, sources, nil
}

// server makes the client of a server.
func (o *Options) server(arg string, until time.Time) (*server, error) {
	if r, ok := o.Reached[arg]; ok {
		return o.reached(arg, r, until)
	}
	if target, ok, err := goldmane.ParseURL(arg); err != nil {
		return nil, &run.Usage{Err: err}
	} else if ok {
		return o.address(arg, target, until)
	}
	target, secure, ok, err := hubble.ParseURL(arg)
	if err != nil {
		return nil, &run.Usage{Err: err}
	}
	if !ok {
		return nil, run.Usagef("%s is no server", arg)
	}
	cfg := hubble.Config{Target: target}
	if secure || o.UseTLS {
		tls := o.TLS
		if _, err := tls.Config(); err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		cfg.TLS = &tls
	}
	return o.hubble(cfg, strings.TrimPrefix(target, "unix://"), until), nil
}

// hubble makes the client of a Hubble server, whose address, TLS and way are in to.
func (o *Options) hubble(to hubble.Config, name string, until time.Time) *server {
	cfg := hubble.DefaultConfig()
	cfg.Target, cfg.TLS, cfg.Way = to.Target, to.TLS, to.Way
	cfg.Namespaces, cfg.Last, cfg.Until, cfg.Timeout, cfg.Log = o.Namespaces, o.Last, until, o.Timeout, o.Log
	name = streamName("hubble", name, o.Namespaces)
	return &server{name: name, format: "hubble", client: hubble.New(cfg), secure: cfg.TLS != nil}
}

// address makes the client of Goldmane, or of Whisker before it, by its address.
func (o *Options) address(arg, target string, until time.Time) (*server, error) {
	cfg := goldmane.Config{Target: target}
	scheme, name := "goldmane", target
	if goldmane.IsWhisker(target) {
		scheme = "whisker"
		_, name, _ = strings.Cut(target, "://")
	}
	if !strings.HasPrefix(target, "http://") {
		tls := o.TLS
		cfg.TLS = &tls
	}
	return o.goldmane(arg, cfg, scheme, name, until)
}

// goldmane makes the client of Goldmane, or of Whisker before it, whose address, TLS and way are in to.
func (o *Options) goldmane(arg string, to goldmane.Config, scheme, name string, until time.Time) (*server, error) {
	if o.Last > 0 {
		return nil, run.Usagef("--last: %s has no newest flows to count; use --since", arg)
	}
	cfg := goldmane.DefaultConfig()
	cfg.Target, cfg.TLS, cfg.Way = to.Target, to.TLS, to.Way
	cfg.Namespaces, cfg.Until, cfg.Timeout, cfg.Log = o.Namespaces, until, o.Timeout, o.Log
	if err := cfg.Check(); err != nil {
		return nil, run.Usagef("%s: %v", arg, err)
	}
	return &server{
		name:   streamName(scheme, name, o.Namespaces),
		format: calicoFormat,
		client: goldmane.New(cfg),
		secure: cfg.TLS != nil,
	}, nil
}

// reached makes the client of a server of a cluster.
func (o *Options) reached(arg string, r Reached, until time.Time) (*server, error) {
	scheme := strings.TrimSuffix(arg, "://")
	if strings.HasPrefix(scheme, "hubble") {
		return o.hubble(hubble.Config{Target: r.Address, TLS: r.TLS, Way: r.Way}, r.Name, until), nil
	}
	target := r.Address
	if kind, of, ok := strings.Cut(scheme, "+"); ok {
		target, scheme = of+"://"+r.Address+goldmane.WhiskerPath, kind
	}
	return o.goldmane(arg, goldmane.Config{Target: target, TLS: r.TLS, Way: r.Way}, scheme, r.Name, until)
}

// IsBare reports whether a source is a kind of server and no address: that of a cluster, which has to be found.
func IsBare(arg string) bool {
	return slices.Contains(schemes, arg) && arg != "hubble+unix://"
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

// toTime returns the time of microseconds since 1970 UTC, zero for none.
func toTime(us model.Micros) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}
