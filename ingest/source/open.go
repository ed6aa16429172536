package source

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
)

const (
	// peekSize is how much of an input is looked at to tell its format.
	peekSize = 1 << 15
	bufSize  = 1 << 16
)

// counter counts the bytes of an input as they are read.
type counter struct {
	r    io.Reader
	n    *int64
	told func(bytes, records int64)
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	*c.n += int64(n)
	c.told(int64(n), 0)
	return n, err
}

// digest computes the digest of a file and goes back to its start.
func digest(f *os.File) (string, int64, error) {
	h := xxh3.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, make([]byte, 1<<18))
	if err != nil {
		return "", n, plain(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", n, plain(err)
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:]), n, nil
}

// unpack gives the content of r, decompressed if it starts like gzip or zstd whatever its name is.
func unpack(r io.Reader) (*bufio.Reader, func(), error) {
	br := bufio.NewReaderSize(r, bufSize)
	head, _ := br.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, err
		}
		return bufio.NewReaderSize(z, bufSize), func() {}, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, err
		}
		return bufio.NewReaderSize(z, bufSize), z.Close, nil
	}
	return br, func() {}, nil
}
