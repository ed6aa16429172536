//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// lock is the right to write. It ends with the process, so that a writer that was killed leaves none; what it leaves is a
// byte in the lock's file, which tells the next one that there may be files to remove.
type lock struct {
	f     *os.File
	dirty bool // the writer before did not end by itself
}

func acquire(name string) (*lock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	l := &lock{f: f}
	if err := l.take(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *lock) take() error {
	err := syscall.EINTR
	for err == syscall.EINTR {
		err, _ = syscall.Flock(int(l.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB).(syscall.Errno)
	}
	switch err {
	case 0:
	case syscall.EWOULDBLOCK:
		return ErrLocked
	default:
		return &os.PathError{Op: "lock", Path: l.f.Name(), Err: err}
	}
	fi, statErr := l.f.Stat()
	if statErr != nil {
		return statErr
	}
	l.dirty = fi.Size() > 0
	_, writeErr := l.f.WriteAt([]byte("w"), 0)
	return writeErr
}

// release gives the lock up; clean says that no file is left behind.
func (l *lock) release(clean bool) error {
	var err error
	if clean {
		err = l.f.Truncate(0)
	}
	return errors.Join(err, l.f.Close())
}
