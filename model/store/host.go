package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// hostSystem is the system of this machine: the only code of the store that knows it.
type hostSystem struct{}

func (hostSystem) create(name string) (sysFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err // not a nil file in an interface
	}
	return f, nil
}

func (hostSystem) open(name string) (sysFile, error) {
	// Whoever opens a pipe waits for one that writes to it, and a device may have no end.
	if fi, err := os.Stat(name); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: no file: %w", name, ErrDamaged)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// link is not supported by all file systems, and those that lack it say so in several ways.
func (hostSystem) link(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		err = errors.ErrUnsupported
	}
	return err
}

func (hostSystem) rename(from, to string) error { return os.Rename(from, to) }

func (hostSystem) remove(name string) error { return os.Remove(name) }

func (hostSystem) mkdir(name string) error { return os.Mkdir(name, 0o777) }

func (hostSystem) sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (hostSystem) list(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (hostSystem) stat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

func (hostSystem) truncate(name string) error { return os.Truncate(name, 0) }

func (hostSystem) lock(name string) (unlock func() error, err error) {
	if fi, err := os.Lstat(name); err == nil && !fi.Mode().IsRegular() { // whoever made it may not write where it leads
		return nil, fmt.Errorf("%s is a link, or no file at all: remove it", name)
	}
	l := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	ok, err := l.TryLock()
	if err == nil && !ok {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l.Unlock, nil
}
