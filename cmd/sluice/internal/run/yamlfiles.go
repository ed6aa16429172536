package run

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/synth/bundle"
	"sluice/synth/render"
)

// eachYAML calls do for a file, or for each file of YAML or JSON in a directory and those below it, but for hidden
// ones and the evidence of bundles, in the order of their names. The directory may be a link, as git-sync makes one; a
// link to another directory below it is an error: it is neither followed, perhaps for ever, nor left out in silence.
func eachYAML(path string, do func(file string) error) error {
	root := path
	if isDir(path) {
		root = path + string(filepath.Separator)
	}
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && p != root
		switch ext := strings.ToLower(filepath.Ext(p)); {
		case d.IsDir() && (hidden || d.Name() == bundle.EvidenceDir && bundle.Is(filepath.Dir(p))):
			return filepath.SkipDir
		case d.IsDir() || hidden:
			return nil
		case d.Type() == fs.ModeSymlink && isDir(p):
			return fmt.Errorf("%s: links to directories are not followed: give the directory itself", p)
		case p != root && ext != ".yaml" && ext != ".yml" && ext != ".json":
			return nil
		}
		if p != root {
			if err := render.Inside(root, p); err != nil {
				return err
			}
		}
		return do(p)
	})
}

// maxYAML is how many bytes a file may have: read, it takes many times as much memory.
const maxYAML = 256 << 20

// readYAML reads a file that others may have written.
func readYAML(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxYAML+1))
	if len(text) > maxYAML {
		return nil, fmt.Errorf("%s has more than %d MiB: split it", file, maxYAML>>20)
	}
	return text, err
}

func isDir(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
