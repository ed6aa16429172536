package source

import (
	"fmt"
	"io"
)

// besideSize is up to how many bytes a plain file is read by one worker where others follow: all of them would wait for
// each other at the end of each.
const besideSize = 16 << 20

// queue reads one input after the other, and beside each other what one worker reads as fast as all: what is packed,
// since only one processor can unpack it, and small files.
type queue struct {
	*reader // with all workers
	stdin   io.Reader
	sources []*Source
	idle    chan *reader // those of one worker each that read nothing
}

// read reads an input; more says that another one follows. It may still be read when read returns.
func (q *queue) read(name string, more bool) {
	s := &Source{Name: name}
	q.sources = append(q.sources, s)
	in, err := q.open(s, q.stdin)
	if err != nil || in == nil {
		s.fail(err)
		return
	}
	if (more || len(q.idle) < cap(q.idle)) && q.options.Workers > 1 && in.besides() {
		one := q.one()
		q.reading.Go(func() {
			one.readAll(s, in)
			q.idle <- one
		})
		return
	}
	q.reading.Wait()
	q.readAll(s, in)
}

// one waits for a reader of one worker.
func (q *queue) one() *reader {
	if q.idle == nil {
		q.worker(q.options.Workers - 1)
		q.idle = make(chan *reader, len(q.workers))
		for i := range q.workers {
			one := &reader{run: q.run, options: q.options, workers: q.workers[i : i+1 : i+1], block: q.block}
			one.options.Workers = 1
			q.idle <- one
		}
	}
	return <-q.idle
}

// sum waits for what is still read, and returns all that was.
func (q *queue) sum() (sum Summary) {
	q.reading.Wait()
	begun := map[uint64]string{}
	for _, s := range q.sources {
		if s.begins {
			if s.Alike = begun[s.means]; s.Alike == "" {
				begun[s.means] = s.Name
			}
		}
		sum.Sources = append(sum.Sources, *s)
	}
	return sum
}

// close lets go of what readers keep.
func (q *queue) close() {
	q.unpacker.close()
	for range cap(q.idle) {
		(<-q.idle).unpacker.close()
	}
}

// readAll reads an input and closes it.
func (r *reader) readAll(s *Source, in *input) {
	s.fail(r.read(s, in))
	in.close()
}

// fail notes why an input could not be read, if there is a reason.
func (s *Source) fail(err error) {
	if err != nil {
		s.Err = fmt.Errorf("%s: %w", s.Name, err)
	}
}

// besides reports whether other inputs can be read at the same time.
func (in *input) besides() bool {
	return in.regular != nil && (in.size <= besideSize || isPacked(in.regular))
}
