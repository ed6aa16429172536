// Package cache keeps files of a store that lies far away in a directory of this machine, by their SHA-256, so that
// they are fetched once. It is never believed: what it gives is checked as what the store gives, and damage is a file
// that is fetched again. Any number of processes may share a directory; together they keep it within its bound.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"sluice/model/store"
)

// Files are files of a store with a cache before them.
type Files struct {
	store.Files
	dir   string
	bound int64

	files, bytes atomic.Int64 // that had not to be fetched
	failed       atomic.Pointer[error]
}

// folder is where in a directory the files lie: nothing else there is ever removed.
const folder = "sluice-segments"

// New puts a cache of so many bytes in a directory before files.
func New(files store.Files, dir string, bound int64) (*Files, error) {
	c := &Files{Files: files, dir: filepath.Join(dir, folder), bound: bound}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return c, nil
}

// Ahead is how many files are read at once.
func (c *Files) Ahead() int {
	if d, ok := c.Files.(store.Distant); ok {
		return d.Ahead()
	}
	return 1
}

// Traffic is that of the files behind the cache.
func (c *Files) Traffic() (requests, bytes int64) {
	if m, ok := c.Files.(store.Metered); ok {
		return m.Traffic()
	}
	return 0, 0
}

// Saved returns how many files had not to be fetched, and their bytes; the error is why the cache keeps no more, nil if
// it does.
func (c *Files) Saved() (files, bytes int64, err error) {
	if e := c.failed.Load(); e != nil {
		err = *e
	}
	return c.files.Load(), c.bytes.Load(), err
}

func (c *Files) name(digest string) string { return filepath.Join(c.dir, digest) }

// Cached returns the file of a digest, nil if it is not there. One that is damaged is removed.
func (c *Files) Cached(digest string) []byte {
	if !isDigest(digest) {
		return nil
	}
	data, err := os.ReadFile(c.name(digest))
	if err != nil {
		return nil
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		_ = os.Remove(c.name(digest))
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(c.name(digest), now, now) // what was used last is removed last
	c.files.Add(1)
	c.bytes.Add(int64(len(data)))
	return data
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// Keep puts a file that was fetched into the cache. A cache that cannot be written to is none: the answer is the same.
func (c *Files) Keep(digest string, data []byte) {
	if int64(len(data)) > c.bound || !isDigest(digest) || c.failed.Load() != nil {
		return
	}
	if err := c.keep(digest, data); err != nil {
		err = fmt.Errorf("cache: %w", err)
		c.failed.Store(&err)
	}
}

// unfinished begins the name of a file that is being written.
const unfinished = "new-"

// keep makes room and writes a file, while no other process does. A process that is killed amid it leaves a file of
// another name, which the next one removes.
func (c *Files) keep(digest string, data []byte) (err error) {
	lock := flock.New(filepath.Join(c.dir, "lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := os.Stat(c.name(digest)); err == nil {
		return nil // another process was faster
	}
	if err := c.makeRoom(int64(len(data))); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, unfinished)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.name(digest))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// makeRoom removes what was not used for the longest time until there is room for so many bytes.
func (c *Files) makeRoom(need int64) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var kept []fs.FileInfo
	size := need
	for _, e := range entries {
		fi, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist): // damaged, and removed by who read it
		case err != nil:
			return err
		case strings.HasPrefix(e.Name(), unfinished):
			if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil {
				return err
			}
		case isDigest(e.Name()):
			kept, size = append(kept, fi), size+fi.Size()
		}
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, fi := range kept {
		if size <= c.bound {
			break
		}
		if err := os.Remove(c.name(fi.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		size -= fi.Size()
	}
	return nil
}
