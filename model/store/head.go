package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The head is an empty file of v1/head with the name of the newest commit: without it the loss of that commit would
// leave a smaller store that looks whole. It is written after the commit, so that it never names one that is not there;
// a writer that is killed between leaves it one behind, and the next writer makes up for that. The head of a new store
// names commit 0, that there is none. Stores of former versions have no head until they are written to.

// firstHead is the head of a store without commits.
const firstHead = "00000000-0000000000000000"

// head is what is known of the newest commit that was made.
type head struct {
	name   string // of its file, less the suffix; "" if nothing is known
	number int
}

func readHead(files Files) (h head, err error) {
	names, err := files.List(headDir)
	for _, name := range names {
		base := path.Base(name)
		if n, ok := commitNumber(base + commitSuffix); ok && n >= h.number {
			h = head{base, n}
		}
	}
	return h, err
}

// checkHead returns an error if the commit that the head names is neither there nor was replaced.
func (s *Store) checkHead(h head) error {
	if h.number > s.last {
		return fmt.Errorf("commit %d is %w: %s/%s tells that it was made: %w", h.number, errMissing, headDir, h.name,
			ErrDamaged)
	}
	for _, list := range [][]commit{s.commits, s.dead} {
		for _, c := range list {
			if c.Number == h.number && c.file != h.name+commitSuffix {
				return fmt.Errorf(
					"commit %d is %s, not the one that %s/%s names: %w",
					h.number,
					c.file,
					headDir,
					h.name,
					ErrDamaged,
				)
			}
		}
	}
	return nil
}

// checkNewest returns an error if there are files that only a commit after the newest can have written, and no writer
// that is at work or was killed: it leaves a mark. So the loss of the newest commit shows even with that of its head.
// Where files are shared nobody leaves one.
func (s *Store) checkNewest() error {
	if _, distant := s.files.(Distant); distant {
		return nil
	}
	for tries := 1; ; tries++ { // a writer may begin or end meanwhile
		names, err := s.files.List(version)
		if err != nil {
			return err
		}
		name, n := writtenAfter(s.newest(), names)
		if n == 0 || !slices.Contains(names, lockFile) { // which is what an unpacking left that was killed
			return nil
		}
		if marked, err := s.marked(); err != nil || marked {
			return err
		}
		if tries > 3 {
			return lostCommit(n, s.files, name)
		}
		if err := s.reload(); err != nil {
			return err
		}
	}
}

// marked reports whether a writer is at work or was killed.
func (s *Store) marked() (bool, error) {
	_, err := s.files.Modified(lockFile + dirtySuffix)
	if !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	r, size, err := s.files.Get(lockFile) // where former versions left their mark
	if err != nil {
		return false, err
	}
	return size > 0, r.Close()
}

// writtenAfter returns the first of the files that was written for a later commit than one, and for which, 0 if there
// is none.
func writtenAfter(number int, names []string) (name string, n int) {
	for _, name := range names {
		if n, ok := commitOf(path.Base(name)); ok && n > number {
			return name, n
		}
	}
	return "", 0
}

// writeHead makes the head name the newest commit, and removes those before. The store must be locked.
func (s *Store) writeHead() error {
	want := path.Join(headDir, strings.TrimSuffix(s.newestFile(), commitSuffix))
	names, err := s.files.List(headDir)
	if err != nil || len(names) == 1 && names[0] == want {
		return err
	}
	if err := putHead(s.files, want); err != nil {
		return err
	}
	var old []string
	for _, name := range names {
		if name != want {
			old = append(old, name)
		}
	}
	return s.files.Remove(old...)
}

func putHead(files Files, name string) error {
	err := files.Put(name, func(io.Writer) error { return nil })
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// newestFile is the name of the newest commit that is known.
func (s *Store) newestFile() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range [][]commit{s.commits, s.dead} {
		for _, c := range list {
			if c.Number == s.last {
				return c.file
			}
		}
	}
	return firstHead
}
