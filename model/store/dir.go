package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tmpSuffix ends the names of files that are not finished: no pattern for Parquet or JSON files matches them.
const tmpSuffix = ".tmp"

// Dir returns the files in a directory of this machine. A file is written under a temporary name, synced, given its
// name by a link, which fails where the name is taken, and then its directory is synced.
func Dir(dir string) Files { return newDirFiles(dir, hostSystem{}) }

// dirFiles are the files in a directory.
type dirFiles struct {
	root string
	sys  system
	mu   sync.Mutex
	made map[string]bool // directories that are known to survive the loss of power
	// untidy is set when something is left that Tidy has to remove.
	untidy atomic.Bool
}

// system is what the directory asks of the operating system, so that a test can make each single step fail.
type system interface {
	create(name string) (sysFile, error) // a new file, or fs.ErrExist
	open(name string) (sysFile, error)
	link(from, to string) error // or fs.ErrExist, or errors.ErrUnsupported
	rename(from, to string) error
	remove(name string) error // a file, or a directory with nothing in it
	mkdir(name string) error
	sync(dir string) error
	list(dir string) ([]fs.DirEntry, error) // sorted by name
	stat(name string) (fs.FileInfo, error)
	truncate(name string) error
	lock(name string) (unlock func() error, err error) // or ErrLocked
}

// sysFile is an open file.
type sysFile interface {
	io.ReadWriteCloser
	Sync() error
	Stat() (fs.FileInfo, error)
}

func newDirFiles(dir string, sys system) *dirFiles {
	return &dirFiles{root: filepath.Clean(dir), sys: sys, made: map[string]bool{}}
}

// String is the directory.
func (d *dirFiles) String() string { return d.root }

func (d *dirFiles) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// Put stores a new file.
func (d *dirFiles) Put(name string, write func(io.Writer) error) error {
	final := d.path(name)
	if _, err := d.sys.stat(final); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = &fs.PathError{Op: "put", Path: final, Err: fs.ErrExist}
		}
		return err
	}
	dir := filepath.Dir(final)
	if err := d.makeDir(dir); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%08x%s", final, rand.Uint32(), tmpSuffix)
	if err := d.writeFile(tmp, write); err != nil {
		return d.discard(err, tmp)
	}
	err := d.sys.link(tmp, final)
	if errors.Is(err, errors.ErrUnsupported) {
		if err := d.sys.rename(tmp, final); err != nil {
			return d.discard(err, tmp)
		}
		return d.sys.sync(dir)
	}
	if err != nil {
		return d.discard(err, tmp)
	}
	if d.sys.remove(tmp) != nil {
		d.untidy.Store(true)
	}
	return d.sys.sync(dir)
}

// writeFile writes a new file and syncs its content.
func (d *dirFiles) writeFile(tmp string, write func(io.Writer) error) error {
	f, err := d.sys.create(tmp)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// discard removes an unfinished file; what cannot be removed now, Tidy removes.
func (d *dirFiles) discard(err error, tmp string) error {
	if rmErr := d.sys.remove(tmp); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
		d.untidy.Store(true)
	}
	return err
}

// makeDir makes a directory below the root, with those above it, and syncs every one that holds a new one. One that was
// there before this process may not have been synced, if its maker was killed; one that was known may have been
// removed.
func (d *dirFiles) makeDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made[dir] {
		if _, err := d.sys.stat(dir); err == nil {
			return nil
		}
		clear(d.made)
	}
	err := d.makeBelow(dir)
	if errors.Is(err, fs.ErrNotExist) {
		clear(d.made)
		err = d.makeBelow(dir)
	}
	return err
}

func (d *dirFiles) makeBelow(dir string) error {
	if d.made[dir] {
		return nil
	}
	if dir == d.root {
		if err := d.makeAll(dir); err != nil {
			return err
		}
		d.made[dir] = true
		return nil
	}
	above := filepath.Dir(dir)
	if err := d.makeBelow(above); err != nil {
		return err
	}
	if err := d.sys.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.sys.sync(above); err != nil {
		return err
	}
	d.made[dir] = true
	return nil
}

// makeAll makes the root and what is missing above it.
func (d *dirFiles) makeAll(dir string) error {
	err := d.sys.mkdir(dir)
	if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := d.makeAll(above); err != nil {
			return err
		}
		err = d.sys.mkdir(dir)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.sys.sync(filepath.Dir(dir))
}

// Get opens a file.
func (d *dirFiles) Get(name string) (io.ReadCloser, int64, error) {
	f, err := d.sys.open(d.path(name))
	if err != nil {
		return nil, 0, err
	}
	size := int64(-1)
	if fi, err := f.Stat(); err == nil {
		size = fi.Size()
	}
	return f, size, nil
}

// List returns the names of the files below a directory.
func (d *dirFiles) List(dir string) (names []string, err error) {
	err = d.walk(dir, func(name string, isDir bool) error {
		if !isDir && !strings.HasSuffix(name, tmpSuffix) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// walk calls fn for all that is below a directory, with what is in a directory before the directory.
func (d *dirFiles) walk(dir string, fn func(name string, isDir bool) error) error {
	entries, err := d.sys.list(d.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			if err := d.walk(name, fn); err != nil {
				return err
			}
		}
		if err := fn(name, e.IsDir()); err != nil {
			return err
		}
	}
	return nil
}

// Modified returns when a file was put.
func (d *dirFiles) Modified(name string) (time.Time, error) {
	fi, err := d.sys.stat(d.path(name))
	if err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}

// Remove removes files, and the directories of segments that nothing is left in.
func (d *dirFiles) Remove(names ...string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		p := d.path(name)
		if err := d.sys.remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dirs[path.Dir(name)] = true
	}
	for dir := range dirs {
		for isPartition(dir) && d.sys.remove(d.path(dir)) == nil {
			dir = path.Dir(dir)
		}
		if err := d.sys.sync(d.path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isPartition reports whether a directory is one of a cluster or a day, which come and go.
func isPartition(dir string) bool {
	base := path.Base(dir)
	return strings.HasPrefix(base, "day=") || strings.HasPrefix(base, "cluster=")
}

// Tidy removes unfinished files and empty directories.
func (d *dirFiles) Tidy() error {
	d.untidy.Store(false)
	return d.walk(version, func(name string, isDir bool) error {
		switch {
		case isDir && isPartition(name):
			_ = d.sys.remove(d.path(name)) // not if something is in it
		case !isDir && strings.HasSuffix(name, tmpSuffix):
			return d.sys.remove(d.path(name))
		}
		return nil
	})
}

// dirtySuffix ends the name of the mark that lies beside a lock while it is held: one that is there already was left by
// a process that was killed.
const dirtySuffix = ".dirty"

// Lock takes the right of a name. Former versions wrote a byte into the lock's file in the place of the mark.
func (d *dirFiles) Lock(name string) (Right, error) {
	file := d.path(name)
	if err := d.makeDir(filepath.Dir(file)); err != nil {
		return Right{}, err
	}
	release, err := d.sys.lock(file)
	if err != nil {
		return Right{}, err
	}
	killed, err := d.mark(file)
	if err != nil {
		return Right{}, errors.Join(err, release())
	}
	return Right{Killed: killed, Unlock: func(clean bool) error {
		var err error
		if clean && !d.untidy.Load() {
			err = d.sys.remove(file + dirtySuffix)
		}
		return errors.Join(err, release())
	}}, nil
}

// mark puts the mark beside a lock and reports whether one was left.
func (d *dirFiles) mark(file string) (left bool, err error) {
	f, err := d.sys.create(file + dirtySuffix)
	if errors.Is(err, fs.ErrExist) {
		left = true
	} else if err = errors.Join(err, closeFile(f)); err != nil {
		return false, err
	}
	// It must be there after a loss of power, as what is written under the lock may be.
	if err := d.sys.sync(filepath.Dir(file)); err != nil {
		return false, err
	}
	fi, err := d.sys.stat(file)
	if err == nil && fi.Size() > 0 {
		left = true
		err = d.sys.truncate(file)
	}
	return left, err
}

func closeFile(f sysFile) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
