package source

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/zeebo/xxh3"
)

// had is what of a file was read before: nothing, all of it, or its beginning where it has grown since.
type had struct {
	bytes int64 // of the file, or of the text that is packed in it
	text  bool
	line  int64 // where in the packed text the line begins in which bytes ends; -1 where that is not known
	whole bool
}

// had returns what of a file was read before. Only where another file had as many bytes, or fewer then, that takes a
// pass over it.
func (r *reader) had(s *Source, f *os.File, size int64) (past had, err error) {
	past.line = -1
	r.mu.Lock()
	again := r.sizes[size]
	r.sizes[size] = true
	r.mu.Unlock()
	if again {
		r.reading.Wait() // until the digest of the other one is known
	}
	n, known := slices.BinarySearch(r.earlier, size)
	sizes := slices.Clip(r.earlier[:n])
	if known || again {
		sizes = append(sizes, size)
	}
	text := &passed{hash: xxh3.New()}
	c := &counter{r.ctx, f, new(int64), func(int64, int64) {}, nil}
	if past.bytes, _, err = r.knows(s, c, text, sizes); err == nil && text.bytes > 0 {
		_, err = f.Seek(0, io.SeekStart)
	}
	past.whole = past.bytes > 0 && past.bytes == size
	return past, plain(err)
}

// hadText is had for the text in a file that is packed: a log is read before it is rotated, and packed behind that. It
// gives a file that was read whole its digest, by which the next run knows it without a look at its text.
func (r *reader) hadText(s *Source, f *os.File) (past had, err error) {
	past.line = -1
	if len(r.earlier) == 0 || !isPacked(f) {
		return past, nil
	}
	var u unpacker
	defer u.close()
	c := &counter{r.ctx, f, new(int64), func(int64, int64) {}, xxh3.New()}
	text := &passed{hash: xxh3.New()}
	in, _, broken := u.open(c)
	var mark []byte
	if broken == nil {
		mark, _ = in.Peek(len(byteOrderMark))
	}
	before := int64(0) // that is none of its lines
	if string(mark) == byteOrderMark {
		before = int64(len(mark))
	}
	if broken == nil { // what is damaged is told by who reads it
		past.bytes, past.line, broken = r.knows(s, in, text, r.earlier)
		past.text, past.line = true, max(0, past.line-before)
	}
	if broken == nil {
		_, broken = in.Peek(1)
	}
	if past.whole = past.bytes > 0 && past.bytes == text.bytes && errors.Is(broken, io.EOF); past.whole {
		s.Digest, err = c.digest()
		s.Bytes = *c.n
		return past, err
	}
	if err = r.ctx.Err(); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return past, plain(err)
}

// knows passes over a text up to each of some sizes, in their order, and returns how much of it was read before, and
// where the line begins in which that ends.
func (r *reader) knows(s *Source, in io.Reader, text *passed, sizes []int64) (bytes, line int64, err error) {
	for _, n := range sizes {
		if n <= 0 { // of a store that lies
			continue
		}
		if _, err := io.CopyN(text, in, n-text.bytes); err != nil {
			return bytes, line, err
		}
		sum := text.hash.Sum128().Bytes()
		if digest := hex.EncodeToString(sum[:]); r.hadDigest(digest) {
			bytes, line, s.Had = n, text.line, digest
		}
	}
	return bytes, line, nil
}

// passed is what of a text was passed over.
type passed struct {
	hash  *xxh3.Hasher
	bytes int64
	line  int64 // where the last line begins
}

func (p *passed) Write(b []byte) (int, error) {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		p.line = p.bytes + int64(i) + 1
	}
	p.bytes += int64(len(b))
	return p.hash.Write(b)
}

// hadDigest reports whether what has a digest was read before.
func (r *run) hadDigest(digest string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.digests[digest]
}

// lineBefore returns where the line begins in which a place of a file stands, 0 where that is far away.
func lineBefore(f io.ReaderAt, at int64) (int64, error) {
	buf := make([]byte, bufSize)
	for to := at; to > 0 && at-to < maxLine; {
		n := min(to, bufSize)
		to -= n
		if _, err := f.ReadAt(buf[:n], to); err != nil {
			return 0, plain(err)
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return to + int64(i) + 1, nil
		}
	}
	return 0, nil
}

// passHad passes over the lines of a log that were read before it had grown, and returns how many those are.
func passHad(br *bufio.Reader, n int64) (lines int64, err error) {
	for n > 0 {
		b, err := br.Peek(int(min(n, int64(br.Size()))))
		lines += int64(bytes.Count(b, newline))
		n -= int64(len(b))
		if _, _ = br.Discard(len(b)); err != nil {
			return lines, plain(err)
		}
	}
	return lines, nil
}

// errHad is the error for a log that has grown and that can only be read from its beginning.
func errHad(past *had) error {
	if past.text {
		return fmt.Errorf("the first %d bytes of its text were read before, and would count twice: "+
			"unpack it, and then tail -c +%d FILE | sluice ... -", past.bytes, past.bytes+1)
	}
	return fmt.Errorf("its first %d bytes were read before, and would count twice: tail -c +%d FILE | sluice ... -",
		past.bytes, past.bytes+1)
}
