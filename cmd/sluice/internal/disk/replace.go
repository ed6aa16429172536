// Package disk owns how the files of this machine are opened, replaced and made for a while: what a killed run has left
// goes, and nothing is waited for that may never come. What is in a file is others'.
package disk

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Replace writes a file at once: after a failure the former one is there, whole, or none. A link stays one, and
// what is no file, such as a pipe, is written to. What a killed run has left beside it goes.
func Replace(path string, text []byte) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	mode := fs.FileMode(0o644)
	if fi, err := os.Stat(path); err == nil {
		if !fi.Mode().IsRegular() {
			return os.WriteFile(path, text, mode)
		}
		mode = fi.Mode().Perm()
	}
	prefix := fmt.Sprintf(".sluice-%08x-", crc32.ChecksumIEEE([]byte(filepath.Base(path)))) // however long its name is
	f, err := os.CreateTemp(filepath.Dir(path), prefix+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	sweep(filepath.Dir(path), prefix, 10*time.Second) // who is at work takes milliseconds
	return nil
}

// sweep removes what has a prefix and did not change for an age: who made it was killed. Whose is taken for such fails,
// and is told.
func sweep(dir, prefix string, age time.Duration) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if fi, err := e.Info(); err == nil && time.Since(fi.ModTime()) > age {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
