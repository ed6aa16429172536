package source

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/zeebo/xxh3"
)

// had returns how much of a file was read before: all of it, or its beginning where it has grown since an earlier run.
// Only where another file had as many bytes, or fewer then, that takes a pass over it.
func (r *reader) had(s *Source, f *os.File, size int64) (bytes int64, err error) {
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
	at, c := int64(0), &counter{r.ctx, f, new(int64), func(int64, int64) {}, xxh3.New()}
	for _, n := range sizes {
		if n <= 0 { // of a store that lies
			continue
		}
		if _, err := io.CopyN(struct{ io.Writer }{io.Discard}, c, n-at); err != nil {
			return 0, plain(err)
		}
		at = n
		sum := c.hash.Sum128().Bytes()
		if digest := hex.EncodeToString(sum[:]); r.hadDigest(digest) {
			bytes, s.Had = n, digest
		}
	}
	if at > 0 {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, plain(err)
		}
	}
	return bytes, nil
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
func errHad(bytes int64) error {
	return fmt.Errorf("its first %d bytes were read before, and would count twice: tail -c +%d FILE | sluice ... -",
		bytes, bytes+1)
}
