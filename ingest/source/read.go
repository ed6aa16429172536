package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"os"
	"slices"

	"github.com/zeebo/xxh3"

	"sluice/ingest"
)

// reader reads one input after the other with the same workers.
type reader struct {
	ctx     context.Context
	options Options
	signs   *signs // of the formats
	workers []*worker
	// decoders make the decoders of each format for one worker.
	decoders []func(ingest.Sink) ingest.Decoder
	unpacker unpacker
	small    *block          // of the last input that had no more than one
	format   int             // of the input
	past     int64           // bytes of the input that were read before
	file     *file           // the input, nil where it is none that can be read at any place
	block    int             // bytes that a worker takes at once of what is no line a record
	earlier  []int64         // sizes of what earlier runs have read, in order
	sizes    map[int64]bool  // of the files of this run
	digests  map[string]bool // of what was read by this run or an earlier one
	// begun are the inputs of this run by what their first records mean.
	begun map[uint64]string
	seed  maphash.Seed
}

// worker returns the worker of a number, making those up to it that do not exist yet.
func (r *reader) worker(n int) *worker {
	for len(r.workers) <= n {
		w := newWorker(r.options.NewSink(), r.options.Progress, r.sniff, r.signs)
		for _, make := range r.decoders {
			w.all = append(w.all, make(w))
		}
		w.reads(r.format)
		r.workers = append(r.workers, w)
	}
	return r.workers[n]
}

// reads says that the next input is of the format of that number.
func (r *reader) reads(format int) {
	r.format = format
	for _, w := range r.workers {
		w.reads(format)
	}
}

// sniff reports whether an object is a record of some format.
func (r *reader) sniff(object []byte) bool {
	return slices.ContainsFunc(r.options.Formats, func(f ingest.Format) bool { return f.Sniff(object) })
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
	r.past = 0
	var in io.Reader
	if stdin != nil {
		in = &waiting{ctx: r.ctx, r: stdin}
	}
	var hash *xxh3.Hasher
	var regular *os.File
	var far RemoteText
	if r.options.Remote != nil {
		if from := r.options.Remote(s.Name); from != nil {
			var err error
			if far, err = r.remote(s, from); err != nil || far == nil {
				return err
			}
			defer far.Close()
			in = &waiting{ctx: r.ctx, r: far}
		}
	}
	if s.Name != "-" && far == nil {
		f, err := await(r.ctx, func() (*os.File, error) { return os.Open(s.Name) }) // a pipe waits for who writes
		if err != nil {
			return plain(err)
		}
		defer f.Close()
		fi, err := f.Stat()
		if err != nil {
			return plain(err)
		}
		if fi.IsDir() {
			return errors.New(
				"no file to read: an empty directory, or one behind a link in another, which has to be named itself",
			)
		}
		if past := r.options.Past; (past != nil || r.options.Digests) && fi.Mode().IsRegular() {
			if past != nil {
				had, err := r.had(s, f, fi.Size())
				if s.Skipped = had > 0 && had == fi.Size(); err != nil || s.Skipped {
					return err
				}
				r.past = had
			}
			hash = xxh3.New()
		}
		if in, regular = f, f; !fi.Mode().IsRegular() {
			in, regular = &waiting{ctx: r.ctx, r: f}, nil
		}
	}
	if in == nil {
		return errors.New("no standard input")
	}
	c := &counter{r.ctx, in, &s.Bytes, r.options.Progress, hash}
	if r.file = nil; regular != nil {
		r.file = &file{regular, c}
	}
	br, packed, err := r.unpacker.open(c)
	if err != nil {
		return plain(err)
	}
	br, turned, err := textOf(br)
	if err != nil {
		return err
	}
	before := r.records()
	err = r.decode(s, br, packed || turned)
	s.Records = r.records() - before
	if far != nil && err == nil {
		if _, err = io.Copy(io.Discard, far); err != nil {
			return plain(err)
		}
		s.Bytes, s.Digest = far.Digest()
		r.digests[s.Digest] = true
	}
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

// Tell returns the name of the format that the log in a file is of, "" where it is none or cannot be read. A text that
// is no JSON must begin with a record: a record in a comment makes no log.
func Tell(file string, formats []ingest.Format) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return ""
	}
	var u unpacker
	defer u.close()
	br, _, err := u.open(f)
	if err != nil {
		return ""
	}
	if br, _, err = textOf(br); err != nil {
		return ""
	}
	r := &reader{options: Options{Formats: formats}, signs: newSigns(formats)}
	peek, err := br.Peek(peekSize)
	start := bytes.TrimSpace(peek)
	if len(start) == 0 || start[0] == '#' {
		return ""
	}
	if start[0] != '{' && start[0] != '[' {
		start, _, _ = bytes.Cut(start, newline)
	}
	if h, ok := r.head(start, err != nil); ok {
		return formats[h.format].Name
	}
	return ""
}

// firstSize is how much of an input its first record is looked for in, to tell whether another one has it.
const firstSize = 4 << 10

// decode tells by the start of an input what it is, and reads it.
func (r *reader) decode(s *Source, br *bufio.Reader, packed bool) error {
	at := s.Bytes - int64(br.Buffered()) // where br stands in what is not packed
	peek, err := br.Peek(peekSize)
	skipped := int64(0)
	for ; isBlank(peek) && err == nil; peek, err = br.Peek(peekSize) { // blank as far as one can see
		skipped += int64(bytes.Count(peek, newline))
		_, _ = br.Discard(len(peek))
		at += int64(len(peek))
	}
	if isBlank(peek) {
		if err != nil && !errors.Is(err, io.EOF) {
			return plain(err)
		}
		return ErrEmpty
	}
	h, ok := r.head(peek, err != nil)
	// The log of a program begins with more than flows, and a line of many records is long.
	if long := peek[0] == '{' && bytes.IndexByte(peek, '\n') < 0; (!ok || long) && err == nil {
		br = bufio.NewReaderSize(br, farPeek)
		peek, err = br.Peek(farPeek)
		h, ok = r.head(peek, err != nil)
	}
	if !ok {
		return noLog(peek)
	}
	s.Format = r.options.Formats[h.format].Name
	r.reads(h.format)
	if first := r.newSearch().first(peek[:min(len(peek), firstSize)]); first != nil && r.past == 0 {
		means := fingerprint(r.seed, first)
		if s.Alike = r.begun[means]; s.Alike == "" {
			r.begun[means] = s.Name
		}
	}
	if r.past > 0 {
		if packed || !h.lines {
			return errHad(r.past)
		}
		from, err := lineBefore(r.file, r.past)
		if err != nil {
			return err
		}
		lines, err := passHad(br, from-at)
		if err != nil {
			return err
		}
		skipped += lines
	}
	in := io.MultiReader(io.LimitReader(newlines{}, skipped), br) // for lines to keep their numbers
	if skipped == 0 {
		in = br
	}
	if h.lines {
		return r.lines(s.Name, in, packed, h)
	}
	return r.values(s.Name, in, packed)
}

// isBlank reports whether a text has nothing in it. Where a log was cut to nothing while its writer went on, it begins
// with as many zero bytes as there were others.
func isBlank(text []byte) bool { return len(bytes.Trim(text, blankBytes+"\v\f\x00")) == 0 }

// newlines is blank lines without end.
type newlines struct{}

func (newlines) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '\n'
	}
	return len(b), nil
}
