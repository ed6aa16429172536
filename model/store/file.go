package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tmpSuffix ends the names of files that are not finished: no pattern for Parquet or JSON files matches them.
const tmpSuffix = ".tmp"

// pending is a file on its way into the store: written under a temporary name, sealed (on disk, digest known), then renamed.
type pending struct {
	f    *os.File
	w    *bufio.Writer
	hash hash.Hash
	size int64
}

// create opens a file under its temporary name. A file of that name is what a dead writer left, and is replaced.
func create(tmp string) (*pending, error) {
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	return &pending{f: f, hash: h, w: bufio.NewWriterSize(io.MultiWriter(f, h), 64<<10)}, nil
}

// Write adds to the file.
func (f *pending) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.size += int64(n)
	return n, err
}

// seal puts the content on disk and closes the file.
func (f *pending) seal() error {
	if err := f.w.Flush(); err != nil {
		return err
	}
	if err := f.f.Sync(); err != nil {
		return err
	}
	return f.f.Close()
}

func (f *pending) digest() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// publish gives the file its final name. The directory must be synced afterwards.
func (f *pending) publish() error {
	return os.Rename(f.f.Name(), strings.TrimSuffix(f.f.Name(), tmpSuffix))
}

// discard removes the file under its temporary name, if it is still there.
func (f *pending) discard() error {
	_ = f.f.Close() // closed already when sealed
	if err := os.Remove(f.f.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeDir makes the directory rel below root and syncs every directory that holds a new one.
func makeDir(root, rel string) error {
	dir := filepath.Join(root, filepath.FromSlash(rel))
	if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if err := syncDir(d); err != nil {
			return err
		}
		if d == filepath.Clean(root) {
			return syncDir(filepath.Dir(d))
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
