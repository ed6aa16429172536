package render

import (
	"fmt"
	"os"
	"path/filepath"
)

// ReadInside reads a file in or below a directory whose content others may have written, such as who proposes a change
// to it.
func ReadInside(dir, file string) ([]byte, error) {
	if err := Inside(dir, file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// Inside returns an error unless a file may be read as one of a directory: a link that leads out of it would show what
// its author may not read, and a pipe or a device has no end.
func Inside(dir, file string) error {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		return err
	}
	if filepath.IsLocal(rel) && !hasLink(dir, rel) {
		fi, err := os.Lstat(file)
		if err != nil || fi.Mode().IsRegular() {
			return err
		}
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	top, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("%s leads out of %s: not read", file, dir)
	}
	if fi, err := os.Stat(real); err != nil {
		return err
	} else if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is a %s: not read", file, kindOf(fi))
	}
	return nil
}

// hasLink reports whether one of the directories between a directory and a file is a link.
func hasLink(dir, rel string) bool {
	for i, c := range rel {
		if c == filepath.Separator {
			if fi, err := os.Lstat(filepath.Join(dir, rel[:i])); err == nil && fi.Mode()&os.ModeSymlink != 0 {
				return true
			}
		}
	}
	return false
}

func kindOf(fi os.FileInfo) string {
	switch {
	case fi.IsDir():
		return "directory"
	case fi.Mode()&os.ModeNamedPipe != 0:
		return "pipe"
	}
	return "device or socket"
}
