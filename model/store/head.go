package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
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
