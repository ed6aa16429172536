// Package place finds the store that --store names: a directory, the URL of a bucket, or that of a database. It alone
// knows the clients of those; whoever reads and writes flows knows a Store.
package place

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/fileblob"  // file://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"sluice/model"
	"sluice/model/store"
	"sluice/model/store/bucket"
	"sluice/model/store/cache"
	"sluice/model/store/clickhouse"
)

// Store is all that commands ask of where flows are kept, in whatever way. It is safe for concurrent use, and sees what
// was there when it was opened, and what was written through it.
type Store interface {
	// Part returns what is there of a cluster, "" for all, and the sources that it came from.
	Part(cluster string) store.Part
	// Scan hands over the rows that are asked for. Rows of one key may come more than once and add up, and may be sums
	// over the minutes of an hour. What is missing is an error, never a smaller answer.
	Scan(ctx context.Context, o store.ScanOptions, fn func(t model.Tables, rows []model.Observation) error) error
	// Digests returns how many bytes the sources had, by digest.
	Digests() map[string]int64
	// Traffic returns how many requests of a service were made so far, and how many bytes it sent.
	Traffic() (requests, bytes int64)
	// Saved returns how many files a cache had, and their bytes; the error is why it keeps no more.
	Saved() (files, bytes int64, err error)
	// Writer begins a commit; the error is store.ErrLocked where another has to be waited for.
	Writer(o store.WriterOptions) (Writer, error)
	// LockStream takes the right to collect the live source of a name.
	LockStream(name string) (Lock, error)
	// SeenIDs returns the ids of a stream's newest records, and the watermark that they reach back to.
	SeenIDs(stream string) (ids []uint64, from int64, err error)
	// Compact keeps the store small, and drops what is too old.
	Compact(ctx context.Context, o store.CompactOptions) (store.Compaction, error)
}

// Writer writes one commit: all of it counts with Commit, nothing without. It serves one goroutine.
type Writer interface {
	Write(t model.Tables, rows []model.Observation) error
	Seen(ids []uint64, from int64) (store.Seen, error)
	Commit(sources []store.Source) error
	Abort() error
}

// Lock is the right to collect a stream.
type Lock interface{ Release() error }

// Files returns the files of the store at a directory or URL of a bucket.
func Files(ctx context.Context, at string) (store.Files, error) {
	switch {
	case clickhouse.IsURL(at):
		return nil, fmt.Errorf("%s keeps no files: this is for directories and buckets", clickhouse.Name(at))
	case bucket.IsURL(at):
		return bucket.Open(ctx, at)
	}
	return store.Dir(at), nil
}

// Open opens the store at a directory or URL; the error is store.ErrNoStore where there is none.
func Open(ctx context.Context, at string) (Store, error) {
	return open(ctx, at, store.OpenFiles)
}

// Cache is a directory of this machine that keeps what was fetched from a bucket; the zero value is none.
type Cache struct {
	Dir   string
	Bytes int64
}

// OpenCached opens the store at a URL of a bucket with a cache before it.
func OpenCached(ctx context.Context, at string, c Cache) (Store, error) {
	if c.Dir == "" {
		return Open(ctx, at)
	}
	if clickhouse.IsURL(at) || !bucket.IsURL(at) {
		return nil, fmt.Errorf("a cache is for a store in a bucket, and %s is none", at)
	}
	return open(ctx, at, func(f store.Files) (*store.Store, error) {
		cached, err := cache.New(f, c.Dir, c.Bytes)
		if err != nil {
			return nil, err
		}
		return store.OpenFiles(cached)
	})
}

// Create opens the store at a directory or URL and makes it where there is none. In a database Init makes it.
func Create(ctx context.Context, at string) (Store, error) {
	return open(ctx, at, store.CreateFiles)
}

func open(ctx context.Context, at string, files func(store.Files) (*store.Store, error)) (Store, error) {
	if clickhouse.IsURL(at) {
		st, err := clickhouse.Open(ctx, at)
		if err != nil {
			return nil, err
		}
		return inTables{st}, nil
	}
	f, err := Files(ctx, at)
	if err != nil {
		return nil, err
	}
	st, err := files(f)
	if errors.Is(err, store.ErrNoStore) && !bucket.IsURL(at) {
		if _, none := os.Stat(at); errors.Is(none, fs.ErrNotExist) {
			err = fmt.Errorf("%w: there is no such directory", err)
		}
	}
	if err != nil {
		return nil, err
	}
	return InFiles(st), nil
}

// Check reads a whole store; see store.Check.
func Check(ctx context.Context, at string) (*store.Checked, error) {
	if clickhouse.IsURL(at) {
		return clickhouse.Check(ctx, at)
	}
	files, err := Files(ctx, at)
	if err != nil {
		return nil, err
	}
	return store.Check(ctx, files)
}

// InFiles is a store of files as a Store.
func InFiles(st *store.Store) Store { return inFiles{st} }

type inFiles struct{ *store.Store }

// Writer begins a commit.
func (s inFiles) Writer(o store.WriterOptions) (Writer, error) {
	return orNil[Writer](s.Store.Writer(o))
}

// LockStream takes the right to collect a stream.
func (s inFiles) LockStream(name string) (Lock, error) { return orNil[Lock](s.Store.LockStream(name)) }

// SeenIDs returns the ids of a stream's newest records.
func (s inFiles) SeenIDs(stream string) (ids []uint64, from int64, err error) {
	st := s.Stream(stream)
	if st == nil {
		return nil, 0, nil
	}
	return s.Store.SeenIDs(st)
}

type inTables struct{ *clickhouse.Store }

// Writer begins a commit.
func (s inTables) Writer(o store.WriterOptions) (Writer, error) {
	return orNil[Writer](s.Store.Writer(o))
}

// LockStream takes the right to collect a stream.
func (s inTables) LockStream(name string) (Lock, error) { return orNil[Lock](s.Store.LockStream(name)) }

// orNil returns no value beside an error.
func orNil[I any](v I, err error) (I, error) {
	if err != nil {
		var none I
		return none, err
	}
	return v, nil
}
