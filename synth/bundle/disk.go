package bundle

import (
	"io/fs"
	"os"
)

// disk is what changes files. Tests have one that fails.
type disk interface {
	MkdirAll(dir string, mode fs.FileMode) error
	WriteFile(name string, text []byte, mode fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
}

// realDisk is the disk of the system.
type realDisk struct{}

func (realDisk) MkdirAll(dir string, mode fs.FileMode) error { return os.MkdirAll(dir, mode) }

func (realDisk) WriteFile(name string, text []byte, mode fs.FileMode) error {
	return os.WriteFile(name, text, mode)
}

func (realDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (realDisk) Remove(name string) error     { return os.Remove(name) }
func (realDisk) RemoveAll(name string) error  { return os.RemoveAll(name) }

// on returns the disk that a bundle is written to.
func (in *Input) on() disk {
	if in.disk == nil {
		return realDisk{}
	}
	return in.disk
}
