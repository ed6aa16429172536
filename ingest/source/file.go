package source

import "os"

// file is an input that can be read at several places at once.
type file struct {
	*os.File
	counter *counter // of what was read of it, in its order
}

// read reads what stands at a place, as io.ReaderAt does: first what the system has in memory.
func (f *file) read(p []byte, at int64) (int, error) {
	n := readNow(f.File, p, at)
	if n == len(p) {
		return n, nil
	}
	m, err := f.ReadAt(p[n:], at+int64(n))
	return n + m, err
}
