package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Source is what a commit says of one source of its records.
type Source struct {
	Name    string `json:"name"`
	Digest  string `json:"digest"` // of the content; "" where there is none, then it can be stored again
	Format  string `json:"format,omitempty"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	// Rejected counts the records that left no observation, by fate and reason ("malformed/bad-json").
	Rejected map[string]int64 `json:"rejected,omitempty"`
	Lost     int64            `json:"lost,omitempty"`  // events that the log itself says it lost
	First    int64            `json:"first,omitempty"` // microseconds since 1970 UTC of the earliest record, 0 unknown
	Last     int64            `json:"last,omitempty"`
	Stream   *Stream          `json:"stream,omitempty"` // of a live source; then all counts are of this part of it
}

// Segment is a pair of files: observations, and the endpoints and pod names that they refer to.
type Segment struct {
	Path    string `json:"path"`   // of the observations, with slashes, relative to the store's directory
	Labels  string `json:"labels"` // of the endpoints and pod names
	Cluster string `json:"cluster"`
	Day     string `json:"day"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"` // of both files
	First   int64  `json:"first"` // microseconds since 1970 UTC of the earliest record
	Last    int64  `json:"last"`
	// SHA256 and LabelsSHA256 are the digests of the files in hex: a file of another digest is not opened.
	SHA256       string `json:"sha256"`
	LabelsSHA256 string `json:"labelsSha256"`
}

// Store is a directory of committed segments. It is safe for concurrent use. It sees the commits that were there when
// it was opened, and its own.
type Store struct {
	dir     string
	mu      sync.RWMutex
	commits []commit        // those that count
	dead    []commit        // those that others replace, as long as their files are there
	last    int             // number of the newest
	sources map[string]bool // digests
	sizes   map[int64]bool  // bytes of those
}

// Open opens the store in dir; the error is ErrNoStore where there is none.
func Open(dir string) (*Store, error) {
	if fi, err := os.Stat(filepath.Join(dir, commitsDir)); err != nil || !fi.IsDir() {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = ErrNoStore
		}
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	s := &Store{dir: dir, sources: map[string]bool{}, sizes: map[int64]bool{}}
	if err := s.reload(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, nil
}

// Create opens the store in dir and makes it where there is none.
func Create(dir string) (*Store, error) {
	if err := makeDir(dir, commitsDir); err != nil {
		return nil, fmt.Errorf("create store: %w", err)
	}
	return Open(dir)
}

// reload reads the commits that are new: a writer that commits every second should not read them all each time.
func (s *Store) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	head, number, err := readHead(s.dir) // before the commits: it is never ahead of them
	if err != nil {
		return err
	}
	fresh, err := readCommits(s.dir, s.last)
	if err != nil {
		return err
	}
	var replaced ranges
	for _, c := range fresh {
		for _, src := range c.Sources {
			if src.Digest != "" {
				s.sources[src.Digest], s.sizes[src.Bytes] = true, true
			}
		}
		replaced = replaced.union(c.Replaces)
		s.last = c.Number
	}
	var live []commit
	for _, c := range append(slices.Clip(s.commits), fresh...) {
		if replaced.has(c.Number) {
			s.dead = append(s.dead, c)
		} else {
			live = append(live, c)
		}
	}
	s.commits = live
	return s.checkHead(head, number)
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// HasSource reports whether a source of this digest is stored.
func (s *Store) HasSource(digest string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sources[digest]
}

// HasSize reports whether a source with a digest had so many bytes.
func (s *Store) HasSize(bytes int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sizes[bytes]
}

// Segments gives the segments, oldest commit first.
func (s *Store) Segments() []Segment {
	var out []Segment
	for _, c := range s.snapshot() {
		out = append(out, c.Segments...)
	}
	return out
}

// Sources gives the sources, oldest commit first.
func (s *Store) Sources() []Source {
	var out []Source
	for _, c := range s.snapshot() {
		out = append(out, c.Sources...)
	}
	return out
}

func (s *Store) snapshot() []commit {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clip(s.commits)
}

// newest is the number of the newest commit.
func (s *Store) newest() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last
}
