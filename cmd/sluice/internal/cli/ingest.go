package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

type ingestOptions struct {
	reading
	dir       string
	format    string
	keep      string
	keepBytes string
	listen    string
	ofServers string // a flag that was given and is about servers
}

func newIngest(s Streams) *cobra.Command {
	o := &ingestOptions{}
	c := &cobra.Command{
		Use:   "ingest SOURCE... --store DIR",
		Short: "Read flow logs or servers into a columnar store",
		Long: `ingest reads flow logs (Hubble or Calico, plain, gzip or zstd; files, directories, or - for standard input) and adds
them to the store in DIR. A file that is already there is skipped, so reading twice changes nothing; of one that has
grown since only the new lines are read, also once it was rotated and packed. When ingest exits with 0, what it read
survives a crash.

It also reads servers: hubble://HOST:PORT (a Hubble relay, or the server of a node), hubbles:// (with TLS) and
hubble+unix:///PATH; goldmane://HOST:PORT (Calico, with a client certificate), or Whisker before it as
whisker+http://HOST:PORT. Without an address they are those of the kubeconfig's cluster, reached through its API server;
-P is short for hubble://. With --follow it keeps reading: every second it prints the watermark up to which all that it received
is stored (--commit-every: how far behind that may be). Started again, it goes on from there and stores nothing twice. What servers say they lost, and times that
records may be missing from, are counted and stored. Several collectors may write to one store, but each stream is
collected by one.`,
		Example: `  sluice ingest /var/log/hubble/ --store flows
  kubectl logs -n kube-system ds/cilium -c export | sluice ingest - --store flows
  sluice ingest hubble://localhost:4245 --store flows --follow
  sluice ingest -P --context prod --store flows --follow
  sluice ingest goldmane:// --tls-secret node-certs --store flows --follow
  sluice ingest goldmane://localhost:7443 --store flows --follow \
    --tls-ca-cert-files ca.crt --tls-client-cert-file tls.crt --tls-client-key-file tls.key`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"follow", "since", "until", "namespace", "last", "tls", "keep", "keep-bytes", "listen", "commit-every"} {
				if cmd.Flags().Changed(name) && o.ofServers == "" {
					o.ofServers = name
				}
			}
			return runIngest(cmd.Context(), s, o, args)
		},
	}
	o.common(c)
	o.servers.flags(c)
	o.kube.servers(c)
	o.servers.followFlag(c, "keep reading what a server sends, until stopped")
	f := c.Flags()
	o.cluster = new(string)
	f.StringVar(o.cluster, "cluster", "", "call the cluster that the flows are of `NAME`, where they do not say it or say default")
	f.StringVar(&o.dir, "store", "", "the store's `DIR` or URL (s3://, gs://, azblob://); made if it is not there")
	f.StringVar(
		&o.since,
		"since",
		"",
		"servers: begin with flows from `TIME` on, where the store has none yet: RFC 3339, a date, or a duration back from now (24h, 7d)",
	)
	f.StringVar(&o.until, "until", "", "servers: end with flows before `TIME`")
	f.VarP(nameList{&o.servers.Namespaces}, "namespace", "n", "servers: only flows with an end in `NS` (repeats)")
	f.StringVar(
		&o.keep,
		"keep",
		"",
		"servers: drop from the store what is older than `DAYS` (90d) beside the newest flows, a day at a time",
	)
	f.StringVar(
		&o.keepBytes,
		"keep-bytes",
		"",
		"servers: drop the oldest days as long as the store is larger than `SIZE` (20Gi)",
	)
	f.DurationVar(&o.servers.CommitEvery, "commit-every", 0, "servers, with --follow: store what came every `DURATION`, 100ms to 5m; "+
		"sooner where much comes (default 0.8s; in a bucket a commit is five requests that cost)")
	f.StringVar(&o.listen, "listen", "", "servers: answer /metrics, /healthz and /readyz at `ADDRESS` (:9090)")
	f.StringVarP(&o.format, "output", "o", "table", "servers: print progress as table or json")
	return c
}

func runIngest(ctx context.Context, s Streams, o *ingestOptions, args []string) error {
	if o.dir == "" {
		return run.Usagef("--store DIR is needed")
	}
	args, err := o.withServer(args)
	if err != nil {
		return err
	}
	servers, err := collect.Servers(args)
	switch {
	case err != nil:
		return err
	case len(args) == 0:
		return run.Usagef(
			"no source given: name files, directories or servers (hubble://localhost:4245), or '-' for standard input",
		)
	case len(servers) > 0:
		return runCollect(ctx, s, o, servers)
	case o.ofServers != "":
		return run.Usagef("--%s is for servers, such as hubble://localhost:4245", o.ofServers)
	case o.format != show.Table:
		return run.Usagef("-o %s is for servers, such as hubble://localhost:4245", o.format)
	}
	src, err := o.sources(s, args)
	if err != nil {
		return err
	}
	l, err := run.Ingest(ctx, src, o.dir)
	if err != nil {
		return err
	}
	if err := l.Nothing(); err != nil {
		return err
	}
	if added := l.Report.Total() > 0 || l.Skipped() > 0; added && !o.quiet {
		show.Stored(s.Out, l, o.dir)
	}
	return incomplete(s, l)
}

// runCollect reads servers into the store until they have no more, or with --follow until it is stopped.
func runCollect(ctx context.Context, s Streams, o *ingestOptions, servers []string) error {
	var keep collect.Retention
	var err error
	if keep.Age, err = parseDays("keep", o.keep); err != nil {
		return err
	}
	if keep.Bytes, err = parseSize("keep-bytes", o.keepBytes); err != nil {
		return err
	}
	if o.format != show.Table && o.format != show.JSON {
		return run.Usagef("unknown output format %q: use table, json", o.format)
	}
	view := show.NewLive(s.Out, s.Err, o.format, o.quiet)
	opts, err := o.options(ctx, servers, newLogger(view))
	if err != nil {
		return err
	}
	cfg := collect.Config{Dir: o.dir, Cluster: *o.cluster, Keep: keep, Listen: o.listen, Edge: view.Edge}
	c, err := collect.New(ctx, servers, opts, cfg)
	if err != nil {
		return err
	}
	for _, src := range c.Sources() {
		view.Source(src.Name, src.Stats)
	}
	return view.During(func() error { return c.Run(ctx) })
}
