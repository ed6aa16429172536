package bundle

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/render"
)

// ByHand is what people did in a bundle's directory. The names are slash-separated, relative and sorted.
type ByHand struct {
	Edited  []string // listed in bundle.json, with other content
	Removed []string // listed in bundle.json, and not there
	Extra   []string // policies of their own in extra/, which apply with the bundle
	Loose   []string // YAML among the bundle's own directories that nothing applies
	Foreign []string // all that is neither listed nor extra; a hidden directory is one
}

// Changed are the listed files that are not as they were written.
func (b *ByHand) Changed() []string {
	out := slices.Concat(b.Edited, b.Removed)
	slices.Sort(out)
	return out
}

// none reports whether people did nothing.
func (b *ByHand) none() bool {
	return len(b.Edited)+len(b.Removed)+len(b.Extra)+len(b.Loose)+len(b.Foreign) == 0
}

// place is the directory that a bundle is written to.
type place struct {
	ByHand
	dir   string
	owned map[string]string // the files of the former bundle with their digests, "" where nobody recorded one
	links map[string]bool
	// intact are files that are there as their digests say.
	intact map[string]bool
	// unlisted says that there is a former bundle that does not list its files.
	unlisted bool
}

// lookAt finds what is in dir, and what of it is as it was written. files are those that the former bundle lists, with
// their digests, if there is one.
func lookAt(dir string, former bool, files map[string]string) (*place, error) {
	p, err := find(dir, former, files)
	if err != nil {
		return p, err
	}
	return p, p.compare()
}

// find is lookAt without what takes reading the files.
func find(dir string, former bool, files map[string]string) (*place, error) {
	p := &place{dir: dir, owned: map[string]string{}, links: map[string]bool{}, intact: map[string]bool{}}
	if former {
		p.unlisted = files == nil
		p.owned[ManifestFile] = ""
		if _, ok := files[ignoreFile]; ok {
			p.owned[ReportFile], p.owned[ReportData] = "", ""
		}
		maps.Copy(p.owned, files)
		var list []byte
		file := filepath.Join(dir, filepath.FromSlash(evidenceList))
		if render.Inside(dir, file) == nil { // evidence that is elsewhere is not ours, and is not read either
			var err error
			if list, err = os.ReadFile(file); err != nil {
				return p, fmt.Errorf("look at evidence: %w", err)
			}
		}
		for name := range strings.Lines(string(list)) {
			if name = strings.TrimSuffix(name, "\n"); strings.HasPrefix(name, EvidenceDir+"/") && ours(name) {
				p.owned[name] = ""
			}
		}
	}
	return p, p.walk()
}

// ours reports whether a bundle may have a file of a name: what bundle.json lists is written over and removed, and
// whoever can commit to it can make it list anything.
func ours(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	top, below, _ := strings.Cut(name, "/")
	switch {
	case below == "":
		return slices.Contains([]string{ManifestFile, ReviewFile, PlacesFile, PictureFile, ReportFile, ReportData, ignoreFile,
			attributesFile}, name)
	case top == ExtraDir:
		return below == KustomizationFile
	}
	return !strings.Contains(name, "/.") && (top == EvidenceDir || slices.Contains(formDirs, top))
}

// compare finds which of the listed files are as their digests say.
func (p *place) compare() error {
	var names []string
	for name, digest := range p.owned {
		if digest != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	same, errs := make([]bool, len(names)), make([]error, len(names))
	model.Each(len(names), func(i int) {
		text, err := p.read(names[i])
		same[i], errs[i] = err == nil && digestOf(text) == p.owned[names[i]], err
	})
	for i, name := range names {
		switch err := errs[i]; {
		case errors.Is(err, fs.ErrNotExist):
			p.Removed = append(p.Removed, name)
		case err != nil:
			return fmt.Errorf("look at bundle: %w", err)
		case same[i]:
			p.intact[name] = true
		default:
			p.Edited = append(p.Edited, name)
		}
	}
	return nil
}

// walk finds what belongs to people.
func (p *place) walk() error {
	err := filepath.WalkDir(p.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == p.dir {
			return err
		}
		rel, err := filepath.Rel(p.dir, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if name == newDir || name == readyDir {
			return filepath.SkipDir
		}
		if d.Type() == fs.ModeSymlink {
			p.links[name] = true
		}
		_, owned := p.owned[name]
		hidden := strings.HasPrefix(d.Name(), ".")
		switch {
		case owned || d.IsDir() && !hidden:
		case isExtra(name) && d.Type().IsRegular():
			p.Extra = append(p.Extra, name)
		case d.IsDir():
			p.Foreign = append(p.Foreign, name)
			return filepath.SkipDir
		default:
			p.Foreign = append(p.Foreign, name)
			if top, _, _ := strings.Cut(name, "/"); isYAML(name) && slices.Contains(formDirs, top) {
				p.Loose = append(p.Loose, name)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isExtra reports whether a file is a policy of people that applies with the bundle.
func isExtra(name string) bool {
	return strings.HasPrefix(name, ExtraDir+"/") && isYAML(name) && path.Base(name) != KustomizationFile &&
		!strings.Contains(name, "/.")
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// read reads a file of the place, and nothing through a link or from a pipe.
func (p *place) read(name string) ([]byte, error) {
	if link := p.link(name); link != "" {
		return []byte(link + " is a link"), nil // other than what was written
	}
	return render.ReadInside(p.dir, filepath.Join(p.dir, filepath.FromSlash(name)))
}

// has reports whether a file is there with a digest: then it need not be written.
func (p *place) has(name, digest string) bool { return p.intact[name] && p.owned[name] == digest }

// kept are those of some files, with their digests, that are there already.
func (p *place) kept(digests map[string]string) map[string]bool {
	out := map[string]bool{}
	for name, digest := range digests {
		if p.has(name, digest) {
			out[name] = true
		}
	}
	return out
}

// made is how many of some files had to be written.
func (p *place) made(digests map[string]string) int { return len(digests) - len(p.kept(digests)) }

// lists copies from the place of a bundle the kustomizations over what changes: while it changes they are not there. It
// returns how many they are.
func (p *place) lists(on disk, dir string, digests map[string]string, changed []string) (int, error) {
	over := map[string]bool{}
	for _, name := range changed {
		for at := path.Dir(name); !over[at]; at = path.Dir(at) {
			over[at] = true
		}
	}
	files := map[string][]byte{}
	for name := range p.kept(digests) {
		if path.Base(name) != KustomizationFile || !over[path.Dir(name)] {
			continue
		}
		var err error
		if files[name], err = p.read(name); err != nil {
			return 0, fmt.Errorf("keep %s: %w", name, err)
		}
	}
	return len(files), writeFiles(on, dir, files)
}

// link returns the link on the way to a file, "" for none.
func (p *place) link(name string) string {
	if len(p.links) == 0 {
		return ""
	}
	for at := name; at != "."; at = path.Dir(at) {
		if p.links[at] {
			return at
		}
	}
	return ""
}

// refuses says why the files cannot be written to the place without taking from people what is theirs.
func (p *place) refuses(files []string, force bool) error {
	for _, name := range files {
		if link := p.link(name); link != "" && link != name {
			return fmt.Errorf("%s in %s is a link: nothing is written through links, remove it", link, p.dir)
		}
	}
	if force {
		return nil
	}
	if p.unlisted {
		return fmt.Errorf(
			"%s in %s does not list its files, so that edits cannot be told from them: give another directory, or --force to write over them",
			ManifestFile,
			p.dir,
		)
	}
	for _, name := range p.Foreign {
		if slices.Contains(files, name) {
			return fmt.Errorf(
				"%s is not of the former bundle, and this one has a file of that name: move it to %s/, or give --force to write over it",
				filepath.Join(p.dir, filepath.FromSlash(name)),
				ExtraDir,
			)
		}
	}
	return nil
}

// install replaces the former bundle by the one in readyDir. Done again after a kill it goes on from there. While files
// of both are in a directory it has no kustomization, so that nobody applies a mixture of them. A loss of power is no
// other: each step lasts before the next.
func install(on *lasting, dir string) error {
	ready := filepath.Join(dir, readyDir)
	if fi, err := os.Lstat(ready); err == nil && !fi.IsDir() {
		return fmt.Errorf("put bundle in place: %s is no directory: no run of sluice left that; remove it", ready)
	}
	stale, err := render.ReadInside(ready, filepath.Join(ready, staleFile))
	if errors.Is(err, fs.ErrNotExist) {
		return on.RemoveAll(ready) // all is in place
	}
	if err != nil {
		return fmt.Errorf("put bundle in place: %w", err)
	}
	old := slices.Collect(strings.Lines(string(stale)))
	for i := range old {
		old[i] = strings.TrimSuffix(old[i], "\n")
	}
	if err := allOurs(dir, old); err != nil {
		return fmt.Errorf("put bundle in place: %w", err)
	}
	on.change(ready)
	if err := on.settle(); err != nil {
		return fmt.Errorf("put bundle in place: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, ManifestFile)); errors.Is(err, fs.ErrNotExist) {
		if err := putAll(on, ready, dir, "."); err != nil {
			return fmt.Errorf("put bundle in place: %w", err)
		}
	}
	if err := exchange(on, dir, old); err != nil {
		return fmt.Errorf("put bundle in place: %w", err)
	}
	if err := on.Remove(filepath.Join(ready, staleFile)); err != nil {
		return fmt.Errorf("put bundle in place: %w", err)
	}
	if err := on.RemoveAll(ready); err != nil {
		return err
	}
	return on.settle()
}

// allOurs is an error unless all that a stopped run left in readyDir, and what it would remove, is where a bundle has
// its files, and on the way to none is a link: whoever can commit to the directory can make it look like such a run.
func allOurs(dir string, old []string) error {
	names, err := filesIn(filepath.Join(dir, readyDir))
	if err != nil {
		return err
	}
	checked := map[string]bool{}
	for _, name := range slices.Concat(names, old) {
		if name != staleFile && !ours(name) {
			return fmt.Errorf("%s names %q, where no bundle has a file: no run of sluice left that; remove it",
				filepath.Join(dir, readyDir), name)
		}
		for at := path.Dir(name); at != "." && !checked[at]; at = path.Dir(at) {
			checked[at] = true
			fi, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(at)))
			if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
				return fmt.Errorf("%s in %s is a link: nothing is written through links, remove it", at, dir)
			}
		}
	}
	return nil
}

// exchange puts the files in readyDir into place and removes the old ones.
func exchange(on *lasting, dir string, old []string) error {
	ready := filepath.Join(dir, readyDir)
	names, err := filesIn(ready)
	if err != nil {
		return err
	}
	moves, last, err := installation(on, dir, names, old)
	if err != nil {
		return err
	}
	if err := on.settle(); err != nil {
		return err
	}
	for _, name := range moves {
		if err := put(on, ready, dir, name); err != nil {
			return err
		}
	}
	for _, name := range old {
		if err := drop(on, dir, name); err != nil {
			return fmt.Errorf("remove what the former bundle had: %w", err)
		}
	}
	depth := -1
	for _, name := range append(last, ManifestFile) {
		if deep := strings.Count(name, "/"); deep != depth || name == ManifestFile { // what it includes lasts
			depth = deep
			if err := on.settle(); err != nil {
				return err
			}
		}
		if _, err := os.Lstat(filepath.Join(ready, filepath.FromSlash(name))); err != nil {
			continue // it is in place
		}
		if err := put(on, ready, dir, name); err != nil {
			return err
		}
	}
	return on.settle()
}

// installation takes from the former bundle the kustomizations of directories in which, or below which, something
// changes. It returns the files to move, and the kustomizations to move when all else is in place.
func installation(on *lasting, dir string, names, stale []string) (moves, last []string, err error) {
	ready, changes := filepath.Join(dir, readyDir), map[string]bool{}
	change := func(name string) {
		for at := path.Dir(name); !changes[at]; at = path.Dir(at) {
			changes[at] = true
		}
	}
	for _, name := range names {
		if name == ManifestFile || name == staleFile {
			continue
		}
		if !sameFile(ready, dir, name) {
			change(name)
		}
		if path.Base(name) == KustomizationFile {
			last = append(last, name)
		} else {
			moves = append(moves, name)
		}
	}
	for _, name := range stale {
		change(name)
	}
	deep := func(name string) int { return strings.Count(name, "/") }
	gone := slices.Concat(last, stale)
	slices.SortStableFunc(gone, func(a, b string) int { return cmp.Compare(deep(a), deep(b)) }) // including ones first
	depth := 0
	for _, name := range gone {
		if path.Base(name) != KustomizationFile || !changes[path.Dir(name)] {
			continue
		}
		if deep(name) != depth { // what includes it is gone for good
			depth = deep(name)
			if err := on.settle(); err != nil {
				return nil, nil, err
			}
		}
		err := on.Remove(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	slices.SortStableFunc(last, func(a, b string) int { return cmp.Compare(deep(b), deep(a)) }) // and last
	return moves, last, nil
}

// sameFile reports whether two directories have the same file of a name.
func sameFile(a, b, name string) bool {
	name = filepath.FromSlash(name)
	for _, dir := range []string{a, b} {
		if fi, err := os.Lstat(filepath.Join(dir, name)); err != nil || !fi.Mode().IsRegular() {
			return false
		}
	}
	x, errX := os.ReadFile(filepath.Join(a, name))
	y, errY := os.ReadFile(filepath.Join(b, name))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// putAll moves what is in a directory into place but for what comes last: a directory that is not there yet whole,
// which is one step however much is in it.
func putAll(on disk, from, to, name string) error {
	entries, err := os.ReadDir(filepath.Join(from, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		sub := path.Join(name, e.Name())
		src, dst := filepath.Join(from, filepath.FromSlash(sub)), filepath.Join(to, filepath.FromSlash(sub))
		_, missing := os.Lstat(dst)
		switch {
		case sub == ManifestFile || sub == staleFile || e.Name() == KustomizationFile:
		case !e.IsDir():
			err = put(on, from, to, sub)
		case errors.Is(missing, fs.ErrNotExist):
			err = on.Rename(src, dst)
		default:
			err = putAll(on, from, to, sub)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put moves a file into place; one that is there already with the same content stays.
func put(on disk, from, to, name string) error {
	src, dst := filepath.Join(from, filepath.FromSlash(name)), filepath.Join(to, filepath.FromSlash(name))
	if sameFile(from, to, name) {
		return on.Remove(src)
	}
	if err := on.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	return on.Rename(src, dst)
}

// drop removes a file, and the directories that are empty then.
func drop(on disk, dir, name string) error {
	if err := on.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		if on.Remove(filepath.Join(dir, filepath.FromSlash(at))) != nil {
			break // something is in it
		}
	}
	return nil
}

// filesIn lists the files below dir, sorted. Directories are read beside each other: there may be thousands.
func filesIn(dir string) ([]string, error) {
	var out []string
	for level := []string{""}; len(level) > 0; {
		files, dirs, errs := make([][]string, len(level)), make([][]string, len(level)), make([]error, len(level))
		model.Each(len(level), func(i int) {
			var entries []fs.DirEntry
			entries, errs[i] = os.ReadDir(filepath.Join(dir, filepath.FromSlash(level[i])))
			for _, e := range entries {
				if name := path.Join(level[i], e.Name()); e.IsDir() {
					dirs[i] = append(dirs[i], name)
				} else {
					files[i] = append(files[i], name)
				}
			}
		})
		if err := cmp.Or(errs...); err != nil {
			return nil, err
		}
		out, level = append(out, slices.Concat(files...)...), slices.Concat(dirs...)
	}
	slices.Sort(out)
	return out, nil
}
