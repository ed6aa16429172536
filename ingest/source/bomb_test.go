package source

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// zeros is an endless text.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestBombs: what expands without end, or wants gigabytes to be unpacked, is an error that says so, soon and in little
// memory; what lies before it is read.
func TestBombs(t *testing.T) {
	pack := func(w io.WriteCloser, b *bytes.Buffer, size int64) io.Reader {
		_, err1 := io.WriteString(w, good+"\n")
		_, err2 := io.CopyN(w, zeros{}, size)
		if err := errors.Join(err1, err2, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b
	}
	var g, z bytes.Buffer
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	// A frame with a window of 2 GiB and one raw block.
	window := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 9, 0, 0}, 'x')
	for name, c := range map[string]struct {
		in   io.Reader
		want string
	}{
		"gzip":        {pack(gzip.NewWriter(&g), &g, 400<<20), "more than 500 times its size"},
		"zstd":        {pack(zw, &z, 400<<20), "more than 500 times its size"},
		"zstd window": {bytes.NewReader(window), "more than 128 MiB to be unpacked"},
	} {
		got, err := inOrder(t, c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(got, "+") && name != "zstd window" {
			t.Errorf("%s: read %q", name, got)
		}
	}
	got, err := inOrder(t, io.MultiReader(strings.NewReader(good+"\n"), io.LimitReader(zeros{}, 100<<20)))
	if err != nil || got != "+ 2:too-long" {
		t.Errorf("a line without end: %q, %v", got, err)
	}
}
