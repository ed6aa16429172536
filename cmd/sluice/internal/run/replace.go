package run

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

// ReplaceFile writes a file at once: after a failure the former one is there, whole, or none. A link stays one, and
// what is no file, such as a pipe, is written to. What a killed run has left beside it goes.
func ReplaceFile(path string, text []byte) error {
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
	sweep(filepath.Dir(path), prefix)
	return nil
}

// sweep removes the files of a prefix that were left by who was killed. Those of who is at work are younger: whose is
// taken for one fails, and is told.
func sweep(dir, prefix string) {
	const atWork = 10 * time.Second
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if fi, err := e.Info(); err == nil && time.Since(fi.ModTime()) > atWork {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
