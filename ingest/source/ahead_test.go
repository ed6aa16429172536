package source

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zeebo/xxh3"
)

// cutUp is a text as a cutter cuts it.
type cutUp struct {
	text    string // of all blocks
	tooLong int    // lines
	err     error
}

func (c *cutter) all(next func(*block) bool, first *block, workers int) cutUp {
	var mu sync.Mutex
	texts, out := map[int]string{first.number: string(first.text)}, cutUp{}
	if first.tooLong {
		out.tooLong++
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for b := (&block{}); next(b); {
				mu.Lock()
				texts[b.number] = string(b.text)
				if b.tooLong {
					out.tooLong++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var all strings.Builder
	for n := range len(texts) {
		all.WriteString(texts[n])
	}
	out.text, out.err = all.String(), c.err
	return out
}

// textsToCut are texts of short and of long lines.
func textsToCut() (texts []string) {
	r := rand.New(rand.NewPCG(3, 9))
	long := func(n int) string { return strings.Repeat("x", n) }
	for i := range 24 {
		var b strings.Builder
		if i%3 == 0 {
			b.WriteString("\xEF\xBB\xBF")
		}
		for n, most := 0, 1+r.IntN(8*blockSize); n < most; {
			k := r.IntN(3000)
			if r.IntN(200) == 0 {
				k = r.IntN(3 * blockSize)
			}
			fmt.Fprintf(&b, "%d %s\n", i, long(k))
			n += k
		}
		if i%2 == 0 {
			b.WriteString(long(r.IntN(blockSize)))
		}
		texts = append(texts, b.String())
	}
	for i, n := range []int{maxLine - 1, maxLine, maxLine + blockSize} {
		before := strings.Repeat("line\n", i*blockSize/4)
		texts = append(texts, before+long(n), before+long(n)+"\nb\n"+long(blockSize)+"\nc")
	}
	for n := blockSize - 2; n < blockSize+3; n++ {
		texts = append(texts, long(n), long(n)+"\n", long(n)+"\n"+long(n)+"\n", strings.Repeat("\n", 2*n))
	}
	return texts
}

// plainly cuts a text as a cutter has to: a line over the limit leaves its line break alone.
func plainly(text string) (c cutUp) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		content, ended := strings.CutSuffix(line, "\n")
		if len(content) < maxLine {
			b.WriteString(line)
			continue
		}
		if c.tooLong++; ended {
			b.WriteByte('\n')
		}
	}
	c.text = b.String()
	return c
}

// TestAhead: blocks that are read in turns, and those of a file that are read beside each other, hold its lines, and a
// file is counted and hashed in its order.
func TestAhead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	for i, text := range textsToCut() {
		want, inTurns, first := plainly(text), &cutter{size: blockSize, in: strings.NewReader(text), numbers: newNumbers()}, &block{}
		inTurns.next(first)
		if got := inTurns.all(inTurns.next, first, 1); got != want {
			t.Errorf("text %d: %d bytes, %d too long, %v; want %d, %d", i, len(got.text), got.tooLong, got.err, len(want.text), want.tooLong)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 4} {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			n := new(int64)
			counted := &counter{t.Context(), f, n, func(int64, int64) {}, xxh3.New()}
			br := bufio.NewReaderSize(counted, bufSize)
			if br, _, err = textOf(br); err != nil {
				t.Fatal(err)
			}
			marked := int64(len(text)) - int64(len(strings.TrimPrefix(text, "\xEF\xBB\xBF")))
			c, first := &cutter{size: blockSize, in: br, numbers: newNumbers()}, &block{}
			c.next(first)
			got := c.all(func(*block) bool { return false }, first, 1)
			if !c.done {
				if br.Buffered() > 0 {
					t.Errorf("text %d: something is left over that nobody reads", i)
				}
				a := newAhead(&file{f, counted}, c)
				got = c.all(func(b *block) bool { return a.next(context.Background(), b) }, first, workers)
				if err := a.end(); err != nil {
					t.Fatal(err)
				}
			}
			if want := plainly(text[marked:]); got != want {
				t.Errorf("text %d, %d workers: %d bytes, %d too long, %v; want %d, %d", i, workers, len(got.text), got.tooLong,
					got.err, len(want.text), want.tooLong)
			}
			whole := xxh3.HashString128(text).Bytes()
			sum := counted.hash.Sum128().Bytes()
			if at, err := f.Seek(0, io.SeekCurrent); *n != int64(len(text)) || at != *n || err != nil || !bytes.Equal(sum[:], whole[:]) {
				t.Errorf("text %d, %d workers: %d of %d bytes counted, at %d, hash %x, want %x", i, workers, *n, len(text), at, sum, whole)
			}
			_ = f.Close()
		}
	}
}
