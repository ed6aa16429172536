package store

import "bytes"

// Distant are Files whose answers take long. A scan asks for several at once.
type Distant interface {
	// Ahead is how many files are read at once, at least 1.
	Ahead() int
}

// Metered are Files of a service that charges for what it is asked.
type Metered interface {
	// Traffic returns how many requests were made so far, and how many bytes of files were read.
	Traffic() (requests, bytes int64)
}

// Caching are Files that keep what was read of them, by its SHA-256.
type Caching interface {
	// Cached returns the file of a digest, which it has, or nil.
	Cached(digest string) []byte
	// Keep may keep a file of this digest.
	Keep(digest string, data []byte)
	// Saved returns how many files were not asked for, and their bytes, and why no more are kept.
	Saved() (files, bytes int64, err error)
}

// Saved returns what a cache has saved so far, nothing where there is none.
func (s *Store) Saved() (files, bytes int64, err error) {
	if c, ok := s.files.(Caching); ok {
		return c.Saved()
	}
	return 0, 0, nil
}

// Traffic returns what the files of the store were asked for so far, 0 where nobody counts that.
func (s *Store) Traffic() (requests, bytes int64) {
	if m, ok := s.files.(Metered); ok {
		return m.Traffic()
	}
	return 0, 0
}

// ahead reads files in the order in which they are wanted, several at once.
type ahead struct {
	files  Files
	wanted []wantedFile
	most   int
	asked  int // how many of the wanted
	at     int // the one that is handed out next
}

// wantedFile is a file that a commit names, and what came of reading it.
type wantedFile struct {
	named
	got chan gotFile
}

type gotFile struct {
	data []byte
	err  error
}

// readAhead returns what reads the files of segments, labels first; nil: there is no use in reading ahead.
func readAhead(files Files, segments []Segment) func(named) ([]byte, error) {
	d, ok := files.(Distant)
	if !ok {
		return nil
	}
	a := &ahead{files: files, most: d.Ahead()}
	for i := range segments {
		for _, f := range segments[i].files() {
			a.wanted = append(a.wanted, wantedFile{f, make(chan gotFile, 1)})
		}
	}
	return a.next
}

// next returns the next file, which is the one that is named. Those that nobody asks for any more are read for nothing.
func (a *ahead) next(named) ([]byte, error) {
	for a.asked < min(len(a.wanted), a.at+a.most) {
		f := a.wanted[a.asked]
		go func() {
			var data bytes.Buffer
			err := read(a.files, f.named, &data)
			f.got <- gotFile{data.Bytes(), err}
		}()
		a.asked++
	}
	f := <-a.wanted[a.at].got
	a.at++
	return f.data, f.err
}
