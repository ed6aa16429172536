package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

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
	c.count(b[:n])
	return n, err
}

// count is told what was read.
func (c *counter) count(b []byte) {
	*c.n += int64(len(b))
	if c.hash != nil {
		_, _ = c.hash.Write(b)
	}
	c.told(int64(len(b)), 0)
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

// foreign are the starts of what is no text, and what to do about it.
var foreign = []struct{ start, what string }{
	{"\xFF\xFE\x00\x00", "text in UTF-32: iconv -f UTF-32 -t UTF-8 FILE | sluice ... -"},
	{"\x00\x00\xFE\xFF", "text in UTF-32: iconv -f UTF-32 -t UTF-8 FILE | sluice ... -"},
	{"\x1F\x8B", "packed twice: unpack it once"},
	{"\x28\xB5\x2F\xFD", "packed twice: unpack it once"},
	{"BZh", "packed with bzip2, which is not read: bzip2 -dc FILE | sluice ... -"},
	{"\xFD7zXZ\x00", "packed with xz, which is not read: xz -dc FILE | sluice ... -"},
	{"\x04\x22\x4D\x18", "packed with lz4, which is not read: lz4 -dc FILE | sluice ... -"},
	{"\xFF\x06\x00\x00sNaPpY", "packed with snappy, which is not read: pack it with gzip or zstd"},
	{"\x1F\x9D", "packed with compress, which is not read: gzip -dc FILE | sluice ... -"},
	{"\x78\x9C", deflated},
	{"\x78\xDA", deflated},
	{"\x78\x5E", deflated},
	{"\x78\x01", deflated},
	{"PK\x03\x04", "a zip archive, which is not read: unzip -p FILE | sluice ... -"},
	{"7z\xBC\xAF", "a 7z archive, which is not read: 7z x -so FILE | sluice ... -"},
	{"PAR1", "a Parquet file: a store is read whole, by its directory; of another one write the records as JSON, one a line"},
	{"ARROW1", "an Arrow file, which is not read: write its records as JSON, one a line"},
	{"\xFF\xFF\xFF\xFF", "a stream of Arrow, which is not read: write its records as JSON, one a line"},
	{"ORC", "an ORC file, which is not read: write its records as JSON, one a line (orc-contents FILE)"},
	{"Obj\x01", "an Avro file, which is not read: avro-tools tojson FILE | sluice ... -"},
	{"SQLite format 3\x00", "a database of SQLite, which is not read: write the column of the records, one a line"},
	{"\xD4\xC3\xB2\xA1", packets},
	{"\xA1\xB2\xC3\xD4", packets},
	{"\x0A\x0D\x0D\x0A", packets},
	{"\x92\xCE", messagePack},
	{"\x92\xCF", messagePack},
	{"\x92\xD7\x00", messagePack},
	{"\x92\x92", messagePack},
}

const (
	deflated = "packed with zlib, which is not read: pigz -dc FILE | sluice ... -"
	packets  = "packets (pcap), as hubble record writes them: they name no workloads; " +
		"hubble observe -o jsonpb writes flows"
	messagePack = "MessagePack, which is not read: fluent-binlog-reader cat FILE | sluice ... -, " +
		"or have the pipeline write JSON"
)

// byteOrderMark may stand before a text in UTF-8.
const byteOrderMark = "\xEF\xBB\xBF"

// textOf passes over the mark that UTF-8 text may begin with, and turns UTF-16 into UTF-8, which it says. What is no
// text is an error.
func textOf(br *bufio.Reader) (in *bufio.Reader, turned bool, err error) {
	head, _ := br.Peek(16)
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		_, err := br.Discard(len(byteOrderMark))
		return br, false, err
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.start)) && (f.start != "ORC" || !isPlain(head)) {
			return nil, false, errors.New(f.what)
		}
	}
	if order, ok := utf16Order(head); ok {
		return bufio.NewReaderSize(&utf16Reader{in: br, order: order}, bufSize), true, nil
	}
	return br, false, nil
}

// isPlain reports whether a text has no other than plain characters.
func isPlain(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && !strings.ContainsRune(blankBytes, r) || r > '~'
	})
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
	if errors.Is(err, zstd.ErrMagicMismatch) {
		err = errMixed
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("it needs more than %d MiB to be unpacked: %w", maxWindow>>20, err)
	}
	return n, err
}

// errMixed is the error for what is packed in part, or in two ways.
var errMixed = errors.New("something else stands behind what was packed: " +
	"unpack each file, and then join them (zcat -f FILE... | sluice ... -)")

// members reads all that was packed with gzip, one after the other, and passes over zero bytes behind them, which fill
// up the blocks of tapes and disks.
type members struct {
	*gzip.Reader
	in  *bufio.Reader
	err error // that ended it
}

func (m *members) Read(b []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.Reader.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for {
		c, err := m.in.ReadByte()
		if err != nil {
			return n, err
		}
		if c != 0 {
			break
		}
	}
	_ = m.in.UnreadByte()
	switch err := m.Reset(m.in); {
	case errors.Is(err, gzip.ErrHeader):
		m.err = errMixed
		return n, m.err
	case err != nil:
		return n, err
	}
	m.Multistream(false)
	return n, nil
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

// magicSize is how many bytes tell how an input is packed.
const magicSize = 4

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

func isZstd(head []byte) bool {
	return bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) || skippable(head)
}

// isPacked reports whether a file is packed in a way that is read.
func isPacked(f io.ReaderAt) bool {
	var head [magicSize]byte
	n, _ := f.ReadAt(head[:], 0)
	return isGzip(head[:n]) || isZstd(head[:n])
}

// skippable reports whether a frame of zstd begins that holds nothing: those that pack on many cores begin with one.
func skippable(head []byte) bool {
	return len(head) == magicSize && head[0]&0xF0 == 0x50 && head[1] == 0x2A && head[2] == 0x4D && head[3] == 0x18
}

// unpacker opens inputs one after the other. What it needs for that, which is more than a small input has, it keeps.
type unpacker struct {
	outer, inner *bufio.Reader
	gzip         *gzip.Reader
	zstd         *zstd.Decoder
}

// open returns the content of r, decompressed if it starts like gzip or zstd whatever its name is; packed says so. It
// is for reading until the next call.
func (u *unpacker) open(r io.Reader) (in *bufio.Reader, packed bool, err error) {
	n := new(int64)
	u.outer = buffered(u.outer, consumed{r, n})
	head, _ := u.outer.Peek(magicSize)
	var text io.Reader
	switch {
	case isGzip(head):
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		if err := u.gzip.Reset(u.outer); err != nil {
			return nil, true, err
		}
		u.gzip.Multistream(false)
		text = &members{Reader: u.gzip, in: u.outer}
	case isZstd(head):
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(false),
				zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, true, err
			}
		}
		if err := u.zstd.Reset(u.outer); err != nil {
			return nil, true, err
		}
		text = u.zstd
	default:
		return u.outer, false, nil
	}
	u.inner = buffered(u.inner, &unpacking{text, n, 0})
	return u.inner, true, nil
}

// close lets go of the input and of what was kept.
func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
	*u = unpacker{}
}

// buffered is b for another input, a new one where b is nil.
func buffered(b *bufio.Reader, in io.Reader) *bufio.Reader {
	if b == nil {
		return bufio.NewReaderSize(in, bufSize)
	}
	b.Reset(in)
	return b
}
