package propose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// entry is a file of a tree; links and submodules are entries too, and never followed.
type entry struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

func (e entry) regular() bool {
	return e.mode == filemode.Regular || e.mode == filemode.Executable || e.mode == filemode.Deprecated
}

// files are what a directory of a repository holds, by slash-separated names.
type files map[string]entry

// noTree is the hash of a directory that is not there.
var noTree = plumbing.ZeroHash

// under returns the hash of the tree of a directory in another, noTree where there is none.
func (r *repository) under(root plumbing.Hash, dir string) (plumbing.Hash, error) {
	if dir == "." {
		return root, nil
	}
	for part := range strings.SplitSeq(dir, "/") {
		t, err := r.TreeObject(root)
		if err != nil {
			return noTree, err
		}
		i := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == part })
		switch {
		case i < 0:
			return noTree, nil
		case t.Entries[i].Mode != filemode.Dir:
			return noTree, fmt.Errorf("%s of %s in the repository is no directory", part, dir)
		}
		root = t.Entries[i].Hash
	}
	return root, nil
}

// The bounds of what a repository may hold where the bundle belongs: a few bytes of a pack can be any number of files,
// and any length of one.
const (
	maxFiles = 100_000
	maxFile  = 64 << 20
)

// read lists the files of a tree.
func (r *repository) read(tree plumbing.Hash) (files, error) {
	out := files{}
	if tree == noTree {
		return out, nil
	}
	t, err := r.TreeObject(tree)
	if err != nil {
		return nil, err
	}
	w := object.NewTreeWalker(t, true, nil)
	defer w.Close()
	for seen := 0; ; {
		name, e, err := w.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if !safe(name) {
			return nil, fmt.Errorf("the repository has a file named %q", name)
		}
		if seen++; seen > maxFiles {
			return nil, fmt.Errorf("more than %d files are in the repository where the bundle belongs: give another --path", maxFiles)
		}
		if e.Mode != filemode.Dir {
			out[name] = entry{e.Mode, e.Hash}
		}
	}
}

// safe reports whether a name of a tree stays inside of the directory that it is written to.
func safe(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return false
		}
	}
	return filepath.IsLocal(filepath.FromSlash(name))
}

// lay writes the regular files to a directory. The others are left out: nothing is written through them.
func (r *repository) lay(list files, dir string) error {
	for name, e := range list {
		if !e.regular() {
			continue
		}
		text, err := r.text(e.hash)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) text(hash plumbing.Hash) ([]byte, error) {
	b, err := r.BlobObject(hash)
	if err != nil {
		return nil, err
	}
	if b.Size > maxFile {
		return nil, fmt.Errorf("a file of the repository where the bundle belongs has %d bytes: give another --path", b.Size)
	}
	from, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	return io.ReadAll(from)
}

// take reads a directory back, with what lay left out of the former files.
func (r *repository) take(dir string, former files) (files, error) {
	out := files{}
	for name, e := range former {
		if !e.regular() {
			out[name] = e
		}
	}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		for at := name; at != "."; at = path.Dir(at) {
			if e, ok := out[at]; ok && !e.regular() {
				return fmt.Errorf("%s of the repository is a link or another repository: nothing is written through it", at)
			}
		}
		return r.put(out, name, text, former[name].mode)
	})
	return out, err
}

// put adds a file with a text.
func (r *repository) put(list files, name string, text []byte, mode filemode.FileMode) error {
	if mode == filemode.Empty {
		mode = filemode.Regular
	}
	o := r.Storer.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, bytes.NewReader(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	hash, err := r.Storer.SetEncodedObject(o)
	list[name] = entry{mode, hash}
	return err
}

// write makes a tree of files, noTree of none.
func (r *repository) write(list files) (plumbing.Hash, error) {
	below := map[string]files{}
	var entries []object.TreeEntry
	for name, e := range list {
		dir, rest, ok := strings.Cut(name, "/")
		if !ok {
			entries = append(entries, object.TreeEntry{Name: name, Mode: e.mode, Hash: e.hash})
			continue
		}
		if below[dir] == nil {
			below[dir] = files{}
		}
		below[dir][rest] = e
	}
	for dir, list := range below {
		hash, err := r.write(list)
		if err != nil {
			return noTree, err
		}
		entries = append(entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: hash})
	}
	return r.tree(entries)
}

func (r *repository) tree(entries []object.TreeEntry) (plumbing.Hash, error) {
	if len(entries) == 0 {
		return noTree, nil
	}
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	o := r.Storer.NewEncodedObject()
	if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
		return noTree, err
	}
	return r.Storer.SetEncodedObject(o)
}

// sortName is what Git orders the entries of a tree by.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// with returns a tree in which the directory is another.
func (r *repository) with(root plumbing.Hash, dir string, tree plumbing.Hash) (plumbing.Hash, error) {
	if dir == "." {
		return tree, nil
	}
	first, rest, deeper := strings.Cut(dir, "/")
	var entries []object.TreeEntry
	at := noTree
	if root != noTree {
		t, err := r.TreeObject(root)
		if err != nil {
			return noTree, err
		}
		for _, e := range t.Entries {
			switch {
			case e.Name != first:
				entries = append(entries, e)
			case e.Mode == filemode.Dir:
				at = e.Hash
			default:
				return noTree, fmt.Errorf("%s of the repository is no directory", first)
			}
		}
	}
	if deeper {
		var err error
		if tree, err = r.with(at, rest, tree); err != nil {
			return noTree, err
		}
	}
	if tree != noTree {
		entries = append(entries, object.TreeEntry{Name: first, Mode: filemode.Dir, Hash: tree})
	}
	return r.tree(entries)
}
