package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/text"
	"sluice/ingest/source"
	"sluice/model"
	"sluice/model/store"
)

// Ingest adds files to the store at a directory or URL, which is made if it is not there. The log has no graph: which
// records are duplicates is decided when edges are built. A file that is there already is skipped.
// src.Cluster is the one that its records are of, where they do not say it.
//
// Who stored a file between the look and the commit, or stored it at a replica that was not the one asked, is found out
// at the commit: nothing of it counts, and the files are looked at again. So they are where another process was
// writing, as a collector does for a moment every second: what it stored is known then.
func Ingest(ctx context.Context, src Sources, dir string) (*Log, error) {
	for n := 1; ; n++ {
		l, err := ingestOnce(ctx, src, dir)
		locked := errors.Is(err, store.ErrLocked)
		if n == ingestTries || !locked && !errors.Is(err, store.ErrSourceStored) || !src.areFiles() {
			if locked {
				err = fmt.Errorf("%w, and nothing was stored: wait for it to end, or ingest into another store", err)
			}
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(n) * time.Second):
		}
	}
}

// ingestTries is how often files are looked at while somebody else writes to the store.
const ingestTries = 4

// areFiles reports whether the sources can be read twice: a pipe cannot.
func (s *Sources) areFiles() bool {
	for _, a := range s.Args {
		if info, err := os.Stat(a); err != nil || !info.Mode().IsRegular() && !info.IsDir() {
			return false
		}
	}
	return true
}

func ingestOnce(ctx context.Context, src Sources, dir string) (*Log, error) {
	for _, a := range src.Args {
		if StoreOf(a) != "" {
			return nil, Usagef("%s is a store, whose records are folded: carry it over with sluice store pack and unpack", a)
		}
	}
	defer reading()()
	st, err := place.Create(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := NewLog(&Config{})
	var w place.Writer
	err = l.read(ctx, src, 1, st.Digests(), func(t model.Tables, rows []model.Observation) error {
		if w == nil {
			if w, err = st.Writer(store.WriterOptions{Cluster: src.Cluster}); err != nil {
				return err
			}
		}
		return w.Write(t, rows)
	})
	if err != nil {
		if w != nil {
			_ = w.Abort()
		}
		return nil, err
	}
	partial := partialIn(st)
	metas := l.stored(src.Cluster, partial)
	if w == nil && len(metas) > 0 && (l.Report.Total() > 0 || l.Skipped() > 0) {
		if w, err = st.Writer(store.WriterOptions{Cluster: src.Cluster}); err != nil {
			return nil, err
		}
	}
	if w != nil {
		if err := w.Commit(metas); err != nil {
			return nil, err
		}
		l.compact(ctx, st)
	}
	l.inPart(partial)
	return l, nil
}

// partialIn are the digests of the files of which only a part is in a store, since it was packed without the rest.
func partialIn(st place.Store) map[string]bool {
	partial := map[string]bool{}
	for _, src := range st.Part("").Sources {
		if src.Partial {
			partial[src.Digest] = true
		}
	}
	return partial
}

// inPart says of which files only a part is in the store. Which rows these are nobody can tell any more: read again,
// others would count twice.
func (l *Log) inPart(partial map[string]bool) {
	for i := range l.Sources {
		if src := &l.Sources[i]; partial[src.Had] {
			l.Failed = append(l.Failed, fmt.Errorf("%s: only a part of it may be in the store, which was packed without the rest "+
				"(--since, --until, --cluster), and to read it again would count that part twice: ingest it into another store", src.Name))
		}
	}
}

// compact keeps the store small: who adds a file a day and a cluster would leave a commit for each. What it cannot do
// now the next one does.
func (l *Log) compact(ctx context.Context, st place.Store) {
	_, err := st.Compact(ctx, store.CompactOptions{Grace: store.Grace})
	if err != nil && !errors.Is(err, store.ErrLocked) {
		l.PutOff = append(l.PutOff, fmt.Errorf("all is stored, but the store could not be compacted: %w", err))
	}
}

// stored are the sources as the store keeps them. One that could not be read is tried again the next time. A file that
// holds, packed, what was read before has no record of its own; the store knows it from now on.
func (l *Log) stored(cluster string, partial map[string]bool) []store.Source {
	var metas, packed []store.Source
	for i := range l.Sources {
		src := &l.Sources[i]
		meta := store.Source{
			Name:    src.Name,
			Digest:  src.Digest,
			Records: src.Records,
			Bytes:   src.Bytes,
			Format:  src.Format,
			Cluster: cluster,
			Partial: partial[src.Had],
		}
		known := slices.ContainsFunc(packed, func(p store.Source) bool { return p.Digest == src.Digest })
		switch {
		case Stored(src):
			metas = append(metas, meta)
		case src.Skipped && src.Digest != "" && !known:
			packed = append(packed, meta)
		}
	}
	metas = append(metas, packed...)
	if len(metas) > 0 {
		// The fates are those of the whole run: workers do not keep them by source.
		metas[0].Rejected = l.Report.Rejected.Texts()
		metas[0].Lost, metas[0].LostHours = int64(l.Report.Lost), l.Report.LostHours
		metas[0].Logged = l.Report.Logged
		metas[0].Policies = l.Report.Policies.List()
		metas[0].Nodes = l.Report.Nodes.Stretches()
	}
	return metas
}

// Stored reports whether a source was read, at least in part.
func Stored(s *source.Source) bool { return !s.Skipped && (s.Err == nil || s.Records > 0) }

// Skipped returns how many sources were in the store already.
func (l *Log) Skipped() int {
	n := 0
	for i := range l.Sources {
		if l.Sources[i].Skipped {
			n++
		}
	}
	return n
}

// Nothing is the error where nothing at all was found in the sources.
func (l *Log) Nothing() error {
	if l.Report.Total() > 0 || l.Skipped() > 0 || len(l.Failed) > 0 {
		return nil
	}
	return fmt.Errorf("no record found in %s", text.Plural(len(l.Sources), "source", "sources"))
}
