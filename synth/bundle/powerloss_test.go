package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/bundle"
)

// lossy is a real disk that knows what a loss of power would leave: the synced content of files, the entries of
// directories that were synced, and of all else some. A rename is there at both its ends or at neither, as journals of
// file systems have it. From the operation `at` on nothing is done any more.
type lossy struct {
	mu    sync.Mutex
	top   string
	root  *inode
	moved []move
	at, n int
	what  string
}

type inode struct {
	dir          bool
	data, synced []byte
	now, kept    map[string]*inode
}

// move is a rename that no sync of a directory made last.
type move struct {
	from, to         *inode
	fromName, toName string
	what             *inode
}

func newDir() *inode { return &inode{dir: true, now: map[string]*inode{}, kept: map[string]*inode{}} }

// lossyOn is the disk below a directory, all of which lasts so far.
func lossyOn(t *testing.T, top string, at int) *lossy {
	t.Helper()
	l := &lossy{top: top, root: newDir(), at: at}
	for name, text := range tree(t, top) {
		d := l.root
		for part := range strings.SplitSeq(filepath.ToSlash(filepath.Dir(name)), "/") {
			if part == "." {
				continue
			}
			if d.now[part] == nil {
				d.now[part] = newDir()
			}
			d.kept[part] = d.now[part]
			d = d.now[part]
		}
		n := &inode{data: []byte(text), synced: []byte(text)}
		d.now[filepath.Base(name)], d.kept[filepath.Base(name)] = n, n
	}
	return l
}

// find returns the directory of a name and its last part.
func (l *lossy) find(name string) (*inode, string) {
	rel, err := filepath.Rel(l.top, name)
	if err != nil || rel == "." {
		return &inode{dir: true, now: map[string]*inode{".": l.root}}, "."
	}
	d := l.root
	parts := strings.Split(filepath.ToSlash(rel), "/")
	for _, p := range parts[:len(parts)-1] {
		if d = d.now[p]; d == nil {
			return newDir(), ""
		}
	}
	return d, parts[len(parts)-1]
}

// do is one operation on the real disk and, if it has an effect, on what is known of it.
func (l *lossy) do(op, name string, effect func() error, note func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n++; l.at > 0 && l.n >= l.at {
		if l.n == l.at {
			l.what = op + " " + filepath.Base(name)
		}
		return fmt.Errorf("injected: %w", syscall.EIO)
	}
	err := effect()
	if err == nil {
		note()
	}
	return err
}

func (l *lossy) MkdirAll(dir string, mode fs.FileMode) error {
	return l.do("mkdir", dir, func() error { return os.MkdirAll(dir, mode) }, func() {
		rel, _ := filepath.Rel(l.top, dir)
		d := l.root
		for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
			if part == "." {
				continue
			}
			if d.now[part] == nil {
				d.now[part] = newDir()
			}
			d = d.now[part]
		}
	})
}

func (l *lossy) WriteFile(name string, text []byte, mode fs.FileMode) error {
	return l.do("write", name, func() error { return os.WriteFile(name, text, mode) }, func() {
		d, base := l.find(name)
		if d.now[base] == nil {
			d.now[base] = &inode{}
		}
		d.now[base].data = bytes.Clone(text)
	})
}

func (l *lossy) Fill(name string, mode fs.FileMode, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return l.WriteFile(name, b.Bytes(), mode)
}

func (l *lossy) Rename(from, to string) error {
	return l.do("rename", to, func() error { return os.Rename(from, to) }, func() {
		a, fromName := l.find(from)
		b, toName := l.find(to)
		l.moved = append(l.moved, move{a, b, fromName, toName, a.now[fromName]})
		b.now[toName] = a.now[fromName]
		delete(a.now, fromName)
	})
}

func (l *lossy) remove(op, name string, effect func() error) error {
	return l.do(op, name, effect, func() {
		d, base := l.find(name)
		delete(d.now, base)
	})
}

func (l *lossy) Remove(name string) error {
	return l.remove("remove", name, func() error { return os.Remove(name) })
}

func (l *lossy) RemoveAll(name string) error {
	return l.remove("remove all of", name, func() error { return os.RemoveAll(name) })
}

func (l *lossy) Ahead(string, int) {}

func (l *lossy) SyncBelow(dir string, _ int) error { return bundle.SyncEach(l, dir) }

func (l *lossy) Sync(name string) error {
	return l.do("sync", name, func() error { return nil }, func() {
		d, base := l.find(name)
		n := d.now[base]
		if n == nil {
			return
		}
		if !n.dir {
			n.synced = n.data
			return
		}
		n.kept = maps.Clone(n.now)
		var rest []move
		for _, m := range l.moved {
			if m.from != n && m.to != n {
				rest = append(rest, m)
				continue
			}
			if m.from.kept[m.fromName] == m.what {
				delete(m.from.kept, m.fromName)
			}
			m.to.kept[m.toName] = m.what
		}
		l.moved = rest
	})
}

// lose writes to a directory what is left when the power is lost now.
func (l *lossy) lose(t *testing.T, r *rand.Rand, dir string) {
	t.Helper()
	left := map[*inode]map[string]*inode{}
	entries := func(d *inode) map[string]*inode {
		if left[d] == nil {
			left[d] = maps.Clone(d.kept)
		}
		return left[d]
	}
	for _, m := range l.moved {
		if r.IntN(2) == 0 {
			if entries(m.from)[m.fromName] == m.what {
				delete(entries(m.from), m.fromName)
			}
			entries(m.to)[m.toName] = m.what
		}
	}
	var put func(d *inode, at string)
	put = func(d *inode, at string) {
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		names := maps.Clone(entries(d))
		maps.Copy(names, d.now)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			n := entries(d)[name]
			tied := false
			for _, m := range l.moved {
				tied = tied || m.from == d && m.fromName == name || m.to == d && m.toName == name
			}
			if !tied && n != d.now[name] && r.IntN(2) == 0 {
				n = d.now[name]
			}
			switch file := filepath.Join(at, name); {
			case n == nil:
			case n.dir:
				put(n, file)
			default:
				text := n.synced
				if !bytes.Equal(n.data, n.synced) && r.IntN(2) == 0 {
					text = n.data[:r.IntN(len(n.data)+1)]
				}
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	put(l.root, dir)
}

// TestPowerLoss: whenever the power is lost while a bundle is written, over a former one or where none was, there is
// then the former bundle or the new one, or a directory without a kustomization; the next learn makes it the new one.
// What was acknowledged stays. SLUICE_FAULTS=all takes each operation, else one in 17.
func TestPowerLoss(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprintf("fresh %v", fresh), func(t *testing.T) {
			t.Parallel()
			losePower(t, fresh)
		})
	}
}

// losePower loses the power at each operation in turn.
func losePower(t *testing.T, fresh bool) {
	t.Helper()
	start := func() (string, map[string]string) {
		top := t.TempDir()
		if !fresh {
			writeBundle(t, filepath.Join(top, "b"), formerLines, nil)
			put(t, filepath.Join(top, "b"), "NOTES.md", "x")
		}
		return top, tree(t, top)
	}
	top, old := start()
	counting := lossyOn(t, top, 0)
	if err := writeBundle(t, filepath.Join(top, "b"), nextLines, counting); err != nil {
		t.Fatal(err)
	}
	want := tree(t, filepath.Join(top, "b"))
	old = below(old, "b")
	every := 17
	if os.Getenv("SLUICE_FAULTS") == "all" {
		every = 1
	}
	for at := 1; at <= counting.n+1 && !t.Failed(); at += min(every, max(counting.n+1-at, 1)) {
		top, _ := start()
		disk := lossyOn(t, top, at)
		err := writeBundle(t, filepath.Join(top, "b"), nextLines, disk)
		if (err == nil) != (at > counting.n) || err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatalf("operation %d of %d: %v", at, counting.n, err)
		}
		for draw := range uint64(3) {
			after := filepath.Join(t.TempDir(), "t")
			disk.lose(t, rand.New(rand.NewPCG(uint64(at), draw)), after)
			dir := filepath.Join(after, "b")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			where := fmt.Sprintf("fresh %v, lost at operation %d of %d, %s, draw %d", fresh, at, counting.n, disk.what, draw)
			if at > counting.n {
				if d := cmp.Diff(want, tree(t, dir)); d != "" {
					t.Fatalf("%s: what was acknowledged is gone: -want +got\n%s", where, d)
				}
			}
			checkAfter(t, where, dir, old, want)
		}
	}
	t.Logf("fresh %v: %d operations", fresh, counting.n)
}

// below are the files of a directory, by their names in it.
func below(files map[string]string, dir string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		if in, ok := strings.CutPrefix(name, dir+"/"); ok {
			out[in] = text
		}
	}
	return out
}

var _ bundle.Disk = (*lossy)(nil)
