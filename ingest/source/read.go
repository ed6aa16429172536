package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/zeebo/xxh3"

	"sluice/ingest"
	"sluice/ingest/calico"
	"sluice/ingest/hubble"
	"sluice/model"
)

// reader reads one input after the other with the same workers.
type reader struct {
	ctx     context.Context
	options Options
	workers []*worker
	sizes   map[int64]bool  // of the files of this run
	digests map[string]bool // of the files of this run
}

// worker is a decoder with its sink. It serves one goroutine at a time.
type worker struct {
	sink     ingest.Sink
	hubble   *hubble.Decoder
	records  int64
	progress func(bytes, records int64)
	told     int64 // records that progress knows of
	unended  bool  // at a line without end: the last one of the input
}

// tellEvery is after how many records progress is told.
const tellEvery = 1 << 12

// Flow counts a record and hands it on.
func (w *worker) Flow(f *model.Flow) {
	w.count()
	w.sink.Flow(f)
}

// Reject counts a record that is none and hands it on.
func (w *worker) Reject(r ingest.Rejection) {
	w.count()
	if w.unended && r.Reason == model.BadJSON {
		r.Reason = model.Truncated
	}
	w.sink.Reject(r)
}

func (w *worker) count() {
	if w.records++; w.records-w.told >= tellEvery {
		w.tell()
	}
}

func (w *worker) tell() {
	w.progress(0, w.records-w.told)
	w.told = w.records
}

// worker gives the worker of a number, making those up to it that do not exist yet.
func (r *reader) worker(n int) *worker {
	for len(r.workers) <= n {
		w := &worker{sink: r.options.NewSink(), progress: r.options.Progress}
		if len(r.workers) == 0 {
			w.hubble = hubble.New(r.options.Tables, w)
		} else {
			w.hubble = r.workers[0].hubble.Sibling(w)
		}
		r.workers = append(r.workers, w)
	}
	return r.workers[n]
}

// records is how many records all workers have had, which progress then knows.
func (r *reader) records() (n int64) {
	for _, w := range r.workers {
		n += w.records
		w.tell()
	}
	return n
}

func (r *reader) read(s *Source, stdin io.Reader) error {
	in := stdin
	var hash *xxh3.Hasher
	if s.Name != "-" {
		f, err := os.Open(s.Name)
		if err != nil {
			return plain(err)
		}
		defer f.Close()
		fi, err := f.Stat()
		if err != nil {
			return plain(err)
		}
		if fi.IsDir() {
			return errors.New("no file to read: an empty directory, or one behind a link in another, which has to be named itself")
		}
		if r.options.Past != nil && fi.Mode().IsRegular() {
			isNew, err := r.isNew(f, fi.Size())
			if s.Skipped = !isNew; err != nil || s.Skipped {
				return err
			}
			hash = xxh3.New()
		}
		in = f
	}
	if in == nil {
		return errors.New("no standard input")
	}
	c := &counter{r.ctx, in, &s.Bytes, r.options.Progress, hash}
	br, packed, closer, err := unpack(c)
	if err != nil {
		return plain(err)
	}
	defer closer()
	if err := skipMark(br); err != nil {
		return err
	}
	before := r.records()
	err = r.decode(s, br, packed)
	s.Records = r.records() - before
	if hash != nil && r.ctx.Err() == nil {
		err = errors.Join(err, r.finish(s, c))
	}
	return err
}

// finish completes the digest of a file.
func (r *reader) finish(s *Source, c *counter) (err error) {
	if s.Digest, err = c.digest(); err == nil {
		r.sizes[s.Bytes], r.digests[s.Digest] = true, true
	}
	return err
}

// decode tells the format of an input by its start and reads it.
func (r *reader) decode(s *Source, br *bufio.Reader, packed bool) error {
	peek, err := br.Peek(peekSize)
	if len(bytes.TrimSpace(peek)) == 0 {
		if err != nil && err != io.EOF {
			return plain(err)
		}
		return ErrEmpty
	}
	first := r.worker(0)
	if calico.Sniff(peek) {
		s.Format = "calico"
		return calico.Decode(br, s.Name, r.options.Tables, first)
	}
	if !hubble.Sniff(peek) {
		return errors.New("no flow log of Hubble or Calico")
	}
	s.Format = "hubble"
	if oneLine(peek) {
		return r.lines(s.Name, br, packed)
	}
	return first.objects(r.ctx, s.Name, br)
}

// oneLine reports whether records take one line each: some line is an object, or the first one is too long to tell.
func oneLine(peek []byte) bool {
	if bytes.TrimSpace(peek)[0] == '[' {
		return false
	}
	if bytes.IndexByte(bytes.TrimSpace(peek), '\n') < 0 {
		return true
	}
	for line := range bytes.Lines(peek) {
		t := bytes.TrimRight(line, " \t\r\n")
		if len(t) > 2 && t[0] == '{' && t[len(t)-1] == '}' {
			return true
		}
	}
	return false
}
