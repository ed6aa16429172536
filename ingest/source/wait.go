package source

import (
	"context"
	"io"
)

// waiting reads an input that may have nothing to say for long, a pipe or standard input: it ends with its context all
// the same. What is left behind then is one read, and the process ends too.
type waiting struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

func (w *waiting) Read(b []byte) (int, error) {
	if w.buf == nil {
		w.buf = make([]byte, bufSize)
	}
	buf := w.buf[:min(len(b), len(w.buf))]
	n, err := await(w.ctx, func() (int, error) { return w.r.Read(buf) })
	if w.ctx.Err() != nil {
		w.buf = nil // somebody may still write to it
		return 0, w.ctx.Err()
	}
	return copy(b, buf[:n]), err
}

// await calls a function that may block, and returns when it does or its context ends.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
