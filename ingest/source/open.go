package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
)

const (
	// peekSize is how much of an input is looked at to tell its format.
	peekSize = 1 << 15
	// farPeek is how much where that does not tell.
	farPeek = 1 << 20
	bufSize = 1 << 16
)

// counter counts the bytes of an input as they are read. It ends with its context.
type counter struct {
	ctx  context.Context
	r    io.Reader
	n    *int64
	told func(bytes, records int64)
	hash *xxh3.Hasher // nil where nobody asks for a digest
}

func (c *counter) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	*c.n += int64(n)
	if c.hash != nil {
		_, _ = c.hash.Write(b[:n])
	}
	c.told(int64(n), 0)
	return n, err
}

// digest reads what is left and gives the digest of the whole.
func (c *counter) digest() (string, error) {
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte,
		blockSize)); err != nil {
		return "", plain(err)
	}
	sum := c.hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:]), nil
}

// isNew reports whether a file was not read before. Only where another had as many bytes that takes a pass over it.
func (r *reader) isNew(f *os.File, size int64) (bool, error) {
	if !r.options.Past.HasSize(size) && !r.sizes[size] {
		return true, nil
	}
	c := &counter{r.ctx, f, new(int64), func(int64, int64) {}, xxh3.New()}
	digest, err := c.digest()
	if err != nil {
		return false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, plain(err)
	}
	return !r.options.Past.HasSource(digest) && !r.digests[digest], nil
}

// skipMark passes over the mark that UTF-8 text may begin with.
func skipMark(br *bufio.Reader) error {
	head, _ := br.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		_, err := br.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return errors.New("text in UTF-16: convert it to UTF-8")
	}
	return nil
}

// What a compressed input may be. A window is memory that the sender chooses: zstd itself writes larger ones only where
// it is asked to. A log has far less than a hundredth of its size left when it is packed.
const (
	maxWindow    = 128 << 20
	maxExpansion = 500       // times its size,
	freeOutput   = 256 << 20 // once that much came out of it
)

// unpacking reads what a packed input expands to, and ends where it is no log.
type unpacking struct {
	io.Reader
	in  *int64
	out int64
}

func (u *unpacking) Read(b []byte) (int, error) {
	n, err := u.Reader.Read(b)
	if u.out += int64(n); u.out > freeOutput && u.out/maxExpansion > *u.in {
		return 0, fmt.Errorf("it expands to more than %d times its size: no log does; unpack it to read it all the same",
			maxExpansion)
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("it needs more than %d MiB to be unpacked: %w", maxWindow>>20, err)
	}
	return n, err
}

// consumed counts what was read.
type consumed struct {
	io.Reader
	n *int64
}

func (c consumed) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	*c.n += int64(n)
	return n, err
}

// unpack returns the content of r, decompressed if it starts like gzip or zstd whatever its name is; packed says so.
func unpack(r io.Reader) (in *bufio.Reader, packed bool, end func(), err error) {
	n := new(int64)
	br := bufio.NewReaderSize(consumed{r, n}, bufSize)
	head, _ := br.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, true, nil, err
		}
		return bufio.NewReaderSize(&unpacking{z, n, 0}, bufSize), true, func() {}, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(false),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, true, nil, err
		}
		return bufio.NewReaderSize(&unpacking{z, n, 0}, bufSize), true, z.Close, nil
	}
	return br, false, func() {}, nil
}
