//go:build !unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// lock is the right to write: its file is there while a writer is. Where a writer was killed it must be removed by hand.
type lock struct {
	f     *os.File
	dirty bool // always: nothing tells how the writer before ended
}

func acquire(name string) (*lock, error) {
	name += ".held"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w; if none is, remove %s", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	return &lock{f, true}, nil
}

// release gives the lock up.
func (l *lock) release(bool) error { return errors.Join(l.f.Close(), os.Remove(l.f.Name())) }
