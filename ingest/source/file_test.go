package source

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestReadNow: reading first what is in memory gives what reading gives, wherever it begins and ends, also of a file
// that is cut off or grows meanwhile.
func TestReadNow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	text := make([]byte, 3*blockSize+123)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(text)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	f := &file{File: h}
	same := func(at, size int) {
		t.Helper()
		want, got := make([]byte, size), make([]byte, size)
		n, wantErr := h.ReadAt(want, int64(at))
		m, err := f.read(got, int64(at))
		if n != m || !errors.Is(err, wantErr) || !bytes.Equal(want, got) {
			t.Fatalf("%d bytes at %d: %d and %v, reading gives %d and %v", size, at, m, err, n, wantErr)
		}
	}
	if n := readNow(h, make([]byte, blockSize), 0); readsNow && n != blockSize {
		t.Errorf("%d bytes are in memory of what was just written, want %d", n, blockSize)
	}
	for _, end := range []int{len(text), len(text) + 5000, 2*blockSize + 1, 1, 0} {
		if err := h.Truncate(int64(end)); err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, 1, pageSize - 1, pageSize, blockSize, end - pageSize, end - 1, end, end + 1} {
			for _, size := range []int{1, pageSize - 1, pageSize, blockSize + 7} {
				same(max(at, 0), size)
			}
		}
	}
	h.Close()
	if n, err := f.read(make([]byte, 1), 0); n != 0 || errors.Is(err, io.EOF) || err == nil {
		t.Errorf("of a closed file: %d and %v", n, err)
	}
}
