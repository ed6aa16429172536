package show

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
)

// progress shows bytes, rate and the time left on a terminal; piped, it is silent.
type progress struct {
	w       *os.File
	what    string // is done, where nothing is read
	total   int64  // bytes expected, 0 unknown
	bytes   atomic.Int64
	records atomic.Int64
	start   time.Time
	done    chan struct{}
	ended   chan struct{}
}

// Progress returns a watch that shows on a terminal what goes on.
func Progress(w io.Writer, quiet bool) run.Watch {
	return func(what string, total int64) (func(int64, int64), func()) {
		p := &progress{w: text.Behind(w), what: what, total: total, start: time.Now()}
		p.show(quiet)
		return p.add, p.stop
	}
}

func (p *progress) show(quiet bool) {
	if quiet || p.w == nil || !term.IsTerminal(int(p.w.Fd())) {
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
	s := fmt.Sprintf("%s read, %.0f MB/s", text.Size(b), float64(b)/1e6/sec)
	if n > 0 {
		s += fmt.Sprintf(", %s records, %s/s", text.Count(n), text.Count(int64(float64(n)/sec)))
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
