package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/store"
)

type ingestOptions struct {
	input
	dir    string
	format string
	keep   string
	listen string
}

func newIngest(s Streams) *cobra.Command {
	o := &ingestOptions{}
	c := &cobra.Command{
		Use:   "ingest SOURCE... --store DIR",
		Short: "Read flow logs or servers into a columnar store",
		Long: `ingest reads flow logs (Hubble or Calico, plain, gzip or zstd; files, directories, or - for standard input) and adds
them to the store in DIR. A file that is already there is skipped, so reading twice changes nothing. When ingest exits
with 0, what it read survives a crash.

It also reads servers: hubble://HOST:PORT (a Hubble relay, or the server of a node), hubbles:// (with TLS) and
hubble+unix:///PATH; goldmane://HOST:PORT (Calico, with a client certificate), or Whisker before it as
whisker+http://HOST:PORT. With --follow it keeps reading: every second it prints the watermark up to which all that it received
is stored. Started again, it goes on from there and stores nothing twice. What servers say they lost, and times that
records may be missing from, are counted and stored. Several collectors may write to one store, but each stream is
collected by one.`,
		Example: `  sluice ingest /var/log/hubble/ --store flows
  kubectl logs -n kube-system ds/cilium -c export | sluice ingest - --store flows
  sluice ingest hubble://localhost:4245 --store flows --follow
  sluice ingest goldmane://localhost:7443 --store flows --follow \
    --tls-ca-cert-files ca.crt --tls-client-cert-file tls.crt --tls-client-key-file tls.key`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runIngest(cmd, s, o, args) },
	}
	o.commonFlags(c)
	o.live.flags(c)
	o.live.followFlag(c, "keep reading what a server sends, until stopped")
	f := c.Flags()
	f.StringVar(&o.dir, "store", "", "the store's `DIR`; made if it is not there")
	f.StringVar(&o.since, "since", "", "servers: begin with flows from `TIME` on, where the store has none yet: RFC 3339, or a duration back from now (24h)")
	f.StringVar(&o.until, "until", "", "servers: end with flows before `TIME`")
	f.VarP(nameList{&o.live.namespaces}, "namespace", "n", "servers: only flows with an end in `NS` (repeats)")
	f.StringVar(&o.keep, "keep", "", "servers: drop from the store what is older than `DAYS` (90d), a day at a time")
	f.StringVar(&o.listen, "listen", "", "servers: answer /metrics, /healthz and /readyz at `ADDRESS` (:9090)")
	f.StringVarP(&o.format, "output", "o", "table", "servers: print progress as table or json")
	return c
}

func runIngest(cmd *cobra.Command, s Streams, o *ingestOptions, args []string) error {
	if o.dir == "" {
		return usageError("--store DIR is needed")
	}
	servers, err := splitLive(args)
	if err != nil {
		return err
	}
	if len(servers) > 0 {
		return o.runLiveIngest(cmd.Context(), s, servers)
	}
	for _, name := range []string{"follow", "since", "until", "namespace", "last", "tls", "keep", "listen"} {
		if cmd.Flags().Changed(name) {
			return usageError("--%s is for servers, such as hubble://localhost:4245", name)
		}
	}
	if o.format != "table" {
		return usageError("-o %s is for servers, such as hubble://localhost:4245", o.format)
	}
	return runIngestFiles(cmd, s, &o.input, o.dir, args)
}

func runIngestFiles(cmd *cobra.Command, s Streams, in *input, dir string, args []string) (err error) {
	st, err := store.Create(dir)
	if err != nil {
		return err
	}
	var w *store.Writer
	r, err := in.read(cmd.Context(), s, args, 1, st, func(t model.Tables, rows []model.Observation) error {
		if w == nil {
			if w, err = st.Writer(store.WriterOptions{}); err != nil {
				return err
			}
		}
		return w.Write(t, rows)
	})
	if err != nil {
		if w != nil {
			_ = w.Abort()
		}
		return err
	}
	skipped := 0
	var metas []store.Source
	for _, src := range r.sources {
		if src.Skipped {
			skipped++
			continue
		}
		if !stored(&src) {
			continue // the next time it is tried again
		}
		metas = append(metas, store.Source{Name: src.Name, Digest: src.Digest, Records: src.Records, Bytes: src.Bytes, Format: src.Format})
	}
	if len(metas) > 0 {
		// The fates are those of the whole run: workers do not keep them by source.
		metas[0].Rejected = r.report.Rejected.Texts()
		metas[0].Lost = int64(r.report.Lost)
	}
	switch {
	case w == nil && len(metas) > 0 && r.report.Total() > 0:
		if w, err = st.Writer(store.WriterOptions{}); err != nil {
			return err
		}
		fallthrough
	case w != nil:
		if err := w.Commit(metas); err != nil {
			return err
		}
	}
	if !in.quiet {
		l := &loaded{reading: r}
		l.ingestSummary(s, dir, skipped)
	}
	if r.report.Total() == 0 && skipped == 0 && len(r.failed) == 0 {
		return fmt.Errorf("no record found in %s", plural(len(args), "source", "sources"))
	}
	return r.warnFailed(s.Err)
}

// stored says whether a source was read, at least in part.
func stored(s *source.Source) bool { return !s.Skipped && (s.Err == nil || s.Records > 0) }

// ingestSummary tells what was stored. Which records are duplicates is decided when edges are built.
func (l *loaded) ingestSummary(s Streams, dir string, skipped int) {
	var bytes int64
	n := 0
	for _, src := range l.sources {
		if stored(&src) {
			bytes += src.Bytes
			n++
		}
	}
	fmt.Fprintf(s.Out, "Stored %s (%s) from %s in %s", plural(l.report.Total(), "record", "records"), size(bytes), plural(n, "source", "sources"), dir)
	if skipped > 0 {
		fmt.Fprintf(s.Out, "; %s already there", plural(skipped, "source was", "sources were"))
	}
	fmt.Fprintln(s.Out, ".")
	for _, f := range []model.Fate{model.Used, model.Reply, model.Denied, model.Undecided, model.Irrelevant, model.Refused, model.Malformed} {
		if c := l.report.Fate(f); c > 0 {
			m := map[string]uint64{}
			for r, k := range l.report.Counts.Reasons(f) {
				m[r.String()] = k
			}
			fmt.Fprintf(s.Out, "  %-11s %10s  %s\n", f, count(c), reasons(m))
		}
	}
	l.samples(s.Out)
}
