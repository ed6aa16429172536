package bundle

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"sluice/model"
)

// disk is what changes files. Tests have one that fails, and one that loses what was not synced.
type disk interface {
	MkdirAll(dir string, mode fs.FileMode) error
	WriteFile(name string, text []byte, mode fs.FileMode) error
	// Fill makes a file of what is written to it, which may be too much to have at once.
	Fill(name string, mode fs.FileMode, write func(io.Writer) error) error
	Rename(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
	Sync(name string) error // has the content of a file, or the entries of a directory, outlast a loss of power
	// SyncBelow is Sync of a directory and of all that is in it, some n files and directories.
	SyncBelow(dir string, n int) error
	// Ahead may begin with that of n files that are written, while others are: SyncBelow says what came of it.
	Ahead(dir string, n int)
}

// realDisk is the disk of the system.
type realDisk struct{}

// MkdirAll looks at the directories above only where it has to: mostly they are there.
func (realDisk) MkdirAll(dir string, mode fs.FileMode) error {
	if os.Mkdir(dir, mode) == nil {
		return nil
	}
	return os.MkdirAll(dir, mode)
}

func (realDisk) WriteFile(name string, text []byte, mode fs.FileMode) error {
	return os.WriteFile(name, text, mode)
}

func (realDisk) Fill(name string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func (realDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (realDisk) Remove(name string) error     { return os.Remove(name) }
func (realDisk) RemoveAll(name string) error  { return os.RemoveAll(name) }

// Sync does nothing for a directory where the system or the file system cannot sync one.
func (realDisk) Sync(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	how := os.O_RDWR
	if info.IsDir() {
		how = os.O_RDONLY
	}
	f, err := os.OpenFile(name, how, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if info.IsDir() &&
		(runtime.GOOS == "windows" || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// many are so many files and directories that they are synced with their whole file system.
const many = 2000

// Ahead does nothing: see eager.
func (realDisk) Ahead(string, int) {}

// SyncBelow syncs one by one, or of thousands the whole file system, which writes them in one go: each file by itself
// takes several writes. It waits for what others write there, too.
func (d realDisk) SyncBelow(dir string, n int) error {
	if n >= many {
		if done, err := syncFileSystem(dir); done {
			return err
		}
	}
	return syncBelow(d, dir)
}

// eager is the disk of the system, which writes many files while others are made.
type eager struct {
	realDisk
	begun sync.WaitGroup
	mu    sync.Mutex
	err   error // of what was begun: the system tells it once
}

// Ahead syncs the file system where SyncBelow will.
func (e *eager) Ahead(dir string, n int) {
	if n < many {
		return
	}
	e.begun.Go(func() {
		_, err := syncFileSystem(dir)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.err = errors.Join(e.err, err)
	})
}

func (e *eager) SyncBelow(dir string, n int) error {
	e.begun.Wait()
	return errors.Join(e.err, e.realDisk.SyncBelow(dir, n))
}

// syncBelow syncs a directory with all that is in it.
func syncBelow(on disk, dir string) error {
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && (d.IsDir() || d.Type().IsRegular()) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return syncEach(on, names)
}

// syncEach syncs many at once: a file system makes what waits together last by one write.
func syncEach(on disk, names []string) error {
	const atOnce = 16
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for first := range min(atOnce, len(names)) {
		wg.Go(func() {
			for i := first; i < len(names); i += atOnce {
				errs[i] = on.Sync(names[i])
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// writeFiles writes directories beside each other: a file system takes longer to make a file than to fill it.
func writeFiles(on disk, dir string, files map[string][]byte) error {
	in := map[string][]string{}
	for name := range files {
		in[path.Dir(name)] = append(in[path.Dir(name)], name)
	}
	dirs := slices.Sorted(maps.Keys(in))
	errs := make([]error, len(dirs))
	model.Each(len(dirs), func(i int) {
		if err := on.MkdirAll(filepath.Join(dir, filepath.FromSlash(dirs[i])), 0o755); err != nil {
			errs[i] = fmt.Errorf("make directory %s: %w", dirs[i], err)
			return
		}
		for _, name := range in[dirs[i]] {
			if errs[i] = writeFile(on, dir, name, files[name]); errs[i] != nil {
				return
			}
		}
	})
	return cmp.Or(errs...)
}

// writeFile writes a file into a directory that is there.
func writeFile(on disk, dir, name string, text []byte) error {
	if err := on.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeJSON writes an object as encode does, and returns the digest of the file.
func writeJSON(on disk, dir, name string, object any) (digest string, err error) {
	hash := sha256.New()
	err = on.Fill(filepath.Join(dir, name), 0o644, func(w io.Writer) error {
		return encodeTo(io.MultiWriter(w, hash), object)
	})
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return digestText(hash.Sum(nil)), nil
}
