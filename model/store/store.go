package store

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"sluice/model"
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
	Lost     int64            `json:"lost,omitempty"` // events that the log itself says it lost
	// LostHours are the hours in which records may be missing, those of Lost among them; of old stores it is not known.
	LostHours model.Losses `json:"lostHours,omitempty"`
	// Nodes are those that wrote its records, where files say so.
	Nodes model.NodeHours `json:"nodes,omitempty"`
	// First and Last are the times of its earliest and its latest record, microseconds since 1970 UTC, 0 unknown; of a
	// file, those of all rows that were committed with it.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
	// Begin and Through are, of the evidence of a bundle, the times between which nearly all records of its log lie: it
	// has a part of them.
	Begin   int64 `json:"begin,omitempty"`
	Through int64 `json:"through,omitempty"`
	// Logged is what the data plane logged of policies.
	Logged model.Uses `json:"logged,omitempty"`
	// Policies are those that decided, as model.PolicyNames has them, sorted.
	Policies []string `json:"policies,omitempty"`
	Stream   *Stream  `json:"stream,omitempty"` // of a live source; then all counts are of this part of it
	// Cluster is the only one that the rows of the source are of; "" where there are several, none, or nobody knows.
	Cluster string `json:"cluster,omitempty"`
	// Partial says that some of its rows may have been left out by who packed the store.
	Partial bool `json:"partial,omitempty"`
}

// Segment is a pair of files: observations, and the endpoints and pod names that they refer to.
type Segment struct {
	Path    string `json:"path"`   // of the observations, with slashes, relative to the store
	Labels  string `json:"labels"` // of the endpoints and pod names
	Cluster string `json:"cluster"`
	// Peers are the other clusters that destinations of its rows are of, sorted; nil where nobody knows: segments of
	// former versions, and of more than MaxPeers.
	Peers []string `json:"peers"`
	Day   string   `json:"day"`
	Rows  int64    `json:"rows"`
	Bytes int64    `json:"bytes"` // of both files
	First int64    `json:"first"` // microseconds since 1970 UTC of the earliest record
	Last  int64    `json:"last"`
	// SHA256 and LabelsSHA256 are the digests of the files in hex: a file of another digest is not opened.
	SHA256       string `json:"sha256"`
	LabelsSHA256 string `json:"labelsSha256"`
}

// files are those of a segment, labels first.
func (g *Segment) files() [2]named {
	return [2]named{{g.Labels, g.LabelsSHA256, g.Bytes}, {g.Path, g.SHA256, g.Bytes}}
}

// Store is a place of committed segments. It is safe for concurrent use. It sees the commits that were there when it
// was opened, and its own.
type Store struct {
	files     Files
	mu        sync.RWMutex
	commits   []commit         // those that count
	dead      []commit         // those that others replace, as long as their files are there
	last      int              // number of the newest
	head      head             // as it was read last
	sources   map[string]int64 // bytes by digest
	terms     map[string]int64 // of the rights to collect streams that this process has
	doubt     string           // file of a commit that failed and could not be undone
	doubtTerm int64            // in which it was put, 0 where rights have none
	searched  bool             // for what a lost commit wrote, by a writer
}

// Open opens the store in a directory; the error is ErrNoStore where there is none.
func Open(dir string) (*Store, error) { return OpenFiles(Dir(dir)) }

// Is reports whether a directory is a store.
func Is(dir string) bool {
	heads, err := Dir(dir).List(headDir)
	return err == nil && len(heads) > 0
}

// Create opens the store in a directory and makes it where there is none.
func Create(dir string) (*Store, error) { return CreateFiles(Dir(dir)) }

// OpenFiles opens the store in files; the error is ErrNoStore where there is none.
func OpenFiles(f Files) (*Store, error) {
	s := &Store{files: f, sources: map[string]int64{}, terms: map[string]int64{}}
	err := s.reload()
	if err == nil {
		err = s.checkNewest()
	}
	if err == nil && s.last == 0 && s.head.name == "" {
		err = ErrNoStore
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", f, err)
	}
	return s, nil
}

// CreateFiles opens the store in files and makes it where there is none.
func CreateFiles(f Files) (*Store, error) {
	s, err := OpenFiles(f)
	if !errors.Is(err, ErrNoStore) {
		return s, err
	}
	if err := begin(f); err != nil {
		return nil, fmt.Errorf("create store %s: %w", f, err)
	}
	return OpenFiles(f)
}

// begin makes a store without commits. Where files tell that there were some, that is an error: such a store lost them.
func begin(f Files) error {
	names, err := f.List(version)
	if err != nil {
		return err
	}
	if name, n := writtenAfter(1, names); n > 0 {
		return lostCommit(n, f, name)
	}
	if err := putHead(f, path.Join(headDir, firstHead)); err != nil {
		if h, headErr := readHead(f); headErr != nil || h.name == "" {
			return err
		}
	}
	return nil
}

// lostCommit is the error of a file that only a commit which is not there can have written.
func lostCommit(n int, f Files, name string) error {
	return fmt.Errorf("commit %d is %w: it wrote %s/%s: bring %s and %s back from a copy of the store, or remove all files "+
		"that have %08d in their names, and ingest again what it stored: %w", n, errMissing, f, name, commitsDir, headDir, n, ErrDamaged)
}

// reload reads the commits that are new: a writer that commits every second should not read them all each time.
func (s *Store) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := readHead(s.files) // before the commits: it is never ahead of them
	if err != nil {
		return err
	}
	fresh, err := readCommits(s.files, s.last)
	if err != nil {
		return err
	}
	var replaced ranges
	for _, c := range fresh {
		for _, src := range c.Sources {
			if src.Digest != "" {
				s.sources[src.Digest] = src.Bytes
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
	s.head = h
	return s.checkHead(h)
}

// HasSource reports whether a source of this digest is stored.
func (s *Store) HasSource(digest string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.sources[digest]
	return ok
}

// Digests returns how many bytes the sources had, by digest.
func (s *Store) Digests() map[string]int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.sources)
}

// Segments returns the segments, oldest commit first.
func (s *Store) Segments() []Segment {
	return segmentsOf(s.snapshot())
}

// segmentsOf returns the segments of commits. What sums of them take is in their sizes.
func segmentsOf(commits []commit) (out []Segment) {
	for i := range commits {
		n := len(out)
		out = append(out, commits[i].Segments...)
		share(out[n:], commits[i].Hours)
	}
	return out
}

// Sources returns the sources, oldest commit first.
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
