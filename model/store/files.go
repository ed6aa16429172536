package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Files is where a store keeps its files: all that the package asks of a file system, or of what serves as one. The
// names of files are paths with slashes, such as v1/commits/00000001-0123456789abcdef.json; directories come and go
// with their files. A file never changes. The methods are safe for concurrent use, and Package storetest tests what
// they promise.
type Files interface {
	// Put stores a new file; write is called with where its content goes. When Put returns nil the file is there for
	// good: it survives the loss of power. On an error of write nothing is stored. A name that is taken is fs.ErrExist,
	// and then the file that was there is still the same. After any other error the file may be there, whole, or not: no
	// name ever stands for a part of a file.
	Put(name string, write func(io.Writer) error) error
	// Get opens a file and returns its size, which may be -1: not known. The error is fs.ErrNotExist if there is none.
	Get(name string) (content io.ReadCloser, size int64, err error)
	// List returns the names of the files in a directory and those below it, sorted; of a directory that is not there,
	// none. A file that is put or removed meanwhile may be in it or not.
	List(dir string) ([]string, error)
	// Modified returns when a file was put. The error is fs.ErrNotExist if there is none.
	Modified(name string) (time.Time, error)
	// Remove removes files for good. One that is not there is no error.
	Remove(names ...string) error
	// Lock takes a right that one at a time can have, in this process and all others, and that ends with its process. The
	// error is ErrLocked if another has it.
	Lock(name string) (Right, error)
	// Tidy removes what a Put that was killed may have left and List does not return. Nothing may be put meanwhile.
	Tidy() error
	// String says where the files are, for people.
	String() string
}

// Right is what one at a time can have.
type Right struct {
	// Unlock gives it back. With clean false there may be files to clean up.
	Unlock func(clean bool) error
	// Killed reports whether the last one to have it was killed, or unlocked with clean false.
	Killed bool
	// Term tells how often the right was taken, where it can end before its holder does, who may go on without knowing: in
	// files that several machines share. There a Put of a commit fails also where another has put one of the same number.
	// It is 0 where the system ends a right with its process and never before.
	Term int64
	// Now returns the time by the clock that Modified tells; nil: by that of this machine.
	Now func() (time.Time, error)
}

func (r *Right) now() (time.Time, error) {
	if r.Now == nil {
		return time.Now(), nil
	}
	return r.Now()
}

// content is a file whose size and digest are known.
type content struct {
	size   int64
	digest string // SHA-256, in hex
}

// put stores a file and returns what was written.
func put(f Files, name string, write func(io.Writer) error) (c content, err error) {
	err = f.Put(name, func(w io.Writer) error {
		h := sha256.New()
		sum := &counter{w: io.MultiWriter(w, h)}
		buf := bufio.NewWriterSize(sum, 64<<10)
		if err := write(buf); err != nil {
			return err
		}
		if err := buf.Flush(); err != nil {
			return err
		}
		c = content{sum.n, hex.EncodeToString(h.Sum(nil))}
		return nil
	})
	return c, err
}

// counter counts the bytes that are written.
type counter struct {
	w io.Writer
	n int64
}

// Write writes to the file.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// named is a file as a commit names it.
type named struct {
	name, digest string
	most         int64 // bytes that it can have
}

// maxFile is how large a file of a store can be. Those that are written are a tenth of it.
const maxFile = 1 << 30

// read fills buf with a file that a commit names, and returns an error if it is not the one that was committed. What is
// checked is what is parsed: the file is not opened again. No more is read than the file can have.
func read(f Files, n named, buf *bytes.Buffer) error {
	name, digest, most := n.name, n.digest, min(n.most, maxFile)
	cache, _ := f.(Caching)
	if cache != nil {
		if data := cache.Cached(digest); data != nil {
			buf.Reset()
			_, _ = buf.Write(data)
			return nil
		}
	}
	r, size, err := f.Get(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("read %s/%s: committed, but not there: %w", f, name, ErrDamaged)
		}
		return err
	}
	defer r.Close()
	buf.Reset()
	buf.Grow(int(max(min(size, most), 0)) + bytes.MinRead)
	h := sha256.New()
	if _, err := io.Copy(buf, io.TeeReader(io.LimitReader(r, most+1), h)); err != nil {
		return fmt.Errorf("read %s/%s: %w", f, name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != digest {
		return fmt.Errorf(
			"read %s/%s: not the file that was committed (SHA-256 %.12s, want %.12s): %w",
			f,
			name,
			got,
			digest,
			ErrDamaged,
		)
	}
	if cache != nil {
		cache.Keep(digest, buf.Bytes())
	}
	return nil
}
