package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The head is an empty file of v1/head with the name of the newest commit: without it the loss of that commit would leave
// a smaller store that looks whole. It is written after the commit, so that it never names one that is not there; a
// writer that is killed between leaves it one behind, and the next writer makes up for that. Stores of former versions
// have none until they are written to.

// readHead returns the name of the newest commit that is known to have been made, less its suffix, and its number; 0
// where none is known.
func readHead(dir string) (name string, number int, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, headDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", 0, err
	}
	for _, e := range entries {
		if n, ok := commitNumber(e.Name() + commitSuffix); ok && n > number {
			name, number = e.Name(), n
		}
	}
	return name, number, nil
}

// checkHead returns an error if the commit that the head names is neither there nor was replaced.
func (s *Store) checkHead(name string, number int) error {
	if number > s.last {
		return fmt.Errorf("commit %d is %w: %s/%s tells that it was made: %w", number, errMissing, headDir, name, ErrDamaged)
	}
	for _, list := range [][]commit{s.commits, s.dead} {
		for _, c := range list {
			if c.Number == number && c.file != name+commitSuffix {
				return fmt.Errorf("commit %d is %s, not the one that %s/%s names: %w", number, c.file, headDir, name, ErrDamaged)
			}
		}
	}
	return nil
}

// writeHead makes the head name the newest commit, and removes those before. The store must be locked.
func (s *Store) writeHead() error {
	file := s.newestFile()
	if file == "" {
		return nil
	}
	name := strings.TrimSuffix(file, commitSuffix)
	dir := filepath.Join(s.dir, filepath.FromSlash(headDir))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) == 1 && entries[0].Name() == name {
		return nil
	}
	if err := makeDir(s.dir, headDir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), syncDir(dir)); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == name {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// newestFile is the name of the newest commit that is known, "" if there is none.
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
	return ""
}
