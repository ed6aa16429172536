package goldmane

import (
	"context"
	"errors"
	"time"

	"sluice/ingest/calico"
	"sluice/ingest/live"
	"sluice/model"
)

// ages are when a bucket is asked for, in lengths of a bucket after it began: when nodes that send every 15 seconds
// have sent it, which is when Goldmane streams it too, then again for what came late, and last before Goldmane
// forgets it.
var ages = [...]int64{2, 4, 12, 40, 120, 220}

const (
	// ring is how many buckets Goldmane holds, with some for clocks that differ.
	ring = 242 + 8
	// reach is how many buckets before the last record a new process begins: those may have had late flows.
	reach = 12
	// usualBucket is the length of a bucket where the server has nothing to learn it from, in seconds.
	usualBucket = 15
	// longestBucket is what a server may say, in seconds: with longer ones nothing would be asked for, and nobody told.
	longestBucket = 3600
	// usualLook is how often the clock is looked at for buckets that are due.
	usualLook = 250 * time.Millisecond
	// maxWidths is how often buckets may turn out to have another length while a stream is open.
	maxWidths = 4
	// learnLooks is after how many looks a server without flows is asked for the length of its buckets again.
	learnLooks = 4
)

var (
	errAnew  = errors.New("the connection broke and was made anew: asking again for what may be another server's")
	errBack  = errors.New("the clock of this machine went back: asking again")
	errOther = errors.New("the server answers with flows of other times than those asked for: asking again later")
	errWidth = errors.New("the server's flows have another length each time: asking again later")
	errLate  = errors.New("this collector was held up for longer than the server remembers: asking again")
)

// lostShort is the cause of flows of which a server says that there are more in a bucket than it gave.
const lostShort = "short_answer"

// slot is a bucket as one filter has it.
type slot struct {
	filter int
	begin  int64
}

// poll asks for buckets. Times are seconds since 1970.
type poll struct {
	cfg    *Config
	lister lister
	now    func() time.Time
	other  func() time.Time // the wall clock where now is what nobody sets, or the other way round; nil: there is one
	look   time.Duration
	width  int64 // of a bucket
	known  bool  // width was learned, not assumed
	widths int   // how often it changed in this stream
	links  uint64
	asked  [len(ages)]int64 // the newest bucket asked for at each age
	begun  bool             // asked is set
	counts map[slot]int     // flows that a bucket had

	session *live.Session
	decoder *calico.Decoder
	fresh   int
	odd     bool // flows of another width came
	outside int  // flows that lie wholly outside the bucket asked for
	from    int64
}

func newPoll(cfg *Config, l lister, now func() time.Time, look time.Duration) *poll {
	return &poll{cfg: cfg, lister: l, now: now, look: look, width: usualBucket, counts: map[slot]int{}}
}

// run asks for all buckets from a time on; see live.Client.
func (p *poll) run(ctx context.Context, from time.Time, follow bool, s *live.Session) error {
	p.widths = 0
	p.session, p.decoder = s, calico.NewDecoder(p.cfg.Target, s.Tables())
	defer func() { p.session, p.decoder = nil, nil }()
	err := p.learn(ctx)
	if err == nil {
		s.Connected()
		p.begin(from)
		if follow {
			err = p.follow(ctx)
		} else {
			err = p.all(ctx)
		}
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, errAnew) || errors.Is(err, errBack) || errors.Is(err, errLate) {
		return err
	}
	return p.lister.said(err)
}

// learn finds the length of a bucket: Goldmane does not tell it, but all its times are multiples of it.
func (p *poll) learn(ctx context.Context) error {
	var width, newest int64
	err := p.lister.sample(ctx, func(b []byte) {
		f, _ := p.decoder.Decode(b)
		if f.Time > 0 {
			width = divisor(divisor(width, f.Time/1e6), f.End/1e6)
			newest = max(newest, f.End/1e6)
		}
	})
	if err != nil {
		return err
	}
	p.links = p.lister.links()
	switch {
	case width > longestBucket:
		p.cfg.Log.Warn("the server's times are no buckets: keeping the usual length", "seconds", width)
	case width > 0:
		p.known = true
		p.resize(width)
	}
	p.trust(newest)
	if ahead := newest - p.now().Unix(); ahead > 2*p.width {
		p.cfg.Log.Warn("the clock of this machine is behind the server's", "seconds", ahead)
	}
	return nil
}

// trust takes the clock that is nearer to the newest flow: somebody may have set the wall clock, to a right time or to
// a wrong one, and a bucket is asked for at its age or not at all.
func (p *poll) trust(newest int64) {
	if p.other == nil || newest == 0 {
		return
	}
	off := func(now func() time.Time) int64 { return max(newest-now().Unix(), now().Unix()-newest) }
	if off(p.other)+2*p.width < off(p.now) {
		p.now, p.other = p.other, p.now
		p.cfg.Log.Warn("the clock of this machine was set: keeping the time that is the server's",
			"seconds", p.now().Unix()-p.other().Unix())
	}
}

// resize takes another length of a bucket: the memory of a server with short ones does not reach back as far.
func (p *poll) resize(width int64) {
	if width == p.width {
		return
	}
	p.width = width
	clear(p.counts)
	for i := range p.asked {
		p.asked[i] = max(p.asked[i], p.down(p.now().Unix())-ages[i]*width-ring*width)
	}
}

func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// down returns the bucket that a time is in.
func (p *poll) down(t int64) int64 { return t - t%p.width }

// begin sets where to begin: at the bucket of a time, or with all there is. The bucket is asked for again even if it
// was before, because the session wants to see its last record once more: else it has to think that some were lost.
func (p *poll) begin(from time.Time) {
	now := p.now().Unix()
	oldest := p.down(now) - ring*p.width
	b := oldest
	if !from.IsZero() {
		b = p.down(from.Unix())
	}
	if !p.begun {
		for i, age := range ages {
			p.asked[i] = p.down(now) - age*p.width
		}
		if first, ok := p.session.Remembers(); ok {
			b = min(b, max(b-reach*p.width, p.down(first/1e6)+p.width))
		}
		p.begun = true
	}
	b = max(b, oldest)
	p.asked[0] = b - p.width
}

// all asks for every bucket, also those that still fill, once.
func (p *poll) all(ctx context.Context) error {
	for b := p.asked[0] + p.width; b <= p.down(p.now().Unix())+p.width; b += p.width {
		if err := p.bucket(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// follow looks after the buckets as they age.
func (p *poll) follow(ctx context.Context) error {
	for n := 1; ; n++ {
		for i := range ages {
			if err := p.due(ctx, i); err != nil {
				return err
			}
		}
		if n%learnLooks == 0 && !p.known {
			if err := p.learn(ctx); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.look):
		}
	}
}

// due asks for the buckets that have reached an age.
func (p *poll) due(ctx context.Context, i int) error {
	last := p.down(p.now().Unix()) - ages[i]*p.width
	if i > 0 {
		last = min(last, p.asked[0]) // none before its first time, however long that took
	}
	if p.asked[0] > p.down(p.now().Unix())+4*p.width {
		return errBack
	}
	if p.asked[i] < last-ring*p.width {
		return errLate // a stream that is opened anew shows what is missing
	}
	for b := p.down(p.asked[i]) + p.width; b <= last; b += p.width {
		ask := p.bucket
		if i > 0 {
			ask = p.again
		}
		if err := ask(ctx, b); err != nil {
			return err
		}
		p.asked[i] = b
		if p.lister.links() != p.links {
			return errAnew
		}
	}
	return nil
}

// bucket asks for a bucket. Where its flows turn out to be of another width, that is learned and they are asked for
// again.
func (p *poll) bucket(ctx context.Context, b int64) error {
	if !p.cfg.Until.IsZero() && b >= p.cfg.Until.Unix() {
		return nil
	}
	p.odd = false
	for f := range p.lister.filters() {
		if err := p.fetch(ctx, slot{f, b}); err != nil {
			return err
		}
	}
	if !p.odd {
		return nil
	}
	old := p.width
	if err := p.learn(ctx); err != nil || p.width == old {
		return err
	}
	if p.widths++; p.widths > maxWidths {
		return errWidth
	}
	p.cfg.Log.Info("the server's buckets have another length", "seconds", p.width)
	for at := p.down(b); at < b+old; at += p.width {
		for f := range p.lister.filters() {
			if err := p.fetch(ctx, slot{f, at}); err != nil {
				return err
			}
		}
	}
	return nil
}

// again asks for a bucket that was asked for before, where it has become more. Buckets so old that repetitions could
// not be told from late flows are left alone.
func (p *poll) again(ctx context.Context, b int64) error {
	for f := range p.lister.filters() {
		s := slot{f, b}
		n, counted, err := p.lister.count(ctx, f, b, b+p.width)
		if err != nil {
			return err
		}
		before, known := p.counts[s]
		first, _ := p.session.Remembers()
		switch told := b*1e6 > first; {
		case counted && known && n == before:
			continue
		case !told && !(counted && known):
			if counted {
				p.counts[s] = n
			}
			continue
		}
		if err := p.fetch(ctx, s); err != nil {
			return err
		}
		if p.fresh > 0 && known {
			p.cfg.Log.Info("flows came late", "flows", p.fresh, "seconds", p.now().Unix()-b)
		}
	}
	return nil
}

// fetch hands on the flows of a bucket.
func (p *poll) fetch(ctx context.Context, s slot) error {
	n := 0
	p.fresh, p.outside, p.from = 0, 0, s.begin
	bytes, missing, err := p.lister.list(ctx, s.filter, s.begin, s.begin+p.width, func(b []byte) {
		n++
		p.flow(b)
	})
	p.session.Received(bytes)
	if err != nil {
		return err
	}
	if n > 0 && p.outside == n {
		return errOther
	}
	if _, known := p.counts[s]; !known && missing > 0 {
		p.session.Lost(nil, lostShort, uint64(missing), s.begin*1e6, (s.begin+p.width)*1e6-1)
	}
	p.counts[s] = n
	delete(p.counts, slot{s.filter, s.begin - 2*ring*p.width})
	return nil
}

func (p *poll) flow(b []byte) {
	f, rej := p.decoder.Decode(b)
	ghost := rej != nil && rej.Reason == model.GhostRecord
	if f.Time > 0 && (f.End/1e6 <= p.from || f.Time/1e6 >= p.from+p.width) {
		p.outside++
	}
	if ghost || f.Time > 0 && f.End-f.Time != p.width*1e6 {
		p.odd = true
	} else if f.Time > 0 {
		p.known = true
	}
	if ghost || !p.session.Fresh(nil, f.Time, p.decoder.ID(b)) {
		return
	}
	p.fresh++
	if rej != nil {
		p.session.Reject(*rej)
		return
	}
	p.session.Flow(f)
}
