package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mem is a system in memory that knows what would survive the loss of power: the content of a file that was synced, and
// the entries of a directory that was. Its names are for tests of other packages.
type Mem struct {
	mu        sync.Mutex
	now, kept memTree
	locks     map[string]bool
}

// memTree are the files and directories at a time.
type memTree struct {
	files map[string]*memNode
	dirs  map[string]bool
}

type memNode struct {
	data, synced []byte
	at           time.Time
}

const memRoot = "/store"

// NewMem returns an empty system.
func NewMem() *Mem {
	tree := func() memTree { return memTree{map[string]*memNode{}, map[string]bool{"/": true}} }
	return &Mem{now: tree(), kept: tree(), locks: map[string]bool{}}
}

// Open returns the files of a directory in the system; do does each step of the system.
func (m *Mem) Open(do func(op, name string, effect func() error) error) Files {
	return newDirFiles(memRoot, &faultySystem{m, do})
}

// Kill ends all processes: their locks are free.
func (m *Mem) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.locks)
}

// PowerLoss ends all processes, and of what was not synced a part is lost.
func (m *Mem) PowerLoss(r *rand.Rand) {
	m.Kill()
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewMem().now
	for _, dirs := range []map[string]bool{m.now.dirs, m.kept.dirs} {
		for dir := range dirs {
			if m.now.dirs[dir] == m.kept.dirs[dir] || r.IntN(2) == 0 {
				after.dirs[dir] = true
			}
		}
	}
	names := map[string]bool{}
	for _, files := range []map[string]*memNode{m.now.files, m.kept.files} {
		for name := range files {
			names[name] = true
		}
	}
	for name := range names {
		n := m.now.files[name]
		if r.IntN(2) == 0 {
			n = m.kept.files[name]
		}
		if n == nil || !after.has(filepath.Dir(name)) {
			continue
		}
		if r.IntN(2) == 0 && !bytes.Equal(n.data, n.synced) {
			n.data = bytes.Clone(n.data[:r.IntN(len(n.data)+1)])
		} else if !bytes.Equal(n.data, n.synced) {
			n.data = n.synced
		}
		n.synced = n.data
		after.files[name] = n
	}
	for dir := range after.dirs {
		if !after.has(dir) {
			delete(after.dirs, dir)
		}
	}
	m.now = after
	m.kept = after.clone()
}

func (t memTree) has(dir string) bool {
	for ; t.dirs[dir]; dir = filepath.Dir(dir) {
		if dir == "/" {
			return true
		}
	}
	return false
}

func (t memTree) clone() memTree {
	out := memTree{map[string]*memNode{}, map[string]bool{}}
	for name, n := range t.files {
		out.files[name] = n
	}
	for dir := range t.dirs {
		out.dirs[dir] = true
	}
	return out
}

func memError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// taken returns an error if a name cannot be made.
func (m *Mem) taken(op, name string) error {
	switch {
	case m.now.files[name] != nil || m.now.dirs[name]:
		return memError(op, name, fs.ErrExist)
	case !m.now.dirs[filepath.Dir(name)]:
		return memError(op, name, fs.ErrNotExist)
	}
	return nil
}

func (m *Mem) create(name string) (sysFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.taken("create", name); err != nil {
		return nil, err
	}
	n := &memNode{at: time.Now()}
	m.now.files[name] = n
	return &memFile{m: m, n: n}, nil
}

func (m *Mem) open(name string) (sysFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.now.files[name]
	if n == nil {
		return nil, memError("open", name, fs.ErrNotExist)
	}
	return &memFile{m: m, n: n}, nil
}

func (m *Mem) link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.files[from] == nil {
		return memError("link", from, fs.ErrNotExist)
	}
	if err := m.taken("link", to); err != nil {
		return err
	}
	m.now.files[to] = m.now.files[from]
	return nil
}

func (m *Mem) rename(string, string) error { return errors.ErrUnsupported }

func (m *Mem) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.now.files[name] != nil:
		delete(m.now.files, name)
		return nil
	case !m.now.dirs[name]:
		return memError("remove", name, fs.ErrNotExist)
	}
	for other := range m.now.files {
		if filepath.Dir(other) == name {
			return memError("remove", name, errors.New("not empty"))
		}
	}
	for other := range m.now.dirs {
		if filepath.Dir(other) == name {
			return memError("remove", name, errors.New("not empty"))
		}
	}
	delete(m.now.dirs, name)
	return nil
}

func (m *Mem) mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.taken("mkdir", name); err != nil {
		return err
	}
	m.now.dirs[name] = true
	return nil
}

func (m *Mem) sync(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.now.dirs[dir] {
		return memError("sync", dir, fs.ErrNotExist)
	}
	for name := range m.kept.files {
		if filepath.Dir(name) == dir {
			delete(m.kept.files, name)
		}
	}
	for name := range m.kept.dirs {
		if filepath.Dir(name) == dir && name != "/" {
			delete(m.kept.dirs, name)
		}
	}
	for name, n := range m.now.files {
		if filepath.Dir(name) == dir {
			m.kept.files[name] = n
		}
	}
	for name := range m.now.dirs {
		if filepath.Dir(name) == dir {
			m.kept.dirs[name] = true
		}
	}
	return nil
}

func (m *Mem) list(dir string) (out []fs.DirEntry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.now.dirs[dir] {
		return nil, memError("list", dir, fs.ErrNotExist)
	}
	for name, n := range m.now.files {
		if filepath.Dir(name) == dir {
			out = append(out, memInfo{name, n})
		}
	}
	for name := range m.now.dirs {
		if filepath.Dir(name) == dir && name != "/" {
			out = append(out, memInfo{name, nil})
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

func (m *Mem) stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.now.files[name]; n != nil || m.now.dirs[name] {
		return memInfo{name, n}, nil
	}
	return nil, memError("stat", name, fs.ErrNotExist)
}

func (m *Mem) truncate(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.files[name].data = nil
	return nil
}

func (m *Mem) lock(name string) (unlock func() error, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return nil, ErrLocked
	}
	if m.now.files[name] == nil {
		if err := m.taken("lock", name); err != nil {
			return nil, err
		}
		m.now.files[name] = &memNode{}
	}
	m.locks[name] = true
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.locks, name)
		return nil
	}, nil
}

// memFile is an open file.
type memFile struct {
	m  *Mem
	n  *memNode
	at int
}

func (f *memFile) Read(b []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := copy(b, f.n.data[f.at:])
	f.at += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(b []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.data = append(f.n.data, b...)
	return len(b), nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.synced = bytes.Clone(f.n.data)
	return nil
}

func (f *memFile) Close() error { return nil }

func (f *memFile) Stat() (fs.FileInfo, error) { return memInfo{"", f.n}, nil }

// memInfo is what is known of a file, or of a directory without node.
type memInfo struct {
	name string
	n    *memNode
}

func (i memInfo) Name() string               { return filepath.Base(i.name) }
func (i memInfo) IsDir() bool                { return i.n == nil }
func (i memInfo) Type() fs.FileMode          { return i.Mode().Type() }
func (i memInfo) Info() (fs.FileInfo, error) { return i, nil }
func (i memInfo) Sys() any                   { return nil }

func (i memInfo) Mode() fs.FileMode {
	if i.n == nil {
		return fs.ModeDir
	}
	return 0
}

func (i memInfo) Size() int64 {
	if i.n == nil {
		return 0
	}
	return int64(len(i.n.data))
}

func (i memInfo) ModTime() time.Time {
	if i.n == nil {
		return time.Time{}
	}
	return i.n.at
}

// faultySystem is a system each step of which goes through a function.
type faultySystem struct {
	sys system
	do  func(op, name string, effect func() error) error
}

func (s *faultySystem) file(op, name string, get func(string) (sysFile, error)) (f sysFile, err error) {
	err = s.do(op, name, func() (err error) {
		f, err = get(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, name, s.do}, nil
}

func (s *faultySystem) create(name string) (sysFile, error) {
	return s.file("create", name, s.sys.create)
}

func (s *faultySystem) open(name string) (sysFile, error) { return s.file("open", name, s.sys.open) }

func (s *faultySystem) link(from, to string) error {
	return s.do("link", to, func() error { return s.sys.link(from, to) })
}

func (s *faultySystem) rename(from, to string) error {
	return s.do("rename", to, func() error { return s.sys.rename(from, to) })
}

func (s *faultySystem) remove(name string) error {
	return s.do("remove", name, func() error { return s.sys.remove(name) })
}

func (s *faultySystem) mkdir(name string) error {
	return s.do("mkdir", name, func() error { return s.sys.mkdir(name) })
}

func (s *faultySystem) sync(dir string) error {
	return s.do("sync", dir, func() error { return s.sys.sync(dir) })
}

func (s *faultySystem) list(dir string) (out []fs.DirEntry, err error) {
	err = s.do("list", dir, func() (err error) {
		out, err = s.sys.list(dir)
		return err
	})
	return out, err
}

func (s *faultySystem) stat(name string) (fi fs.FileInfo, err error) {
	err = s.do("stat", name, func() (err error) {
		fi, err = s.sys.stat(name)
		return err
	})
	return fi, err
}

func (s *faultySystem) truncate(name string) error {
	return s.do("truncate", name, func() error { return s.sys.truncate(name) })
}

func (s *faultySystem) lock(name string) (unlock func() error, err error) {
	var held func() error
	err = s.do("lock", name, func() (err error) {
		held, err = s.sys.lock(name)
		return err
	})
	if err != nil {
		if held != nil {
			err = errors.Join(err, held())
		}
		return nil, err
	}
	return func() error { return s.do("unlock", name, held) }, nil
}

// faultyFile is an open file each step of which goes through a function.
type faultyFile struct {
	sysFile
	name string
	do   func(op, name string, effect func() error) error
}

// Write writes in two halves.
func (f *faultyFile) Write(b []byte) (n int, err error) {
	for _, half := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		m := 0
		err := f.do("write", f.name, func() (err error) {
			m, err = f.sysFile.Write(half)
			return err
		})
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

func (f *faultyFile) Read(b []byte) (n int, err error) {
	var end error
	err = f.do("read", f.name, func() (err error) {
		n, err = f.sysFile.Read(b)
		if errors.Is(err, io.EOF) {
			end, err = err, nil
		}
		return err
	})
	if err == nil {
		err = end
	}
	return n, err
}

func (f *faultyFile) Sync() error  { return f.do("fsync", f.name, f.sysFile.Sync) }
func (f *faultyFile) Close() error { return f.do("close", f.name, f.sysFile.Close) }
