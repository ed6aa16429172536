package bundle

import (
	"bytes"
	"io"
	"io/fs"
)

// Disk is a disk for tests.
type Disk = disk

// On has a bundle written to a disk.
func (in Input) On(d Disk) Input {
	in.disk = d
	return in
}

// Real is the real disk, each operation of which goes through do.
func Real(do func(op, name string, effect func() error) error) Disk { return through{do} }

type through struct {
	do func(op, name string, effect func() error) error
}

func (t through) MkdirAll(dir string, mode fs.FileMode) error {
	return t.do("mkdir", dir, func() error { return realDisk{}.MkdirAll(dir, mode) })
}

func (t through) WriteFile(name string, text []byte, mode fs.FileMode) error {
	if err := t.do("write half of", name, func() error { return realDisk{}.WriteFile(name, text[:len(text)/2], mode) }); err != nil {
		return err
	}
	return t.do("write", name, func() error { return realDisk{}.WriteFile(name, text, mode) })
}

func (t through) Fill(name string, mode fs.FileMode, write func(io.Writer) error) error {
	return filled(t, name, mode, write)
}

// filled has a disk write at once what is written to a file.
func filled(d disk, name string, mode fs.FileMode, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return d.WriteFile(name, b.Bytes(), mode)
}

func (t through) Rename(from, to string) error {
	return t.do("rename", from, func() error { return realDisk{}.Rename(from, to) })
}

func (t through) Remove(name string) error {
	return t.do("remove", name, func() error { return realDisk{}.Remove(name) })
}

func (t through) RemoveAll(name string) error {
	return t.do("remove all of", name, func() error { return realDisk{}.RemoveAll(name) })
}

func (t through) Sync(name string) error {
	return t.do("sync", name, func() error { return realDisk{}.Sync(name) })
}

func (t through) Ahead(string, int) {}

func (t through) SyncBelow(dir string, _ int) error { return syncBelow(t, dir) }

// SyncsFileSystem reports whether so many files in a directory are made to last by syncing their file system.
func SyncsFileSystem(dir string) (bool, error) { return syncFileSystem(dir) }

// SyncEach syncs what is in a directory of a disk for tests, one by one.
func SyncEach(d Disk, dir string) error { return syncBelow(d, dir) }

// EagerDisk is the disk of the system as bundles are written to it.
func EagerDisk() Disk { return &eager{} }

// RealDisk is the disk of the system.
var RealDisk Disk = realDisk{}

// SameMeaning reports whether a bundle says what a former one said.
func (m *Manifest) SameMeaning(f *Former) (bool, error) { return m.sameMeaning(f) }
