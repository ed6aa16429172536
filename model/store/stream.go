package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// Stream is what a commit says of the part of a live source that it holds. All but Watermark and Last are increments.
type Stream struct {
	// Watermark is the time of the newest record received, microseconds since 1970 UTC.
	Watermark int64            `json:"watermark"`
	Last      map[string]int64 `json:"last,omitempty"` // the newest record of each node, likewise
	Lost      []Lost           `json:"lost,omitempty"` // sorted by node and cause
	Gaps      []Gap            `json:"gaps,omitempty"`
	Breaks    map[string]int64 `json:"breaks,omitempty"` // times that a node was said to be unavailable, gone or in error
	Resent    int64            `json:"resent,omitempty"` // records that came again and were dropped
	Opened    int64            `json:"opened,omitempty"` // times that the stream was opened
	Seen      []Seen           `json:"seen,omitempty"`   // the ids of its newest records, oldest file first
	Term      int64            `json:"term,omitempty"`   // of its newest collector's right, where files are shared
}

// Lost is how many events a node says it lost, and where.
type Lost struct {
	Node   string `json:"node"`
	Cause  string `json:"cause"`
	Events int64  `json:"events"`
}

// Gap is a time in which records of a node may be missing.
type Gap struct {
	Node  string `json:"node"`
	From  int64  `json:"from"` // microseconds since 1970 UTC
	To    int64  `json:"to"`
	Cause string `json:"cause"`
}

// Seen names a file with the ids of records: 8 bytes each, little endian.
type Seen struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Count  int    `json:"count"`
	From   int64  `json:"from"` // watermark when the first of them came
}

func (s *Seen) file() named { return named{s.Path, s.SHA256, 8 * int64(s.Count)} }

const (
	seenDir    = version + "/seen"
	seenSuffix = ".ids"
	// maxSeen is how many ids of a stream are kept, in whole files: as many as a collector can remember.
	maxSeen = 1 << 20
	// wholeIDs is the size from which a file of ids is taken over as it is.
	wholeIDs = maxSeen / 16
	// maxGaps is how many gaps of a stream are kept, the newest.
	maxGaps = 10_000
)

// Seen writes the ids of records of a stream, to be named by a Source of the Commit.
func (w *Writer) Seen(ids []uint64, from int64) (Seen, error) {
	if w.err != nil {
		return Seen{}, w.err
	}
	s, err := w.seen(ids, from)
	if err != nil {
		w.err = fmt.Errorf("write store %s: %w", w.store.files, err)
	}
	return s, w.err
}

func (w *Writer) seen(ids []uint64, from int64) (Seen, error) {
	w.ids++
	name := path.Join(seenDir, w.numbered(w.ids)+seenSuffix)
	c, err := w.put(name, func(out io.Writer) error {
		b := make([]byte, 0, 1<<15)
		for part := range slices.Chunk(ids, cap(b)/8) {
			b = b[:0]
			for _, id := range part {
				b = binary.LittleEndian.AppendUint64(b, id)
			}
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
	return Seen{Path: name, SHA256: c.digest, Count: len(ids), From: from}, err
}

// joinSeen makes runs of small files of ids one file each: a quiet stream has few ids in each of many commits.
func (w *Writer) joinSeen(st *Stream) error {
	var out, run []Seen
	end := func() error {
		if len(run) < 2 {
			out, run = append(out, run...), nil
			return nil
		}
		ids, from, err := w.store.SeenIDs(&Stream{Seen: run})
		if err != nil {
			return err
		}
		f, err := w.Seen(ids, from)
		out, run = append(out, f), nil
		return err
	}
	for _, f := range st.Seen {
		if f.Count < wholeIDs {
			run = append(run, f)
			continue
		}
		if err := end(); err != nil {
			return err
		}
		out = append(out, f)
	}
	err := end()
	st.Seen = out
	return err
}

// Stream returns where the live source of a name stands, nil if nothing of it is stored.
func (s *Store) Stream(name string) *Stream { return Part{Sources: s.Sources()}.Stream(name) }

// Stream returns where the live source of a name stands, nil if nothing of it is there.
func (p Part) Stream(name string) *Stream {
	var out *Stream
	for _, src := range p.Sources {
		if src.Stream == nil || src.Name != name {
			continue
		}
		if out == nil {
			out = &Stream{}
		}
		out.add(src.Stream)
	}
	return out
}

// SeenIDs reads the ids of a stream's newest records, oldest first, and the watermark that they reach back to: 0 if
// they are all there ever were.
func (s *Store) SeenIDs(st *Stream) (ids []uint64, from int64, err error) {
	var buf bytes.Buffer
	for _, f := range st.Seen {
		if err := read(s.files, f.file(), &buf); err != nil {
			return nil, 0, fmt.Errorf("ids of a stream: %w", err)
		}
		if buf.Len() != 8*f.Count {
			return nil, 0, fmt.Errorf("ids of a stream: %s: %w", f.Path, ErrDamaged)
		}
		for b := buf.Bytes(); len(b) > 0; b = b[8:] {
			ids = append(ids, binary.LittleEndian.Uint64(b))
		}
	}
	if len(st.Seen) > 0 {
		from = st.Seen[0].From
	}
	return ids, from, nil
}

// clone returns a copy that can be added to.
func (s *Stream) clone() *Stream {
	c := &Stream{}
	c.add(s)
	return c
}

// add adds a later part of the same stream.
func (s *Stream) add(o *Stream) {
	s.Watermark, s.Term = max(s.Watermark, o.Watermark), max(s.Term, o.Term)
	for n, t := range o.Last {
		if s.Last == nil {
			s.Last = map[string]int64{}
		}
		s.Last[n] = max(s.Last[n], t)
	}
	for n, c := range o.Breaks {
		if s.Breaks == nil {
			s.Breaks = map[string]int64{}
		}
		s.Breaks[n] += c
	}
	s.addLost(o.Lost)
	s.Gaps = append(slices.Clip(s.Gaps), o.Gaps...)
	slices.SortStableFunc(s.Gaps, func(a, b Gap) int { return int(max(-1, min(1, a.From-b.From))) })
	s.Gaps = s.Gaps[max(0, len(s.Gaps)-maxGaps):]
	s.Resent += o.Resent
	s.Opened += o.Opened
	s.Seen = newest(append(slices.Clip(s.Seen), o.Seen...))
}

func (s *Stream) addLost(more []Lost) {
	sum := map[[2]string]int64{}
	for _, l := range append(slices.Clip(s.Lost), more...) {
		sum[[2]string{l.Node, l.Cause}] += l.Events
	}
	s.Lost = nil
	for _, k := range slices.SortedFunc(maps.Keys(sum), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		s.Lost = append(s.Lost, Lost{k[0], k[1], sum[k]})
	}
}

// newest keeps the newest files of ids.
func newest(files []Seen) []Seen {
	slices.SortStableFunc(files, func(a, b Seen) int {
		if a.From != b.From {
			return int(max(-1, min(1, a.From-b.From)))
		}
		return strings.Compare(a.Path, b.Path)
	})
	n := 0
	for i := len(files) - 1; i >= 0; i-- {
		if n >= maxSeen {
			return files[i+1:]
		}
		n += files[i].Count
	}
	return files
}

// Lock is the right to collect a stream.
type Lock struct{ unlock func(clean bool) error }

// LockStream takes the right to collect the live source of a name into the store; the error is ErrStreamLocked where
// another process has it. It ends with Release, or with the process. Streams of other names are free.
func (s *Store) LockStream(name string) (*Lock, error) {
	sum := sha256.Sum256([]byte(name))
	right, err := s.files.Lock(path.Join(seenDir, hex.EncodeToString(sum[:8])+".lock"))
	if err != nil {
		if errors.Is(err, ErrLocked) {
			err = ErrStreamLocked
		}
		return nil, fmt.Errorf("collect %s into %s: %w", name, s.files, err)
	}
	s.mu.Lock()
	s.terms[name] = right.Term
	s.mu.Unlock()
	return &Lock{right.Unlock}, nil
}

// checkTerms gives the parts of streams the terms of their collectors, and refuses those of a collector that has lost
// its right to one that has stored since.
func (w *Writer) checkTerms(sources []Source) error {
	if w.replaces != nil {
		return nil
	}
	for i := range sources {
		st := sources[i].Stream
		if st == nil {
			continue
		}
		w.store.mu.RLock()
		st.Term = w.store.terms[sources[i].Name]
		w.store.mu.RUnlock()
		if now := w.store.Stream(sources[i].Name); now != nil && now.Term > st.Term {
			return fmt.Errorf("%s: %w, and has stored since", sources[i].Name, ErrStreamLocked)
		}
	}
	return nil
}

// Release returns the right up.
func (l *Lock) Release() error { return l.unlock(true) }
