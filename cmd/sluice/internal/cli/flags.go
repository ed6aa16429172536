package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/model/redact"
	"sluice/synth/verify"
)

// reading are the flags of the commands that read flows.
type reading struct {
	store        string
	cache        string // a directory
	cacheBytes   string
	since, until string
	asOf         string
	workers      int
	config       string
	quiet        bool
	strict       bool
	redact       string // file of the key
	redactor     *redact.Redactor
	digests      bool // of files, for what is written of them
	manifests    []string
	cluster      *string     // where the command is about one cluster
	allClusters  bool        // each is judged by itself
	opened       *run.Log    // where one of them is judged; nil: open reads the sources
	servers      serverFlags // where the command reads servers
	kube         clusterFlags
}

// flags adds those of commands that read any source.
func (r *reading) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.store, "store", "", "read the flows from the store in `DIR` (or at a URL: s3://, gs://, azblob://) when no source is given")
	f.StringVar(&r.cache, "cache", "", "keep in `DIR` what was fetched from a store in a bucket, and fetch it once")
	f.StringVar(&r.cacheBytes, "cache-bytes", "10Gi", "how much --cache keeps at most: what was used last stays")
	f.StringVar(
		&r.since,
		"since",
		"",
		"only flows from `TIME` on: RFC 3339, a date, or a duration back from now (24h, 7d)",
	)
	f.StringVar(&r.until, "until", "", "only flows before `TIME`")
	r.common(c)
}

func (r *reading) common(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(
		&r.workers,
		"workers",
		runtime.GOMAXPROCS(0),
		"how many workers read; the result is the same for any number",
	)
	f.StringVar(&r.config, "config", "", "configuration `FILE` (default: ./sluice.yaml if present)")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress and no summary on stderr")
	f.BoolVar(&r.strict, "strict", false, "fail on the first malformed record")
}

// manifestsFlag is for commands that can use what manifests say of the cluster.
func (r *reading) manifestsFlag(c *cobra.Command, what string) {
	c.Flags().StringSliceVar(&r.manifests, "manifests", nil, "the cluster's manifests, `FILES`, directories, - or cluster "+what)
	r.kube.which(c)
}

// clusterFlag is for commands about the policies of one cluster. Of a store they read what has to do with it.
func (r *reading) clusterFlag(c *cobra.Command, to *string, what string) {
	r.cluster = to
	c.Flags().StringVar(to, "cluster", "", what+", where the log has several")
}

// allClustersFlag is for commands that judge one cluster after the other as well: see eachCluster.
func (r *reading) allClustersFlag(c *cobra.Command, what string) {
	c.Flags().BoolVar(&r.allClusters, "all-clusters", false, what)
}

func (r *reading) oneCluster() string {
	if r.cluster == nil {
		return ""
	}
	return *r.cluster
}

// redactFlag is for commands whose output people share.
func (r *reading) redactFlag(c *cobra.Command) {
	c.Flags().StringVar(&r.redact, "redact", "", "replace names and addresses by pseudonyms, the same for the same key in `FILE`")
}

// refuseRedact is for commands that print what policies say: of a bundle that was learned so it is pseudonyms.
func refuseRedact(c *cobra.Command) {
	c.Flags().String("redact", "", "")
	_ = c.Flags().MarkHidden("redact") // it is there
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		switch {
		case c.Flags().Changed("redact"):
		case before != nil:
			return before(c, args)
		default:
			return nil
		}
		return run.Usagef("--redact: policies name what is replaced: sluice learn --redact FILE --out BUNDLE, and %s that BUNDLE",
			c.Name())
	}
}

// hidden gives names of the command line the pseudonyms that the flows have.
func (r *reading) hidden(names ...*string) {
	for _, n := range names {
		if r.redactor != nil {
			*n = r.redactor.Text(*n)
		}
	}
}

// hideAll is hidden for a list.
func (r *reading) hideAll(names []string) {
	for i := range names {
		r.hidden(&names[i])
	}
}

// declaredFacts is what manifests tell of policies.
const declaredFacts = "(kubectl get -A -o yaml): labels of namespaces, services, named ports and accounts of workloads, " +
	"addresses of pods"

// inputs are where what lies in no file comes from.
func (r *reading) inputs(s Streams) run.Inputs {
	return run.Inputs{Stdin: s.In, Cluster: &r.kube, Watch: r.watch(s)}
}

// open reads the sources of a command line, as the flags say.
func (r *reading) open(ctx context.Context, s Streams, args []string) (*run.Log, error) {
	if r.opened != nil {
		return r.opened, nil
	}
	cfg, err := run.LoadConfig(r.config)
	if err != nil {
		return nil, err
	}
	if cfg.AsOf, err = parseTime("as-of", r.asOf); err != nil {
		return nil, err
	}
	if slices.Contains(r.manifests, "-") && slices.Contains(args, "-") {
		return nil, run.Usagef("standard input cannot be the flows and the manifests: give one of them as a file")
	}
	if err := cfg.ReadManifests(ctx, r.manifests, r.inputs(s)); err != nil {
		return nil, err
	}
	unknown(s, cfg)
	if args, err = r.withServer(args); err != nil {
		return nil, err
	}
	servers, err := collect.Servers(args)
	if err != nil {
		return nil, err
	}
	src, err := r.sources(s, args)
	if err != nil {
		return nil, err
	}
	if r.redact != "" {
		if r.redactor, err = run.NewRedactor(r.redact); err != nil {
			return nil, err
		}
		src.Redact = r.redactor
	}
	if len(servers) > 0 {
		o, err := r.options(ctx, servers, newLogger(s.Err))
		if err != nil {
			return nil, err
		}
		src.Live = collect.Live(servers, o)
	}
	l, err := run.Open(ctx, src, cfg)
	if err != nil {
		return nil, err
	}
	show.Scanned(s.Err, l, r.quiet)
	l.Failed = append(l.Failed, cfg.ManifestProblems...)
	return l.Only(src.Cluster)
}

// unknown says what lacking rights cost.
func unknown(s Streams, cfg *run.Config) {
	for _, cost := range cfg.Without {
		fmt.Fprintln(s.Err, "sluice: "+text.Printable(cost, 2000))
	}
}

// withServer returns the sources of a command line: to a command that reads servers and was given nothing to read, the
// server of -P, of --server or of the environment.
func (r *reading) withServer(args []string) ([]string, error) {
	other := len(args) > 0 || r.store != ""
	switch server := r.servers.server(); {
	case r.kube.forward && r.servers.given != "":
		return nil, run.Usagef("-P and --server are two servers: give one of them")
	case r.kube.forward && len(args) > 0 && !slices.ContainsFunc(args, func(a string) bool { return !collect.IsBare(a) }):
		return args, nil
	case r.kube.forward && other:
		return nil, run.Usagef("-P is what to read, the relay of the cluster: give no other source")
	case r.kube.forward:
		return []string{"hubble://"}, nil
	case r.servers.given != "" && other:
		return nil, run.Usagef("--server %s is what to read: give no other source", r.servers.given)
	case other || server == "":
		return args, nil
	default:
		return []string{server}, nil
	}
}

// server is what --server names, else HUBBLE_SERVER, "" where there is none or the command reads no servers.
func (l *serverFlags) server() string {
	if !l.offered || l.given != "" {
		return l.given
	}
	return os.Getenv("HUBBLE_SERVER")
}

// sources says what to read.
func (r *reading) sources(s Streams, args []string) (run.Sources, error) {
	cached := place.Cache{Dir: r.cache}
	size, err := parseSize("cache-bytes", r.cacheBytes)
	if cached.Bytes = size; err != nil {
		return run.Sources{}, err
	}
	if r.cache != "" && r.store == "" {
		return run.Sources{}, run.Usagef("--cache keeps what was fetched from a bucket: name one, --store s3://BUCKET/PREFIX")
	}
	if r.store != "" && len(args) > 0 {
		return run.Sources{}, run.Usagef("--store %s cannot be mixed with other sources (%s): ingest them into the store first",
			r.store, args[0])
	}
	since, until, err := r.span()
	return run.Sources{
		Args:    args,
		Store:   r.store,
		Cache:   cached,
		Stdin:   s.In,
		Since:   since,
		Until:   until,
		Cluster: r.oneCluster(),
		Workers: r.workers,
		Strict:  r.strict,
		Digests: r.digests,
		Watch:   r.watch(s),
	}, err
}

func (r *reading) watch(s Streams) run.Watch { return show.Progress(s.Err, r.quiet) }

// span returns the times of --since and --until, 0: not given.
func (r *reading) span() (since, until model.Micros, err error) {
	if since, err = parseTime("since", r.since); err != nil {
		return 0, 0, err
	}
	if until, err = parseTime("until", r.until); err != nil {
		return 0, 0, err
	}
	if until != 0 && since >= until {
		return 0, 0, run.Usagef("nothing lies between --since %s and --until %s", r.since, r.until)
	}
	return since, until, nil
}

// incomplete tells of sources without a record and of what was put off, and is the error for those that could not be
// read. It comes after what the command prints, and before its findings.
func incomplete(s Streams, l *run.Log) error {
	for _, err := range slices.Concat(l.Empty, l.PutOff) {
		fmt.Fprintln(s.Err, "sluice: "+text.Printable(err.Error(), 500))
	}
	if l.Twice != nil {
		fmt.Fprintln(s.Err, "sluice: "+text.Printable(l.Twice.Error(), 500))
	}
	return l.Incomplete()
}

// told says what a command that prints no fates left out, and is the error of incomplete.
func (r *reading) told(s Streams, l *run.Log) error {
	for _, left := range append(l.Losses(), l.LeftOut()) {
		if left != "" && !r.quiet {
			fmt.Fprintln(s.Err, "sluice: "+left)
		}
	}
	return incomplete(s, l)
}

// serverFlags are the flags of commands that read from servers. Those of TLS have the names of the hubble command line,
// and its environment variables.
type serverFlags struct {
	collect.Options
	offered   bool   // the command has these flags, and reads servers
	given     string // by --server
	logFormat string
}

func (l *serverFlags) flags(c *cobra.Command) {
	l.offered = true
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		servers, err := collect.Servers(args)
		if forward, _ := c.Flags().GetBool("port-forward"); err == nil && len(servers) == 0 && l.server() == "" && !forward {
			return nil // the environment is about servers
		}
		l.TLSAsked = slices.ContainsFunc(tlsFlags, c.Flags().Changed)
		return environment(c)
	}
	f := c.Flags()
	f.StringVar(&l.given, "server", "", "the server to read, as `HOST:PORT`, tls://HOST:PORT or a URL (default $HUBBLE_SERVER)")
	f.Uint64Var(&l.Last, "last", 0, "servers: read only the newest `N` flows of each node that they have now")
	f.BoolVar(&l.UseTLS, "tls", false, "connect with TLS, as hubbles:// does")
	f.StringSliceVar(
		&l.TLS.CAFiles,
		"tls-ca-cert-files",
		nil,
		"`FILES` with the certificates of the server's authority",
	)
	f.StringVar(&l.TLS.CertFile, "tls-client-cert-file", "", "`FILE` with the client's certificate, for mutual TLS")
	f.StringVar(&l.TLS.KeyFile, "tls-client-key-file", "", "`FILE` with the client's key, for mutual TLS")
	f.StringVar(
		&l.TLS.ServerName,
		"tls-server-name",
		"",
		"the `NAME` in the server's certificate (for a relay such as ui.hubble-relay.cilium.io)",
	)
	f.BoolVar(&l.TLS.AllowInsecure, "tls-allow-insecure", false, "do not verify the server's certificate")
	f.DurationVar(&l.Timeout, "timeout", 12*time.Second, "how long the server may take to answer")
	f.StringVar(&l.logFormat, "log-format", "text", "servers: log as text or json")
}

// followFlag is for commands that have no end of their own.
func (l *serverFlags) followFlag(c *cobra.Command, what string) {
	c.Flags().BoolVarP(&l.Follow, "follow", "f", false, what)
}

var tlsFlags = []string{
	"tls",
	"tls-ca-cert-files",
	"tls-client-cert-file",
	"tls-client-key-file",
	"tls-server-name",
	"tls-allow-insecure",
}

// environment returns flags that were not set the values of their HUBBLE_ variables.
func environment(c *cobra.Command) error {
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
			return run.Usagef("%s=%s: %v", key, strconv.Quote(v), err)
		}
	}
	return nil
}

// handlers makes the log of a command that reads servers, by the values of --log-format.
type handlers map[string]func() slog.Handler

func newLogger(w interface{ Write([]byte) (int, error) }) handlers {
	return handlers{
		"text": func() slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func() slog.Handler { return slog.NewJSONHandler(w, nil) },
	}
}

// options says how servers are read.
func (r *reading) options(ctx context.Context, servers []string, log handlers) (o collect.Options, err error) {
	o = r.servers.Options
	if !r.servers.offered {
		return o, run.Usagef("%s: this command does not read servers; ingest it into a store first", servers[0])
	}
	handler, ok := log[r.servers.logFormat]
	if !ok {
		return o, run.Usagef("--log-format %s: give text or json", r.servers.logFormat)
	}
	if r.strict {
		return o, run.Usagef("--strict is for files: what a server sends and nobody can read is counted")
	}
	o.Log = slog.New(handler())
	if o.Since, o.Until, err = r.span(); err != nil {
		return o, err
	}
	return o, r.kube.reach(ctx, servers, &o)
}

// outputFlag is -o of a command that prints in any format, and in more of its own.
func outputFlag(c *cobra.Command, format *string, more ...string) {
	known := append(show.Formats(), more...)
	last := len(known) - 1
	c.Flags().StringVarP(format, "output", "o", show.Table,
		"print as "+strings.Join(known[:last], ", ")+" or "+known[last])
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
}

// failOn is --fail-on. What is not given has a default that depends on what is verified.
type failOn struct {
	names []string
	set   func() bool
}

func (f *failOn) flag(c *cobra.Command, always bool) {
	f.set = func() bool { return c.Flags().Changed("fail-on") }
	usage := "exit with 3 on " + strings.Join(verify.FailOnNames(), ", ") + "; or on " + failOnNone
	if always {
		f.names = verify.DefaultFailOn(true)
	} else {
		some := verify.DefaultFailOn(false)
		also := slices.DeleteFunc(verify.DefaultFailOn(true), func(n string) bool { return slices.Contains(some, n) })
		usage += " (default: " + strings.Join(some, ",") + "; for a bundle also " + strings.Join(also, ",") + ")"
	}
	c.Flags().StringSliceVar(&f.names, "fail-on", f.names, usage)
	c.Long += "\n\nWhat --fail-on takes:\n" + strings.TrimSuffix(verify.AboutFailOn(), "\n")
}

// failOnNone is what --fail-on takes instead of names.
const failOnNone = "none"

func (f *failOn) check() error {
	if slices.Equal(f.names, []string{failOnNone}) {
		f.names = nil
	}
	if err := verify.CheckFailOn(f.names); err != nil {
		return &run.Usage{Err: err}
	}
	return nil
}

// of returns the names that count for a bundle, or for anyone's policies.
func (f *failOn) of(bundle bool) []string {
	if f.set() {
		return f.names
	}
	return verify.DefaultFailOn(bundle)
}

// nameList is a flag that repeats, or holds a list with commas.
type nameList struct{ names *[]string }

func (l nameList) String() string {
	if l.names == nil {
		return ""
	}
	return strings.Join(*l.names, ",")
}

// Type is what pflag calls lists that are not split.
func (l nameList) Type() string { return "stringArray" }

// Set adds one value of the command line.
func (l nameList) Set(s string) error {
	*l.names = append(*l.names, strings.Split(s, ",")...)
	return nil
}

func parseTime(flag, s string) (model.Micros, error) {
	if s == "" {
		return 0, nil
	}
	if d, err := parseDays(flag, strings.TrimPrefix(s, "-")); err == nil {
		return time.Now().Add(-d).UnixMicro(), nil
	}
	// UTC without a zone
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, run.Usagef(
		"--%s %q: use RFC 3339 (2026-11-21T08:00:00Z), a date (2026-11-21) or a duration back from now (24h, 7d)",
		flag,
		s,
	)
}

// parseDays reads a duration that may be given in days; 0 without.
func parseDays(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, run.Usagef("--%s %q: give days (90d) or a duration (36h)", flag, text)
}

// sizes are the units of parseSize, those of Kubernetes.
var sizes = []struct {
	suffix string
	bytes  int64
}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"", 1}}

// parseSize reads a number of bytes such as 20Gi, 0 for none.
func parseSize(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	for _, u := range sizes {
		number, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err == nil && n > 0 && n <= math.MaxInt64/u.bytes {
			return n * u.bytes, nil
		}
		break
	}
	return 0, run.Usagef("--%s %q: give a size (20Gi)", flag, text)
}

// opens reads the policies of one place.
type opens func(ctx context.Context, path string, in run.Inputs) (*run.Policies, error)

// openAll reads the policies of several places as one set, nil for none.
func (r *reading) openAll(ctx context.Context, s Streams, open opens, paths []string) (*run.Policies, error) {
	var out *run.Policies
	for _, path := range paths {
		p, err := open(ctx, path, r.inputs(s))
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = &run.Policies{Read: map[string][]byte{}}
		}
		out.Set.Join(p.Set)
		out.Problems = append(out.Problems, p.Problems...)
		maps.Copy(out.Read, p.Read)
	}
	return out, nil
}
