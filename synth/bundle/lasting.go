package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// lasting is a disk that knows which directories changed since they were last synced. What it takes from readyDir is
// not among them: a file that is there once more is put in place once more. It is not for use by several at once.
type lasting struct {
	disk
	changed map[string]bool
}

func newLasting(d disk) *lasting { return &lasting{d, map[string]bool{}} }

func (l *lasting) change(name string) {
	if dir := filepath.Dir(name); !slices.Contains(strings.Split(filepath.ToSlash(dir), "/"), readyDir) {
		l.changed[dir] = true
	}
}

// MkdirAll also has the directories above last that it makes.
func (l *lasting) MkdirAll(dir string, mode fs.FileMode) error {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		l.change(at)
	}
	return l.disk.MkdirAll(dir, mode)
}

func (l *lasting) Rename(from, to string) error {
	l.change(to)
	return l.disk.Rename(from, to)
}

func (l *lasting) Remove(name string) error {
	l.change(name)
	return l.disk.Remove(name)
}

func (l *lasting) RemoveAll(name string) error {
	l.change(name)
	return l.disk.RemoveAll(name)
}

// settle syncs the directories that changed. Before what follows is done, what was done lasts.
func (l *lasting) settle() error {
	var dirs []string
	for dir := range l.changed {
		if _, err := os.Lstat(dir); err == nil { // not removed since
			dirs = append(dirs, dir)
		}
	}
	clear(l.changed)
	return syncEach(l.disk, dirs)
}
