//go:build !unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// acquire takes the lock that a file stands for: it is there while a writer is. Where a writer was killed it must be
// removed by hand.
func acquire(name string) (release func() error, err error) {
	name += ".held"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w; if none is, remove %s", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(f.Close(), os.Remove(name)) }, nil
}
