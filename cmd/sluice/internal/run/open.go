package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/text"
	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/ingest/normalize"
	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/graph"
	"sluice/model/redact"
	"sluice/model/store"
	"sluice/synth/bundle"
)

// StorePrefix marks a source that is a store.
const StorePrefix = "store:"

// Sources say what to read, and how.
type Sources struct {
	Args         []string // files, directories, - for Stdin; or one store:DIR or bundle
	Store        string   // the directory of the store that is read where Args has nothing
	Cache        place.Cache
	Live         Live // reads servers instead; nil: there are none
	Stdin        io.Reader
	Since, Until model.Micros // only records from the one on and before the other; 0: no bound
	Cluster      string       // a store: what has to do with this cluster; "": all
	Workers      int
	Strict       bool             // fail on the first malformed record
	Digests      bool             // say of each file what is in it
	Redact       *redact.Redactor // replaces names and addresses; nil: nothing does
	Watch        Watch
}

// Live fills a log with what servers have. Its rows are of 60 minutes.
type Live func(context.Context, *Log) error

// Open reads the sources and builds the graph. A source that cannot be read keeps no other from it: see Log.Incomplete.
func Open(ctx context.Context, src Sources, cfg *Config) (*Log, error) {
	defer reading()()
	l := NewLog(cfg)
	if l.Redact = src.Redact; l.Redact != nil {
		if err := cfg.redactable(); err != nil {
			return nil, err
		}
		l.Builder = graph.NewBuilder(model.NewTables()) // l.Tables has the names
	}
	if err := l.open(ctx, src); err != nil {
		return nil, err
	}
	if err := l.hide(); err != nil {
		return nil, err
	}
	return l, src.Watch.during("finding workloads and edges", l.Build)
}

func (l *Log) open(ctx context.Context, src Sources) error {
	dir := src.Store
	if len(src.Args) == 1 {
		switch of := StoreOf(src.Args[0]); {
		case of != "":
			dir, src.Args = of, nil
		case bundle.Is(src.Args[0]):
			of, err := Evidence(src.Args[0])
			if err != nil {
				return err
			}
			dir, src.Args = of, nil
		}
	}
	switch {
	case src.Live != nil && l.Redact != nil:
		return Usagef("--redact: read the server into a store first: sluice ingest")
	case src.Live != nil:
		return src.Live(ctx, l)
	case len(src.Args) == 0 && dir == "":
		return Usagef(
			"no flows given: name files, directories or a server (hubble://localhost:4245), '-' for standard input, or --store DIR",
		)
	case len(src.Args) == 0:
		return l.scan(ctx, dir, src)
	}
	for _, a := range src.Args {
		if err := bundle.Single(a); err != nil {
			return err
		}
		if bundle.Is(a) {
			return Usagef("%s is a bundle, whose evidence cannot be mixed with other sources: give it alone", a)
		}
		if StoreOf(a) != "" {
			return Usagef("%s cannot be mixed with other sources: ingest them into the store first", a)
		}
	}
	return l.read(ctx, src, 60, nil, func(t model.Tables, rows []model.Observation) error {
		l.add(t, rows)
		return nil
	})
}

// StoreOf returns the directory of a source that is a store, by its prefix or by what is in it, "" of any other.
func StoreOf(arg string) string {
	if dir, ok := strings.CutPrefix(arg, StorePrefix); ok {
		return dir
	}
	if store.Is(arg) || place.IsTables(arg) {
		return arg
	}
	return ""
}

// rowSink takes folded rows; it is called by one goroutine at a time.
type rowSink func(t model.Tables, rows []model.Observation) error

// read decodes files into rows of so many minutes. past is what earlier runs have read, nil where that may be read
// again.
func (l *Log) read(ctx context.Context, src Sources, windowMinutes int, past map[string]int64, out rowSink) error {
	if src.Workers < 1 {
		return Usagef("--workers %d: give at least 1", src.Workers)
	}
	var mu sync.Mutex
	var outErr error
	var sinks []*normalize.Normalizer
	noted := normalize.NewNoted()
	foldRows := ingest.MinuteRows
	if windowMinutes >= 60 {
		foldRows = ingest.HourRows
	}
	newSink := func() ingest.Sink {
		mu.Lock()
		defer mu.Unlock()
		fold := ingest.NewFold(l.Tables.Names, foldRows, func(rows []model.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if outErr == nil {
				outErr = out(l.Tables, rows)
			}
		})
		n := normalize.New(fold, windowMinutes)
		n.Since, n.Until, n.Endpoints, n.Noted = src.Since, src.Until, l.Tables.Endpoints, noted
		sinks = append(sinks, n)
		return n
	}
	add, done := src.Watch.start("", totalSize(src.Args))
	sum, err := source.Read(
		ctx,
		src.Args,
		src.Stdin,
		source.Options{
			Workers:  src.Workers,
			Formats:  all.Formats(),
			NewSink:  newSink,
			Tables:   l.Tables,
			Progress: add,
			Past:     past,
			Digests:  src.Digests,
			Remote:   remote,
		},
	)
	done()
	normalize.JoinCalls(sinks)
	for _, n := range sinks {
		n.Flush()
		l.Report.Merge(&n.Report)
	}
	if err == nil {
		err = outErr
	}
	if err != nil {
		return err
	}
	l.Sources = sum.Sources
	for i := range sum.Sources {
		if s := &sum.Sources[i]; s.Remote && s.Err != nil { // some of its rows would be a smaller answer
			return s.Err
		}
	}
	l.fail(sum.Sources)
	if n := l.Report.Fate(model.Malformed); src.Strict && n > 0 {
		smp := l.Report.Samples[0]
		if l.Redact != nil { // a detail spells what was read
			smp.Source, smp.Detail = l.Redact.Text(smp.Source), smp.Reason.String()
		}
		return fmt.Errorf(
			"--strict: %s; the first: %s:%d: %s",
			text.Plural(n, "malformed record", "malformed records"),
			model.Printable(smp.Source),
			smp.Line,
			smp.Detail,
		)
	}
	return nil
}

// fail notes the sources that could not be read. An empty file beside others was read whole: that is told, and no
// error.
func (l *Log) fail(sources []source.Source) {
	alike := int64(0)
	for i := range sources {
		if src := &sources[i]; src.Alike != "" {
			if alike++; alike == 1 {
				l.Twice = fmt.Errorf("%s begins with the same record as %s: what both have counts twice", src.Name, src.Alike)
			}
		}
	}
	if alike > 1 {
		l.Twice = fmt.Errorf("%w; so do %s", l.Twice, text.Plural(alike-1, "other source", "other sources"))
	}
	for _, src := range sources {
		switch {
		case src.Err == nil:
		case errors.Is(src.Err, source.ErrEmpty) && l.Report.Total()+l.Report.OutOfRange > 0:
			l.Empty = append(l.Empty, src.Err)
		default:
			l.Failed = append(l.Failed, src.Err)
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

// scan reads a store.
func (l *Log) scan(ctx context.Context, dir string, src Sources) error {
	st, err := place.OpenCached(ctx, dir, src.Cache)
	if err != nil {
		return err
	}
	cluster := src.Cluster
	if cluster == UnnamedCluster {
		cluster = ""
	}
	all := st.Part("")
	if have := all.Clusters(); cluster != "" && !slices.Contains(have, cluster) {
		if l.Redact != nil {
			cluster, have = l.Redact.Text(cluster), renamed(have, l.Redact.Text)
		}
		return NoCluster(cluster, dir, have)
	}
	part := all.Of(cluster)
	l.Scanned.Of, l.Scanned.Segments, l.Scanned.Cluster = len(all.Segments), len(part.Segments), cluster
	err = st.Scan(
		ctx,
		store.ScanOptions{Since: src.Since, Until: src.Until, Cluster: cluster},
		func(t model.Tables, rows []model.Observation) error {
			for i := range rows {
				l.Report.Counts[rows[i].Fate][rows[i].Reason] += uint64(rows[i].Records)
			}
			l.add(t, rows)
			return nil
		},
	)
	if err != nil {
		return err
	}
	l.Scanned.Requests, l.Scanned.Bytes = st.Traffic()
	l.Scanned.Saved, l.Scanned.SavedBytes, l.Scanned.CacheErr = st.Saved()
	for _, seg := range part.Segments { // where the flows lie, should none be between since and until
		if l.Report.OutFirst == 0 || seg.First < l.Report.OutFirst {
			l.Report.OutFirst = seg.First
		}
		l.Report.OutLast = max(l.Report.OutLast, seg.Last)
	}
	l.Stored = store.MergeSources(part.Sources)
	for _, from := range l.Stored {
		l.lostOf(&from, src.Since, src.Until)
		l.Report.Nodes.Take(from.Nodes.Within(src.Since, src.Until))
		l.Report.Logged.Merge(from.Logged)
		l.Report.Policies.Add(from.Policies...)
		l.Sources = append(
			l.Sources,
			source.Source{
				Name:    from.Name,
				Records: from.Records,
				Bytes:   from.Bytes,
				Format:  from.Format,
				Digest:  from.Digest,
			},
		)
		rejected := model.CountsOf(from.Rejected)
		l.Report.Rejected.Add(&rejected)
		l.Report.Counts.Add(&rejected)
	}
	l.Report.Nodes = nodesOf(l.Report.Nodes, func(cluster string) bool {
		in := func(g store.Segment) bool { return g.Cluster == cluster }
		return slices.ContainsFunc(part.Segments, in) || !slices.ContainsFunc(all.Segments, in)
	})
	return nil
}

// NoCluster is the error for a cluster that a store does not have.
func NoCluster(cluster, dir string, have []string) error {
	return fmt.Errorf("no cluster %s in store %s: it has %s", cluster, dir, text.Some(have))
}

// Evidence returns the store in a bundle.
func Evidence(dir string) (string, error) {
	path := filepath.Join(dir, bundle.EvidenceDir)
	fi, err := os.Lstat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf(
			"the bundle %s has no evidence: name the flows to replay, sluice verify %s SOURCE",
			dir,
			dir,
		)
	case !fi.IsDir():
		return "", fmt.Errorf("%s is no directory of this bundle: its evidence is not followed", path)
	}
	return path, nil
}

// Workloads returns the workloads in a store, as NAMESPACE/NAME, as far as they can be found before ctx ends.
func Workloads(ctx context.Context, dir string) []string {
	l, err := Open(ctx, Sources{Store: dir, Workers: 1}, &Config{})
	if err != nil {
		return nil
	}
	var names []string
	for i := range l.Graph.Workloads {
		names = append(names, l.Graph.Workloads[i].ID)
	}
	slices.Sort(names)
	return names
}

// Pods calls do with the pods that a store has, as far as they can be read before ctx ends.
func Pods(ctx context.Context, dir string, do func(*model.Endpoint)) {
	st, err := store.Open(dir)
	if err != nil {
		return
	}
	_ = st.Scan(ctx, store.ScanOptions{}, func(t model.Tables, rows []model.Observation) error {
		for i := range rows {
			for _, id := range []model.EndpointID{rows[i].Src, rows[i].Dst} {
				if ep := t.Endpoints.Get(id); ep.Kind == model.KindPod {
					do(ep)
				}
			}
		}
		return nil
	})
}
