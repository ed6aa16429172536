package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"sluice/model/store"
)

// A lease is an object v1/lease/NAME/TERM. The one with the highest term counts, and a higher one is put if there is
// none: so one takes a right after the other, whoever asks. Who holds it renews it with a new number of beats. Nobody
// looks at a clock that is not his own: a lease whose beats stood still for longer than two of them was left by a
// process that is no more, or sleeps.
type lease struct {
	State  state  `json:"state"`
	Beats  int    `json:"beats"`
	Holder string `json:"holder"`
}

type state string

const (
	held  state = "held"
	clean state = "clean" // given back
	dirty state = "dirty" // given back, with files to clean up
)

const (
	leaseDir = "v1/lease"
	// patience is how many beats a lease may stand still.
	patience = 2.5
	// crowd is for how many beats a right is tried that others take and give back.
	crowd = 6
)

// Lock takes the right of a name. Where another process holds it, that takes until its next beat to be known; where
// one was killed, two beats and a half.
func (f *Files) Lock(name string) (store.Right, error) {
	dir := path.Join(leaseDir, name)
	var last lease
	var lastTerm, taken int64 // taken is a term that was there when it was to be put
	began, still := time.Now(), time.Now()
	for {
		term, l, err := f.newestLease(dir)
		if err != nil {
			return store.Right{}, err
		}
		if term < taken {
			return store.Right{}, f.unlists(leaseKey(dir, taken))
		}
		free := term == 0 || l.State != held || term == lastTerm && l == last &&
			time.Since(still) > time.Duration(patience*float64(f.beat))
		if free {
			r, err := f.take(dir, term+1)
			if !errors.Is(err, fs.ErrExist) {
				r.Killed = r.Killed || term > 0 && l.State != clean
				return r, err
			}
			taken = term + 1
		}
		switch {
		case !free && term == lastTerm && l != last, time.Since(began) > crowd*f.beat:
			return store.Right{}, fmt.Errorf("%w: %s has it", store.ErrLocked, l.Holder)
		case term != lastTerm:
			last, lastTerm, still = l, term, time.Now()
		}
		select {
		case <-f.ctx.Done():
			return store.Right{}, context.Cause(f.ctx)
		case <-time.After(f.beat / 20):
		}
	}
}

// newestLease returns the lease that counts, and its term: 0 if there was none ever.
func (f *Files) newestLease(dir string) (term int64, l lease, err error) {
	names, err := f.List(dir)
	if err != nil || len(names) == 0 {
		return 0, l, err
	}
	newest := names[len(names)-1] // terms are of equal length
	if term, err = strconv.ParseInt(path.Base(newest), 10, 64); err != nil {
		return 0, l, fmt.Errorf("%s/%s is no lease: %w", f.place, newest, store.ErrDamaged)
	}
	data, err := f.readLease(newest)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return f.newestLease(dir) // a later one is there
	}
	if err != nil {
		return 0, l, f.say("read", newest, err)
	}
	if err := json.Unmarshal(data, &l); err != nil {
		l = lease{State: dirty} // cut off: whoever wrote it will not renew it in this form
	}
	return term, l, nil
}

// maxLease is how many bytes a lease may have: it names a machine.
const maxLease = 64 << 10

func (f *Files) readLease(key string) ([]byte, error) {
	r, err := f.bucket.NewReader(f.ctx, key, nil)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxLease))
	return data, errors.Join(err, r.Close())
}

// take puts the lease of a term; the error is fs.ErrExist if another was faster.
func (f *Files) take(dir string, term int64) (store.Right, error) {
	host, _ := os.Hostname()
	h := &holder{f: f, dir: dir, term: term, lease: lease{State: held, Holder: fmt.Sprintf("%s, process %d", host,
		os.Getpid())}}
	if err := h.put(f.ctx, true); err != nil {
		return store.Right{}, err
	}
	if err := errors.Join(h.refused(), h.removeOlder()); err != nil {
		return store.Right{}, errors.Join(err, h.release(false))
	}
	h.stop = make(chan struct{})
	h.done.Go(h.renew)
	now := func() (time.Time, error) { return f.Modified(leaseKey(dir, term)) }
	return store.Right{Unlock: h.release, Term: term, Now: now}, nil
}

// refused returns an error if the service puts an object over another one though it was asked not to: two writers would
// have the right, and one the other's commit. What was tried once a process is not tried again.
func (h *holder) refused() error {
	if h.f.refuses.Load() {
		return nil
	}
	data, err := json.Marshal(h.lease)
	if err != nil {
		return err
	}
	h.f.requests.Add(1)
	err = h.f.bucket.WriteAll(h.f.ctx, leaseKey(h.dir, h.term), data, &blob.WriterOptions{IfNotExist: true,
		ContentType: "application/json"})
	if err == nil {
		return fmt.Errorf("%s: the service puts an object over one that is there, whatever the condition: it cannot hold a "+
			"store that is written to", h.f.place)
	}
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		h.f.refuses.Store(true)
	}
	return nil
}

// holder renews a lease until it is given back.
type holder struct {
	f     *Files
	dir   string
	term  int64
	lease lease
	stop  chan struct{}
	done  sync.WaitGroup
}

func leaseKey(dir string, term int64) string { return path.Join(dir, fmt.Sprintf("%012d", term)) }

func (h *holder) put(ctx context.Context, isNew bool) error {
	data, err := json.Marshal(h.lease)
	if err != nil {
		return err
	}
	if isNew {
		return h.f.Put(leaseKey(h.dir, h.term), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err := h.f.bucket.WriteAll(ctx, leaseKey(h.dir, h.term), data, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
		return h.f.say("write", leaseKey(h.dir, h.term), err)
	}
	return nil
}

// removeOlder removes the leases of earlier terms.
func (h *holder) removeOlder() error {
	names, err := h.f.List(h.dir)
	if err != nil {
		return err
	}
	if !slices.Contains(names, leaseKey(h.dir, h.term)) {
		return h.f.unlists(leaseKey(h.dir, h.term))
	}
	for i, name := range names {
		if name >= leaseKey(h.dir, h.term) {
			names = names[:i]
			break
		}
	}
	return h.f.Remove(names...)
}

// renew tells that the holder lives. What fails is tried again at the next beat.
func (h *holder) renew() {
	tick := time.NewTicker(h.f.beat)
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-h.f.ctx.Done():
			return
		case <-tick.C:
			h.lease.Beats++
			ctx, cancel := context.WithTimeout(h.f.ctx, h.f.beat)
			_ = h.put(ctx, false)
			cancel()
		}
	}
}

// release gives the right back. That of a later term is left alone.
func (h *holder) release(isClean bool) error {
	if h.stop != nil {
		close(h.stop)
		h.done.Wait()
	}
	h.lease.State = dirty
	if isClean {
		h.lease.State = clean
	}
	ctx, cancel := h.f.undo()
	defer cancel()
	return h.put(ctx, false)
}
