package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ingest/live"
	"sluice/model/store"
)

// runLiveIngest reads servers into the store until they have no more, or with --follow until it is stopped.
func (o *ingestOptions) runLiveIngest(ctx context.Context, s Streams, servers []string) error {
	keep, err := parseDays("keep", o.keep)
	if err != nil {
		return err
	}
	if o.format != "table" && o.format != "json" {
		return usageError("unknown output format %q: use table, json", o.format)
	}
	view := newLiveView(s, o.format, o.quiet)
	cfg, sources, err := o.live.open(&o.input, servers, view)
	if err != nil {
		return err
	}
	st, err := store.Create(o.dir)
	if err != nil {
		return err
	}
	edges, err := openNewEdges(ctx, st)
	if err != nil {
		return err
	}
	found := view.edge
	if !cfg.Follow {
		found = nil
	}
	c, err := newCollection(st, sources, cfg, keep, func(b *live.Batch) { edges.add(b.Tables, b.Rows, found) })
	if err != nil {
		return err
	}
	for i, one := range c.collectors {
		view.source(sources[i].name, one.Stats)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.listen != "" {
		ops := &operations{store: st, edges: edges, sources: view.shown}
		if err := ops.listen(ctx, o.listen); err != nil {
			return errors.Join(err, c.release())
		}
	}
	if os.Getenv("GOGC") == "" {
		// Little memory lives, and much of what is received does not: collecting garbage less often costs some megabytes.
		defer debug.SetGCPercent(debug.SetGCPercent(200))
	}
	if os.Getenv("GOMAXPROCS") == "" {
		// A processor takes five times the flows that a relay sends. With more of them, every few flows the goroutine that
		// receives wakes another for the one that decodes, and what it has read is in the wrong cache.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(min(len(sources), runtime.GOMAXPROCS(0))))
	}
	return view.during(func() error { return c.run(ctx) })
}

// open makes the clients of servers, and how they are collected from.
func (l *liveFlags) open(in *input, servers []string, logTo io.Writer) (cfg live.Config, sources []*liveSource, err error) {
	cfg = live.DefaultConfig()
	if cfg.Follow = l.follow; !cfg.Follow {
		cfg.Flush = 10 * time.Second // nothing is acknowledged before the end
	}
	if cfg.Log, err = l.logger(logTo); err != nil {
		return cfg, nil, err
	}
	from, to, err := in.span()
	if err != nil {
		return cfg, nil, err
	}
	until := toTime(to)
	cfg.Since = toTime(from)
	switch {
	case l.follow && (l.last > 0 || !until.IsZero()):
		return cfg, nil, usageError("--follow and --for take what comes: --last and --until are for reading what a server has now")
	case l.last > 0 && !(cfg.Since.IsZero() && until.IsZero()):
		return cfg, nil, usageError("--last counts back from now, whatever --since and --until say: give one or the other")
	case l.during < 0:
		return cfg, nil, usageError("--for %s: give how long to follow (1h)", l.during)
	case l.timeout <= 0:
		return cfg, nil, usageError("--timeout %s: give the time that an answer may take (12s)", l.timeout)
	case in.strict:
		return cfg, nil, usageError("--strict is for files: what a server sends and nobody can read is counted")
	case slices.Contains(l.namespaces, ""):
		return cfg, nil, usageError("-n: give the name of a namespace")
	}
	secure := false
	for _, arg := range servers {
		src, err := l.source(arg, until, cfg.Log)
		if err != nil {
			return cfg, nil, err
		}
		if slices.ContainsFunc(sources, func(s *liveSource) bool { return s.name == src.name }) {
			return cfg, nil, usageError("%s is given twice", arg)
		}
		secure = secure || src.secure
		sources = append(sources, src)
	}
	if l.tlsAsked && !secure {
		return cfg, nil, usageError("%s is read without TLS, and flags such as --tls-ca-cert-files would do nothing: give hubbles:// or whisker+https://, or leave them out", servers[0])
	}
	return cfg, sources, nil
}

// toTime gives the time of microseconds since 1970 UTC, zero for none.
func toTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
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
	return 0, usageError("--%s %q: give days (90d) or a duration (36h)", flag, text)
}
