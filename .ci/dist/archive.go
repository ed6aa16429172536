package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// entry is a file of an archive.
type entry struct {
	name, from string
	mode       int64
}

// pack writes the archive of a target: a zip for Windows, else a tar.gz.
func (d *dist) pack(b *built) (err error) {
	list, err := d.entries(b)
	if err != nil {
		return err
	}
	ending, write := ".tar.gz", d.tarGz
	if b.os == "windows" {
		ending, write = ".zip", d.zip
	}
	b.archive = d.name(b) + ending
	f, err := os.Create(filepath.Join(d.out, b.archive))
	if err != nil {
		return err
	}
	if err := errors.Join(write(f, list), f.Close()); err != nil {
		return err
	}
	b.digest, err = digest(f.Name())
	return err
}

// entries are the program, what is made of its commands, and what says what it is: a LICENSE as soon as there is one.
func (d *dist) entries(b *built) ([]entry, error) {
	list := []entry{{filepath.Base(b.program), b.program, 0o755}}
	for name, from := range map[string]string{
		"README.md": "README.md", "LICENSE": "LICENSE", "THIRD-PARTY.txt": ".ci/supply/licences.txt",
	} {
		from = filepath.Join(d.root, from)
		if _, err := os.Stat(from); err == nil {
			list = append(list, entry{name, from, 0o644})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	docs := filepath.Join(d.work, "docs")
	err := filepath.WalkDir(docs, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(docs, p)
		mode := int64(0o644)
		if e.Name() == "kubectl_complete-sluice" {
			mode = 0o755
		}
		list = append(list, entry{filepath.ToSlash(rel), p, mode})
		return err
	})
	slices.SortFunc(list[1:], func(a, b entry) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list, err
}

func (d *dist) tarGz(w io.Writer, list []entry) error {
	z := gzip.NewWriter(w)
	return errors.Join(d.tar(z, list), z.Close())
}

func (d *dist) tar(w io.Writer, list []entry) error {
	t := tar.NewWriter(w)
	for _, e := range list {
		text, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(text)), ModTime: d.at, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(text); err != nil {
			return err
		}
	}
	return t.Close()
}

func (d *dist) zip(w io.Writer, list []entry) error {
	z := zip.NewWriter(w)
	for _, e := range list {
		text, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: d.at}
		h.SetMode(fs.FileMode(e.mode))
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(text); err != nil {
			return err
		}
	}
	return z.Close()
}
