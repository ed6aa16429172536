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
	"sync"

	"github.com/zeebo/xxh3"

	"sluice/ingest"
)

// reader reads one input after the other with the same workers.
type reader struct {
	*run
	options  Options
	workers  []*worker
	unpacker unpacker
	small    *block // of the last input that had no more than one
	format   int    // of the input
	past     had    // what of the input was read before
	file     *file  // the input, nil where it is none that can be read at any place
	block    int    // bytes that a worker takes at once of what is no line a record
}

// run is what the readers of one call of Read have in common.
type run struct {
	ctx   context.Context
	signs *signs // of the formats
	// decoders make the decoders of each format for one worker.
	decoders []func(ingest.Sink) ingest.Decoder
	earlier  []int64 // sizes of what earlier runs have read, in order
	seed     maphash.Seed

	reading sync.WaitGroup // of inputs beside each other
	mu      sync.Mutex
	sizes   map[int64]bool  // of the files of this run that were begun
	digests map[string]bool // of what was read by this run or an earlier one
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

// input is one that was opened, and is to be read.
type input struct {
	io.Reader
	regular *os.File     // nil where it is none
	size    int64        // of a regular file
	far     RemoteText   // nil where it is not on a server
	hash    *xxh3.Hasher // nil where nobody asks for a digest
	past    had          // what of it was read before
	closer  io.Closer    // nil for standard input
}

// close lets go of an input.
func (in *input) close() {
	if in.closer != nil {
		in.closer.Close()
	}
}

// open opens an input; nil: it is one that was read before.
func (r *reader) open(s *Source, stdin io.Reader) (*input, error) {
	if r.options.Remote != nil {
		if from := r.options.Remote(s.Name); from != nil {
			far, err := r.remote(s, from)
			if err != nil || far == nil {
				return nil, err
			}
			return &input{Reader: &waiting{ctx: r.ctx, r: far}, far: far, closer: far}, nil
		}
	}
	if s.Name == "-" {
		if stdin == nil {
			return nil, errors.New("no standard input")
		}
		return &input{Reader: &waiting{ctx: r.ctx, r: stdin}}, nil
	}
	f, err := await(r.ctx, func() (*os.File, error) { return os.Open(s.Name) }) // a pipe waits for who writes
	if err != nil {
		return nil, plain(err)
	}
	in, err := r.openFile(s, f)
	if err != nil || in == nil {
		f.Close()
	}
	return in, err
}

// openFile is open for a file.
func (r *reader) openFile(s *Source, f *os.File) (*input, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, plain(err)
	}
	if fi.IsDir() {
		return nil, errors.New(
			"no file to read: an empty directory, or one behind a link in another, which has to be named itself",
		)
	}
	if !fi.Mode().IsRegular() {
		return &input{Reader: &waiting{ctx: r.ctx, r: f}, closer: f}, nil
	}
	in := &input{Reader: f, regular: f, size: fi.Size(), closer: f}
	if r.options.Past != nil {
		if in.past, err = r.had(s, f, in.size); err == nil && in.past.bytes == 0 {
			in.past, err = r.hadText(s, f)
		}
		if s.Skipped = in.past.whole; err != nil || s.Skipped {
			return nil, err
		}
	}
	if r.options.Past != nil || r.options.Digests {
		in.hash = xxh3.New()
	}
	return in, nil
}

// read reads an input.
func (r *reader) read(s *Source, in *input) error {
	c := &counter{r.ctx, in, &s.Bytes, r.options.Progress, in.hash}
	r.past = in.past
	if r.file = nil; in.regular != nil {
		r.file = &file{in.regular, c}
	}
	br, packed, err := r.unpacker.open(c)
	if err != nil {
		return plain(err)
	}
	br, turned, err := textOf(br)
	if err != nil {
		return err
	}
	if turned { // the lines of its text are not those of what was read before
		r.past.line = -1
	}
	before := r.records()
	err = r.decode(s, br, packed || turned)
	s.Records = r.records() - before
	if in.far != nil && err == nil {
		if _, err = io.Copy(io.Discard, in.far); err != nil {
			return plain(err)
		}
		s.Bytes, s.Digest = in.far.Digest()
		r.noted(s)
	}
	if in.hash != nil && r.ctx.Err() == nil {
		var digestErr error
		s.Digest, digestErr = c.digest()
		if err = errors.Join(err, digestErr); err == nil || s.Records > 0 && digestErr == nil {
			r.noted(s)
		}
	}
	return err
}

// noted notes what was read, for it not to be read again.
func (r *run) noted(s *Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes[s.Bytes], r.digests[s.Digest] = true, true
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
	r := &reader{run: &run{signs: newSigns(formats)}, options: Options{Formats: formats}}
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
	at := s.Bytes - int64(br.Buffered()) // where br stands in the text
	if packed {
		at = 0
	}
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
	if first := r.newSearch().first(peek[:min(len(peek), firstSize)]); first != nil && r.past.bytes == 0 {
		s.begins, s.means = true, fingerprint(r.seed, first)
	}
	if r.past.bytes > 0 {
		from := r.past.line
		if !h.lines || packed && from < 0 {
			return errHad(&r.past)
		}
		if !packed {
			if from, err = lineBefore(r.file, r.past.bytes); err != nil {
				return err
			}
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
