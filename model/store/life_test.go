package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"sluice/model"
)

// life is a store to which everything happens, beside the rows that it must have: a row is the one of its place in its
// file, and has one record.
type life struct {
	t       *testing.T
	r       *rand.Rand
	mem     *Mem
	s       *Store
	files   []lifeFile
	rows    map[[2]uint16]model.Micros // that are there, with their time
	lost    map[uint32]uint64          // by hour, that are told
	partial map[string]bool            // digests
	killed  bool                       // and nobody has written since
	what    []string
}

type lifeFile struct {
	src    Source
	tables model.Tables
	rows   []model.Observation
}

var lifeBegin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func (l *life) open(mem *Mem) {
	s, err := CreateFiles(newDirFiles(memRoot, mem))
	if err != nil {
		l.t.Fatalf("%v: %v", l.what, err)
	}
	l.killed = l.killed && mem == l.mem
	l.mem, l.s = mem, s
}

func (l *life) fatal(err error) {
	if err != nil {
		l.t.Fatalf("%v: %v", l.what, err)
	}
}

func (l *life) did(format string, args ...any) { l.what = append(l.what, fmt.Sprintf(format, args...)) }

// ingest stores a file, a new one or one that was there, which is refused where the store knows it.
func (l *life) ingest() {
	n := l.r.IntN(len(l.files) + 1)
	if n == len(l.files) || l.r.IntN(3) > 0 {
		n = len(l.files)
		clusters := [][]string{{""}, {"east"}, {"west"}, {"east", "west"}}[l.r.IntN(4)]
		from := lifeBegin.Add(time.Duration(n*7+l.r.IntN(20)) * time.Hour)
		f := lifeFile{src: Source{Name: fmt.Sprint("f", n), Digest: fmt.Sprint("d", n), Bytes: int64(1 + n)}}
		f.tables, f.rows = fileRows(l.r, n, clusters, from, []float64{0.5, 30}[l.r.IntN(2)])
		for i := range f.rows {
			f.rows[i].SrcPort = uint16(1 + i)
		}
		at := f.rows[0].First
		f.src.Lost = int64(1 + l.r.IntN(5))
		f.src.LostHours.Add(at, at, uint64(f.src.Lost))
		f.src.Nodes = model.Nodes{"n": f.src.LostHours}.Stretches()
		l.files = append(l.files, f)
	}
	f := &l.files[n]
	l.did("ingest %d", n)
	w, err := l.s.Writer(WriterOptions{HoursFrom: []int{0, 1}[l.r.IntN(2)]})
	l.fatal(err)
	l.killed = false
	l.fatal(w.Write(f.tables, f.rows))
	had := l.s.HasSource(f.src.Digest)
	if err = w.Commit([]Source{f.src}); had != errors.Is(err, ErrSourceStored) || !had && err != nil {
		l.t.Fatalf("%v: known %v: %v", l.what, had, err)
	}
	if had {
		return
	}
	for i := range f.rows {
		l.rows[[2]uint16{f.rows[i].Port, f.rows[i].SrcPort}] = f.rows[i].Last
	}
	for h, events := range f.src.LostHours {
		l.lost[h] += events
	}
}

// kill kills a writer that has written files, and opens the store anew.
func (l *life) kill() {
	l.did("kill")
	l.killed = true
	w, err := l.s.Writer(WriterOptions{})
	l.fatal(err)
	tables, rows := fileRows(l.r, 60_000, []string{"east"}, lifeBegin, 9)
	l.fatal(w.Write(tables, rows))
	l.fatal(w.flush())
	l.mem.Kill()
	l.open(l.mem)
}

func (l *life) compact() {
	o := CompactOptions{Run: 2 + l.r.IntN(3), HoursFrom: l.r.IntN(2)}
	if l.r.IntN(3) == 0 {
		newest := newestOf(l.s)
		o.Now = time.UnixMicro(newest + 1)
		if l.r.IntN(2) == 0 {
			o.Keep = time.Duration(24+l.r.IntN(200)) * time.Hour
		} else {
			o.KeepBytes = 1 + l.r.Int64N(200_000)
		}
	}
	agreed := newRetention(l.s.Segments(), o.now()).agreed
	l.did("compact %+v", o)
	c, err := l.s.Compact(l.t.Context(), o)
	l.fatal(err)
	have, first := l.have(ScanOptions{}), int64(0)
	for _, g := range l.s.Segments() {
		if first == 0 || g.First < first {
			first = g.First
		}
	}
	for id, at := range l.rows {
		if have[id] > 0 {
			continue
		}
		if o.KeepBytes == 0 && (o.Keep == 0 || at >= agreed-o.Keep.Microseconds()) || c.Dropped == 0 {
			l.t.Fatalf("%v: dropped %v of %s", l.what, id, model.Stamp(at))
		}
		delete(l.rows, id)
	}
	told := l.told()
	for h := range l.lost { // what was lost before all that is left may go, and nothing else
		if o.Keep+time.Duration(o.KeepBytes) > 0 && told[h] == 0 && model.Micros(h+1)*anHour <= first {
			delete(l.lost, h)
		}
	}
}

// pack goes on with the store that a pack of this one makes.
func (l *life) pack() {
	var o ScanOptions
	if l.r.IntN(2) == 0 {
		o.Since = lifeBegin.Add(time.Duration(l.r.IntN(1+7*len(l.files))) * time.Hour).UnixMicro()
	}
	if l.r.IntN(4) == 0 {
		o.Until = o.Since + l.r.Int64N(90)*anHour
	}
	if l.r.IntN(4) == 0 {
		o.Cluster = "east"
	}
	l.did("pack %+v", o)
	want := l.have(o)
	var pack bytes.Buffer
	l.fatal(l.s.Pack(l.t.Context(), &pack, o))
	mem := NewMem()
	_, err := Unpack(l.t.Context(), &pack, newDirFiles(memRoot, mem), maxFile)
	l.fatal(err)
	l.open(mem)
	have := l.have(ScanOptions{})
	for id := range want {
		if have[id] == 0 {
			l.t.Fatalf("%v: %v is not in the pack", l.what, id)
		}
	}
	for _, src := range l.s.Sources() {
		l.partial[src.Digest] = src.Partial
	}
	for id := range l.rows {
		digest := l.files[id[0]].src.Digest
		if have[id] > 0 {
			if !l.s.HasSource(digest) {
				l.t.Fatalf("%v: %v is there, and its file not known", l.what, id)
			}
			continue
		}
		if l.s.HasSource(digest) && !l.partial[digest] {
			l.t.Fatalf("%v: %v is gone, and its file known as whole", l.what, id)
		}
		delete(l.rows, id)
	}
	told := l.told()
	for h, events := range told {
		if events > l.lost[h] {
			l.t.Fatalf("%v: lost %d events in hour %d, there were %d", l.what, events, h, l.lost[h])
		}
	}
	l.lost = told
}

// have counts the records of the rows that a scan gives.
func (l *life) have(o ScanOptions) map[[2]uint16]int {
	out := map[[2]uint16]int{}
	_, rows := scanned(l.t, l.s, o)
	for i := range rows {
		out[[2]uint16{rows[i].Port, rows[i].SrcPort}] += int(rows[i].Records)
	}
	return out
}

// told are the losses that the sources tell of. Of nodes they tell the same.
func (l *life) told() map[uint32]uint64 {
	out := map[uint32]uint64{}
	for _, src := range l.s.Sources() {
		if uint64(src.Lost) != src.LostHours.Events() {
			l.t.Fatalf("%v: %d events lost, by hour %d", l.what, src.Lost, src.LostHours.Events())
		}
		var nodes model.Nodes
		if nodes.Take(src.Nodes); !maps.Equal(nodes["n"], src.LostHours) {
			l.t.Fatalf("%v: hours of a node %v, not %v", l.what, src.Nodes, src.LostHours)
		}
		for h, events := range src.LostHours {
			out[h] += events
		}
	}
	return out
}

// check compares the store, as another process sees it, with what must be there.
func (l *life) check() {
	if l.r.IntN(2) == 0 {
		l.open(l.mem)
	}
	have := l.have(ScanOptions{})
	for id, records := range have {
		if _, ok := l.rows[id]; !ok || records != 1 {
			l.t.Fatalf("%v: %d records of %v, of which there should be %v", l.what, records, id, ok)
		}
	}
	if len(have) != len(l.rows) {
		l.t.Fatalf("%v: %d rows, want %d", l.what, len(have), len(l.rows))
	}
	told := l.told()
	for h, events := range l.lost {
		if told[h] != events {
			l.t.Fatalf("%v: lost %d events in hour %d, want %d", l.what, told[h], h, events)
		}
	}
	found, err := Check(l.t.Context(), l.s.files)
	l.fatal(err)
	if len(found.Problems) > 0 || found.Records != int64(len(l.rows)) ||
		len(found.Unnamed) > 0 && !l.killed {
		l.t.Fatalf("%v: %+v", l.what, found)
	}
}

// TestLife: whatever happens to a store, in any order, it has the rows that it was given and that nobody dropped or
// left out, each once, and tells of the losses of their hours.
func TestLife(t *testing.T) {
	for seed := range uint64(20) {
		l := &life{t: t, r: rand.New(rand.NewPCG(seed, 17)), rows: map[[2]uint16]model.Micros{}, lost: map[uint32]uint64{},
			partial: map[string]bool{}}
		l.did("seed %d", seed)
		l.open(NewMem())
		for range 30 {
			switch n := l.r.IntN(20); {
			case n < 11:
				l.ingest()
			case n < 15:
				l.compact()
			case n < 18:
				l.kill()
			default:
				l.pack()
			}
			l.check()
		}
	}
}
