// Package source finds the records of files, directories and standard input: how objects stand in lines, arrays,
// answers and events, and inside of what container runtimes and log pipelines put around them. It knows formats by a
// list that it is given, and asks them what is a record.
package source

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/model"
)

// Options say how to read.
type Options struct {
	Workers  int                        // how many records are decoded at once, 0 for one a processor
	Formats  []ingest.Format            // what there may be, the most particular first
	NewSink  func() ingest.Sink         // makes the sink of one worker
	Tables   model.Tables               // where endpoints and names are interned
	Progress func(bytes, records int64) // told what came on top since the last call, by any worker; may be nil
	// Past is what earlier runs have read, bytes by digest: a file that is in it, or that this run has had already, is
	// skipped, and of one that has grown since only the new lines are read. Nil: nothing is skipped, and digests are
	// computed only if Digests asks for them.
	Past    map[string]int64
	Digests bool
	// Remote returns the input of a name that is no file, nil where it is one. It may be nil.
	Remote func(name string) Remote

	block int // bytes that a worker takes at once of what is no line a record, 0 for blockSize
}

// Remote is an input on a server. It counts as a whole: one that breaks off is read again the next time.
type Remote interface {
	// Sum asks how many bytes there are to read, and for what tells them from others.
	Sum(ctx context.Context) (bytes int64, digest string, err error)
	// Open begins to read.
	Open(ctx context.Context) (RemoteText, error)
}

// RemoteText is what is read of an input on a server.
type RemoteText interface {
	io.ReadCloser
	// Digest is Sum of what was read.
	Digest() (bytes int64, digest string)
}

// ErrEmpty is in the Err of a source that was read whole and holds no record.
var ErrEmpty = errors.New("empty: no record in it")

// Source is what was read of one input.
type Source struct {
	Name    string
	Records int64
	Bytes   int64 // as stored, before decompression
	Format  string
	Digest  string // XXH3 of 128 bits, in hexadecimal; empty where nobody asked or nothing can be read twice
	Err     error
	Skipped bool
	Had     string // the digest of what of it was read by an earlier run: all of it, or its beginning
	Remote  bool   // it is on a server
	// Alike is the name of a source before it that begins with the same record, as a log does that was packed and kept.
	Alike string

	begins bool   // a record begins it,
	means  uint64 // which means this
}

// Summary is what was read.
type Summary struct {
	Sources []Source
}

// Read reads all inputs: files, directories with all files in them, and "-" for stdin. Small files, and those that are
// packed, are read beside each other, all others by all workers and one after the other. What is wrong with one input
// stands in its Source and keeps no other from being read.
func Read(ctx context.Context, inputs []string, stdin io.Reader, o Options) (Summary, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	r := &reader{options: o, block: cmp.Or(o.block, blockSize), run: &run{ctx: ctx, signs: newSigns(o.Formats),
		earlier: slices.Sorted(maps.Values(o.Past)), sizes: map[int64]bool{}, digests: map[string]bool{},
		seed: maphash.MakeSeed()}}
	r.earlier = slices.Compact(r.earlier)
	for digest := range o.Past {
		r.digests[digest] = true
	}
	for _, f := range o.Formats {
		r.decoders = append(r.decoders, f.New(o.Tables))
	}
	var names []string
	for _, in := range inputs {
		names = append(names, o.files(in)...)
	}
	q := &queue{reader: r, stdin: stdin}
	defer q.close()
	for i, name := range names {
		if ctx.Err() == nil {
			q.read(name, i+1 < len(names))
		}
	}
	return q.sum(), ctx.Err()
}

// files lists the files that an input stands for.
func (o *Options) files(in string) []string {
	if o.Remote != nil && o.Remote(in) != nil {
		return []string{in}
	}
	return files(in)
}

// files lists the files of a directory and those that links in it lead to, each once, hidden ones aside, and pipes and
// devices, which have no end. Anything else stands for itself; opening it will say why it cannot be read.
func files(in string) []string {
	fi, err := os.Stat(in)
	if in == "-" || err != nil || !fi.IsDir() {
		return []string{in}
	}
	root := in + string(filepath.Separator) // a link itself perhaps
	var found, links []string
	_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch hidden := p != root && strings.HasPrefix(d.Name(), "."); {
		case err != nil:
			found = append(found, p)
		case hidden && d.IsDir():
			return filepath.SkipDir
		case hidden:
		case d.Type().IsRegular():
			found = append(found, p)
		case d.Type() == fs.ModeSymlink:
			if fi, err := os.Stat(p); err != nil || fi.IsDir() || fi.Mode().IsRegular() {
				links = append(links, p)
			}
		}
		return nil
	})
	seen := map[string]bool{}
	for _, p := range found {
		seen[target(p)] = true
	}
	for _, p := range links {
		if t := target(p); !seen[t] {
			seen[t] = true
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return []string{in}
	}
	return found
}

// target is where a path leads to, itself if nowhere.
func target(p string) string {
	if t, err := filepath.EvalSymlinks(p); err == nil {
		return t
	}
	return p
}

// plain strips an error of the path, which the caller adds.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
