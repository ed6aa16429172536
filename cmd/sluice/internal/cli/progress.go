package cli

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress shows bytes, rate and the time left on a terminal; piped, it is silent.
type progress struct {
	w       io.Writer
	what    string // is done, where nothing is read
	total   int64  // bytes expected, 0 unknown
	bytes   atomic.Int64
	records atomic.Int64
	start   time.Time
	done    chan struct{}
	ended   chan struct{}
}

func newProgress(w io.Writer, total int64, quiet bool) *progress {
	p := &progress{w: w, total: total, start: time.Now()}
	p.show(quiet)
	return p
}

// during does what may take long, and shows what and for how long already.
func during(w io.Writer, quiet bool, what string, do func() error) error {
	p := &progress{w: w, what: what, start: time.Now()}
	p.show(quiet)
	defer p.stop()
	return do()
}

func (p *progress) show(quiet bool) {
	f, ok := p.w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return
	}
	p.done, p.ended = make(chan struct{}), make(chan struct{})
	go p.run()
}

func (p *progress) add(bytes, records int64) {
	p.bytes.Add(bytes)
	p.records.Add(records)
}

func (p *progress) run() {
	defer close(p.ended)
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			fmt.Fprint(p.w, "\r\x1b[K")
			return
		case <-t.C:
			fmt.Fprint(p.w, "\r\x1b[K"+p.line())
		}
	}
}

func (p *progress) line() string {
	b, n, sec := p.bytes.Load(), p.records.Load(), time.Since(p.start).Seconds()
	if p.what != "" {
		return fmt.Sprintf("%s, %.0f s", p.what, sec)
	}
	s := fmt.Sprintf("%s read, %.0f MB/s", size(b), float64(b)/1e6/sec)
	if n > 0 {
		s += fmt.Sprintf(", %s records, %s/s", count(n), count(int64(float64(n)/sec)))
	}
	if p.total > b && b > 0 {
		left := time.Duration(float64(p.total-b) / float64(b) * sec * float64(time.Second))
		s += fmt.Sprintf(", %d %%, %s left", b*100/p.total, left.Round(time.Second))
	}
	return s
}

func (p *progress) stop() {
	if p.done != nil {
		close(p.done)
		<-p.ended
	}
}

func size(b int64) string {
	switch {
	case b >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(b)/1e9)
	case b >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(b)/1e6)
	case b >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(b)/1e3)
	}
	return fmt.Sprintf("%d B", b)
}
