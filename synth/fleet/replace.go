package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// replace writes the files in the place of those of a former run. No link leads out of dir.
func replace(dir string, files map[string][]byte, force bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	former, err := formerFiles(root)
	if err != nil {
		return err
	}
	if err := theirs(root, former, files); err != nil && !force {
		return err
	}
	digests := map[string]string{}
	for name, text := range files {
		digests[name] = digestOf(text)
	}
	list, err := json.MarshalIndent(map[string]any{"apiVersion": "sluice/v1", "kind": "Fleet", "files": digests}, "", "  ")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
			return err
		}
		if err := root.WriteFile(name, files[name], 0o666); err != nil {
			return err
		}
	}
	for name := range former {
		if _, ok := files[name]; !ok {
			if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return root.WriteFile(listFile, append(list, '\n'), 0o666)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func formerFiles(root *os.Root) (map[string]string, error) {
	text, err := root.ReadFile(listFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var former struct {
		Files map[string]string `json:"files"`
	}
	if err := json.Unmarshal(text, &former); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(root.Name(), listFile), err)
	}
	for name := range former.Files { // whoever can commit to the directory can make it list anything
		if top, _, _ := strings.Cut(name, "/"); !Reserved(top) || !fs.ValidPath(name) {
			return nil, fmt.Errorf("%s lists the file %q, which is none of a fleet: that was written by hand. "+
				"Take it from an earlier revision, or learn into another directory", filepath.Join(root.Name(), listFile), name)
		}
	}
	return former.Files, nil
}

// theirs is the error for files among ours that are neither as a former run wrote them nor as this one does, which is
// what one that was killed leaves.
func theirs(root *os.Root, former map[string]string, files map[string][]byte) error {
	var found []string
	for _, top := range []string{ReviewFile, BaseDir, OverlayDir} {
		err := fs.WalkDir(root.FS(), top, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			text, err := root.ReadFile(name)
			if err != nil || !d.Type().IsRegular() || former[name] != digestOf(text) && !bytes.Equal(text, files[name]) {
				found = append(found, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("%s is not as the last run wrote it, nor is it a file of a cluster's bundle (%d such): move it, or give --force",
		filepath.Join(root.Name(), filepath.FromSlash(found[0])), len(found))
}
