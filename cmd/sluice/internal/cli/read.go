package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/ingest/normalize"
	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/graph"
	"sluice/model/store"
)

// input holds the flags that every command which reads flows has.
type input struct {
	store        string
	since, until string
	workers      int
	config       string
	quiet        bool
	strict       bool
	live         liveFlags // of servers, where the command reads them
}

func (in *input) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&in.store, "store", "", "read the flows from the store in `DIR` when no source is given")
	f.StringVar(&in.since, "since", "", "only flows from `TIME` on: RFC 3339, or a duration back from now (24h)")
	f.StringVar(&in.until, "until", "", "only flows before `TIME`")
	in.commonFlags(c)
}

func (in *input) commonFlags(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&in.workers, "workers", runtime.GOMAXPROCS(0), "how many workers read; the result is the same for any number")
	f.StringVar(&in.config, "config", "", "configuration `FILE` (default ./sluice.yaml where it is there)")
	f.BoolVarP(&in.quiet, "quiet", "q", false, "no progress and no summary on stderr")
	f.BoolVar(&in.strict, "strict", false, "fail on the first malformed record")
}

// reading is what came of reading sources.
type reading struct {
	tables  model.Tables
	report  ingest.Report
	sources []source.Source
	failed  []error // sources that could not be read, wholly or in part
	empty   []error // sources without a record, beside others
	gaps    int     // times from which records of servers may be missing
}

// span gives the times of --since and --until, in microseconds since 1970 UTC, 0: not given.
func (in *input) span() (since, until int64, err error) {
	if since, err = parseTime("since", in.since); err != nil {
		return 0, 0, err
	}
	if until, err = parseTime("until", in.until); err != nil {
		return 0, 0, err
	}
	if until != 0 && since >= until {
		return 0, 0, usageError("nothing lies between --since %s and --until %s", in.since, in.until)
	}
	return since, until, nil
}

// rowSink takes folded rows; it is called by one goroutine at a time.
type rowSink func(t model.Tables, rows []model.Observation) error

// read decodes the sources into rows of so many minutes.
func (in *input) read(ctx context.Context, s Streams, args []string, windowMinutes int, past source.Past, out rowSink) (*reading, error) {
	since, until, err := in.span()
	if err != nil {
		return nil, err
	}
	if in.workers < 1 {
		return nil, usageError("--workers %d: give at least 1", in.workers)
	}
	r := &reading{tables: model.NewTables()}
	var mu sync.Mutex
	var outErr error
	var sinks []*normalize.Normalizer
	newSink := func() ingest.Sink {
		mu.Lock()
		defer mu.Unlock()
		fold := ingest.NewFold(r.tables.Names, func(rows []model.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if outErr == nil {
				outErr = out(r.tables, rows)
			}
		})
		n := normalize.New(fold, windowMinutes)
		n.Since, n.Until = since, until
		sinks = append(sinks, n)
		return n
	}
	p := newProgress(s.Err, totalSize(args), in.quiet)
	sum, err := source.Read(ctx, args, s.In, source.Options{Workers: in.workers, Formats: all.Formats(), NewSink: newSink, Tables: r.tables, Progress: p.add, Past: past})
	p.stop()
	for _, n := range sinks {
		n.Flush()
		r.report.Merge(&n.Report)
	}
	if err == nil {
		err = outErr
	}
	if err != nil {
		return nil, err
	}
	r.sources = sum.Sources
	r.fail(sum.Sources)
	if n := r.report.Fate(model.Malformed); in.strict && n > 0 {
		smp := r.report.Samples[0]
		return nil, fmt.Errorf("--strict: %s; the first: %s:%d: %s", plural(n, "malformed record", "malformed records"), smp.Source, smp.Line, smp.Detail)
	}
	return r, nil
}

// fail notes the sources that could not be read. An empty file beside others was read whole: that is told, and no error.
func (r *reading) fail(sources []source.Source) {
	for _, src := range sources {
		switch {
		case src.Err == nil:
		case errors.Is(src.Err, source.ErrEmpty) && r.report.Total()+r.report.OutOfRange > 0:
			r.empty = append(r.empty, src.Err)
		default:
			r.failed = append(r.failed, src.Err)
		}
	}
}

// totalSize is how many bytes of plain files there are to read, 0 where that is not known.
func totalSize(args []string) int64 {
	var n int64
	for _, a := range args {
		fi, err := os.Stat(a)
		if err != nil || !fi.Mode().IsRegular() || strings.HasSuffix(a, ".gz") || strings.HasSuffix(a, ".zst") {
			return 0
		}
		n += fi.Size()
	}
	return n
}

// loaded is a graph and where it came from.
type loaded struct {
	*reading
	builder *graph.Builder
	graph   *graph.Graph
	config  *fileConfig
}

// load reads the sources, or the store where none is given, and builds the graph.
func (in *input) load(ctx context.Context, s Streams, args []string) (*loaded, error) {
	cfg, err := loadConfig(in.config)
	if err != nil {
		return nil, err
	}
	dir := in.store
	if len(args) == 1 && strings.HasPrefix(args[0], "store:") {
		dir, args = strings.TrimPrefix(args[0], "store:"), nil
	}
	servers, err := splitLive(args)
	if err != nil {
		return nil, err
	}
	l := &loaded{config: cfg}
	switch {
	case len(servers) > 0:
		l.reading, l.builder, err = in.readServers(ctx, s, servers)
	case len(args) == 0 && dir == "":
		return nil, usageError("no flows given: name files or directories, '-' for standard input, or --store DIR")
	case len(args) == 0:
		l.reading, l.builder, err = in.scan(ctx, dir)
	default:
		for _, a := range args {
			if strings.HasPrefix(a, "store:") {
				return nil, usageError("%s cannot be mixed with other sources: ingest them into the store first", a)
			}
		}
		var b *graph.Builder
		l.reading, err = in.read(ctx, s, args, 60, nil, func(t model.Tables, rows []model.Observation) error {
			if b == nil {
				b = graph.NewBuilder(t)
			}
			b.Add(t, rows)
			return nil
		})
		if b == nil {
			b = graph.NewBuilder(model.NewTables())
		}
		l.builder = b
	}
	if err != nil {
		return nil, err
	}
	return l, during(s.Err, in.quiet, "finding workloads and edges", l.build)
}

// build makes the graph of what was read so far.
func (l *loaded) build() error {
	l.graph = l.builder.Build(graph.Config{Workloads: l.config.workloads()})
	if os.Getenv("SLUICE_VALIDATE") != "" {
		if err := l.validate(); err != nil {
			return fmt.Errorf("invariant broken: %w", err)
		}
	}
	return nil
}

func (in *input) scan(ctx context.Context, dir string) (*reading, *graph.Builder, error) {
	since, until, err := in.span()
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	r := &reading{tables: model.NewTables()}
	b := graph.NewBuilder(r.tables)
	err = st.Scan(ctx, store.ScanOptions{Since: since, Until: until}, func(t model.Tables, rows []model.Observation) error {
		for i := range rows {
			r.report.Counts[rows[i].Fate][rows[i].Reason] += uint64(rows[i].Records)
		}
		b.Add(t, rows)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, seg := range st.Segments() { // where the flows lie, should none be between since and until
		if r.report.OutFirst == 0 || seg.First < r.report.OutFirst {
			r.report.OutFirst = seg.First
		}
		r.report.OutLast = max(r.report.OutLast, seg.Last)
	}
	for _, src := range st.Sources() {
		r.report.Lost += uint64(src.Lost)
		if src.Stream != nil {
			r.gaps += len(src.Stream.Gaps)
		}
		r.sources = append(r.sources, source.Source{Name: src.Name, Records: src.Records, Bytes: src.Bytes, Format: src.Format, Digest: src.Digest})
		rejected := model.CountsOf(src.Rejected)
		r.report.Rejected.Add(&rejected)
		r.report.Counts.Add(&rejected)
	}
	return r, b, nil
}

// fates are the final counts: what the graph decided, and what never reached it.
func (l *loaded) fates() model.Counts {
	c := l.graph.Fates
	c.Add(&l.report.Rejected)
	return c
}

// validate checks the graph and that every record read has exactly one fate.
func (l *loaded) validate() error {
	var sum uint64
	for _, f := range l.fates() {
		for _, n := range f {
			sum += n
		}
	}
	if total := l.report.Total(); sum != total {
		return fmt.Errorf("fates add up to %d of %d records", sum, total)
	}
	return l.graph.Check()
}

// warnFailed reports the sources that could not be read on w and gives the exit error, nil if all were read.
func (r *reading) warnFailed(w io.Writer) error {
	for _, err := range slices.Concat(r.empty, r.failed) {
		fmt.Fprintln(w, "sluice: "+printable(err.Error(), 500))
	}
	if len(r.failed) > 0 {
		return &exitError{code: ExitError}
	}
	return nil
}
