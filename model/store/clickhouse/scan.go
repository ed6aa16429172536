package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/model"
	"sluice/model/store"
)

// Whole hours are read from the view, which the servers have folded. It also has rows of writers that were killed
// before their commit, and may lack some where a replica is behind. So an hour of it counts only if it has as many rows
// as the commits say; else, and where a part of an hour is asked for, the rows themselves are read and counted again.

const (
	// patience is how long a reader waits for a replica that is behind.
	patience = 10 * time.Second
	// handed is how many rows are handed over at once.
	handed = 1 << 17
)

// Scan hands all rows in the range to fn: sums over an hour, or over a minute.
func (s *Store) Scan(ctx context.Context, o store.ScanOptions,
	fn func(t model.Tables, rows []model.Observation) error) error {
	sc := s.scan(o, fn)
	for parts := range sc.days(handed) {
		if err := sc.some(ctx, parts); err != nil {
			return err
		}
	}
	return sc.release(ctx)
}

// scan prepares a scan of what there is now.
func (s *Store) scan(o store.ScanOptions, fn func(t model.Tables, rows []model.Observation) error) *scan {
	wanted := map[string]bool{}
	for _, g := range s.Part(o.Cluster).Segments {
		wanted[g.Cluster] = true
	}
	sc := &scan{store: s, options: o, tables: model.NewTables(), ids: map[endpointID]model.EndpointID{}, fn: fn,
		live: map[uint64]*row{}}
	if o.Cluster != "" {
		sc.clusters = wanted
	}
	for _, r := range s.live() {
		sc.live[r.writer] = r
	}
	for _, p := range s.parts() {
		if wanted[p.Cluster] && o.Overlaps(p.First, p.Last) {
			sc.parts = append(sc.parts, p)
		}
	}
	return sc
}

// days yields what a scan reads at once, in order: one day, or as many as together have no more rows than most.
func (s *scan) days(most int64) iter.Seq[[]part] {
	return func(yield func([]part) bool) {
		var from, n int
		var sum int64 // of the rows of parts from..n
		for n < len(s.parts) {
			end, rows := n, int64(0)
			for ; end < len(s.parts) && dayOf(s.parts[end].Hour) == dayOf(s.parts[n].Hour); end++ {
				rows += s.parts[end].Rows
			}
			if n > from && sum+rows > most {
				if !yield(s.parts[from:n:n]) {
					return
				}
				from, sum = n, 0
			}
			n, sum = end, sum+rows
		}
		if n > from {
			yield(s.parts[from:n:n])
		}
	}
}

// scan is a running scan.
type scan struct {
	store    *Store
	options  store.ScanOptions
	clusters map[string]bool // nil: all
	live     map[uint64]*row
	parts    []part // in order
	tables   model.Tables
	ids      map[endpointID]model.EndpointID
	fn       func(t model.Tables, rows []model.Observation) error
	held     []heldRows // read, and not handed over yet
	holds    int        // how many rows these are
}

// heldRows are rows of days that wait for their endpoints: asking for those reads much of their table, so it is
// done for many days at once.
type heldRows struct {
	*dayRows
	parts []part // in their order the rows are handed over
}

// hourRows are the rows of a slot, whose ends are places in a list of ids.
type hourRows struct {
	rows []model.Observation
	sum  int64 // how many rows they were folded from
}

// dayRows are the rows of days that are read at once.
type dayRows struct {
	slots map[slot]*hourRows
	refs  map[endpointID]uint32
	ids   []endpointID
}

func newDayRows() *dayRows {
	return &dayRows{slots: map[slot]*hourRows{}, refs: map[endpointID]uint32{}}
}

func (d *dayRows) ref(id endpointID) model.EndpointID {
	n, ok := d.refs[id]
	if !ok {
		n = uint32(len(d.ids))
		d.refs[id] = n
		d.ids = append(d.ids, id)
	}
	return model.EndpointID(n)
}

func (d *dayRows) slot(s slot) *hourRows {
	if d.slots[s] == nil {
		d.slots[s] = &hourRows{}
	}
	return d.slots[s]
}

// some hands over what is read at once.
func (s *scan) some(ctx context.Context, parts []part) error {
	var whole, single []part
	for _, p := range parts {
		if (s.options.Since == 0 || p.First >= s.options.Since) && (s.options.Until == 0 || p.Last < s.options.Until) {
			whole = append(whole, p)
		} else {
			single = append(single, p)
		}
	}
	if len(whole) > 0 {
		folded := newDayRows()
		if err := s.folded(ctx, whole, folded); err != nil {
			return err
		}
		for _, p := range whole {
			if h := folded.slots[p.slot()]; h == nil || h.sum != p.Rows {
				single = append(single, p)
				delete(folded.slots, p.slot())
			}
		}
		if err := s.hand(ctx, folded, whole); err != nil {
			return err
		}
	}
	if len(single) == 0 {
		return nil
	}
	slices.SortFunc(single, comparePlace)
	rows, err := s.counted(ctx, single)
	if err != nil {
		return err
	}
	return s.hand(ctx, rows, single)
}

// counted reads rows one by one until all are there.
func (s *scan) counted(ctx context.Context, parts []part) (*dayRows, error) {
	for began := time.Now(); ; {
		rows := newDayRows()
		if err := s.single(ctx, parts, rows); err != nil {
			return nil, err
		}
		var lacks []part
		for _, p := range parts {
			if h := rows.slots[p.slot()]; h == nil || h.sum != p.Rows {
				lacks = append(lacks, p)
			}
		}
		if len(lacks) == 0 {
			return rows, nil
		}
		if time.Since(began) > patience {
			p, have := lacks[0], int64(0)
			if h := rows.slots[p.slot()]; h != nil {
				have = h.sum
			}
			if err := s.ended(ctx, dayOf(p.Hour)); err != nil {
				return nil, err
			}
			lack := &lackError{slots: map[slot]bool{}}
			for i := range lacks {
				lack.slots[lacks[i].slot()] = true
			}
			lack.error = fmt.Errorf("%s: of %s in cluster %s there are %d of %d rows: a replica is behind, or a part is lost: %w",
				s.store.db.text, model.StampSecond(int64(p.Hour)*3600e6), p.Cluster, have, p.Rows, store.ErrDamaged)
			return nil, lack
		}
		if err := pause(ctx, patience/20); err != nil {
			return nil, err
		}
	}
}

// ended returns an error if a day was dropped while it was read.
func (s *scan) ended(ctx context.Context, day string) error {
	if err := s.store.reload(ctx); err != nil {
		return err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if day <= s.store.dropped {
		return fmt.Errorf("read %s: %s was dropped, as --keep asks for, for longer than readers may take; read it again",
			s.store.db.text, day)
	}
	return nil
}

// where is the condition for parts, which are in order.
func (s *scan) where(parts []part) string {
	w := "day >= '" + dayOf(parts[0].Hour) + "' AND day <= '" + dayOf(parts[len(parts)-1].Hour) + "'"
	if s.clusters != nil {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(s.clusters)) {
			names = append(names, quote(name))
		}
		w += " AND cluster IN (" + strings.Join(names, ", ") + ")"
	}
	hours := map[uint32]bool{}
	for _, p := range parts {
		hours[p.Hour] = true
	}
	var list []string
	for _, h := range slices.Sorted(maps.Keys(hours)) {
		list = append(list, strconv.Itoa(int(h)))
	}
	return w + " AND hour IN (" + strings.Join(list, ", ") + ")"
}

const (
	rowKey  = "cluster, hour, src, dst, src_port, port, proto, verdict, observer, fate, reason"
	pastEnd = "\x00"
)

// folded reads hours from the view.
func (s *scan) folded(ctx context.Context, parts []part, to *dayRows) error {
	query := fmt.Sprintf("SELECT %s, sumMerge(sum_rows), groupBitOrMerge(all_marks), sumMerge(sum_records), "+
		"sumMerge(sum_conns), minMerge(earliest), maxMerge(latest) FROM %s WHERE %s GROUP BY %[1]s, key_marks",
		rowKey, s.store.db.table("flows_by_hour"), s.where(parts))
	result, err := s.store.db.conn.Query(ctx, query)
	if err != nil {
		return s.store.db.say(err)
	}
	defer result.Close()
	var r scanned
	var earliest string
	var marks uint16
	var n, records, conns uint64
	into := append(r.key(), &n, &marks, &records, &conns, &earliest, &r.last)
	for result.Next() {
		if err := result.Scan(into...); err != nil {
			return s.store.db.say(err)
		}
		o := r.observation(to)
		o.Window, o.Marks, o.Last = r.hour*60, model.Marks(marks), r.last
		first, pods, _ := cutAt(earliest, 16)
		at, err := strconv.ParseInt(first, 10, 64)
		src, dst, ok := strings.Cut(pods, pastEnd)
		if err != nil || !ok {
			return fmt.Errorf("%s: a row of the view begins at %q: %w", s.store.db.text, earliest, store.ErrDamaged)
		}
		if o.First = at - firstOffset; o.Reason == model.NodeAddress {
			o.Last = o.First // as LastWith says
		}
		o.SrcPod, o.DstPod = s.tables.Names.Intern([]byte(src)), s.tables.Names.Intern([]byte(dst))
		h := to.slot(r.slot())
		h.sum += int64(n)
		h.add(o, records, conns)
	}
	return s.store.db.say(result.Err())
}

func cutAt(s string, n int) (before, after string, ok bool) {
	if len(s) < n {
		return s, "", false
	}
	return s[:n], s[n:], true
}

// add adds a row whose sums may be larger than one can hold.
func (h *hourRows) add(o model.Observation, records, conns uint64) {
	for {
		o.Records, o.Conns = uint32(min(records, math.MaxUint32)), uint32(min(conns, math.MaxUint32))
		h.rows = append(h.rows, o)
		records, conns = records-uint64(o.Records), conns-uint64(o.Conns)
		if records == 0 && conns == 0 {
			return
		}
	}
}

// scanned is a row of a result.
type scanned struct {
	cluster                                string
	hour                                   uint32
	src, dst                               []byte
	srcPort, port                          uint16
	proto, verdict, observer, fate, reason uint8
	last                                   int64
}

func (r *scanned) key() []any {
	return []any{&r.cluster, &r.hour, &r.src, &r.dst, &r.srcPort, &r.port, &r.proto, &r.verdict, &r.observer, &r.fate,
		&r.reason}
}

func (r *scanned) slot() slot { return slot{r.cluster, r.hour} }

func (r *scanned) observation(d *dayRows) model.Observation {
	return model.Observation{
		Src: d.ref(endpointID(r.src)), Dst: d.ref(endpointID(r.dst)), SrcPort: r.srcPort, Port: r.port,
		Proto: model.Proto(r.proto), Verdict: model.Verdict(r.verdict), Observer: model.Observer(r.observer),
		Fate: model.Fate(r.fate), Reason: model.Reason(r.reason)}
}

// single reads rows as they were written. Those of one batch with one number are one, however often they were sent.
// Those of one key and minute in a batch are added up before the range is looked at, as a store in files does when it
// commits: how the workers of an ingest have split them changes nothing.
func (s *scan) single(ctx context.Context, parts []part, to *dayRows) error {
	query := fmt.Sprintf("SELECT writer, batch, n, %s, minute, marks, records, conns, first, last, src_pod, dst_pod "+
		"FROM %s WHERE %s ORDER BY writer, batch, n", rowKey, s.store.db.table("flows"), s.where(parts))
	result, err := s.store.db.conn.Query(ctx, query)
	if err != nil {
		return s.store.db.say(err)
	}
	defer result.Close()
	type name struct {
		writer   uint64
		batch, n uint32
	}
	wanted := map[slot]bool{}
	for i := range parts {
		wanted[parts[i].slot()] = true
	}
	sums := map[model.Observation]int{} // of the batch
	var r scanned
	var own, before name
	var minute, records, conns uint32
	var marks uint16
	var first int64
	var src, dst string
	into := append([]any{&own.writer, &own.batch, &own.n}, r.key()...)
	into = append(into, &minute, &marks, &records, &conns, &first, &r.last, &src, &dst)
	for result.Next() {
		if err := result.Scan(into...); err != nil {
			return s.store.db.say(err)
		}
		again := own == before
		if own.writer != before.writer || own.batch != before.batch {
			clear(sums)
		}
		before = own
		if w := s.live[own.writer]; again || !wanted[r.slot()] || w == nil || !w.has(own.batch) {
			continue
		}
		h := to.slot(r.slot())
		h.sum++
		o := r.observation(to)
		o.Window, o.Marks, o.First, o.Last = minute, model.Marks(marks), first, r.last
		o.SrcPod, o.DstPod = s.tables.Names.Intern([]byte(src)), s.tables.Names.Intern([]byte(dst))
		o.Records, o.Conns = records, conns
		h.merge(o, sums, s.tables.Names)
	}
	for _, h := range to.slots {
		h.rows = slices.DeleteFunc(h.rows, func(o model.Observation) bool { return !s.options.Overlaps(o.First, o.Last) })
	}
	return s.store.db.say(result.Err())
}

// merge adds a row to the one of its key, whose place sums knows. Where a sum would not fit it stays one of its own.
func (h *hourRows) merge(o model.Observation, sums map[model.Observation]int, names *model.Strings) {
	key := o
	key.Marks &= model.KeyMarks
	key.Records, key.Conns, key.First, key.Last, key.SrcPod, key.DstPod = 0, 0, 0, 0, 0, 0
	n, ok := sums[key]
	if ok {
		to := &h.rows[n]
		if earlier(&o, to, names) {
			*to, o = o, *to
		}
		if store.Add(to, &o) {
			return
		}
	}
	sums[key] = len(h.rows)
	h.rows = append(h.rows, o)
}

// earlier reports whether the pods of a sum are those of a and not of b: of the earliest record, the smallest names.
func earlier(a, b *model.Observation, names *model.Strings) bool {
	return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(names.Get(a.SrcPod), names.Get(b.SrcPod)),
		cmp.Compare(names.Get(a.DstPod), names.Get(b.DstPod))) < 0
}

// hand takes the rows of parts, and hands over what it has once that is enough.
func (s *scan) hand(ctx context.Context, d *dayRows, parts []part) error {
	s.held = append(s.held, heldRows{d, parts})
	for _, h := range d.slots {
		s.holds += len(h.rows)
	}
	if s.holds < handed {
		return nil
	}
	return s.release(ctx)
}

// release hands over what is held, once its endpoints are known.
func (s *scan) release(ctx context.Context) error {
	held := s.held
	s.held, s.holds = nil, 0
	if err := s.endpoints(ctx, held); err != nil {
		return err
	}
	for _, d := range held {
		for i := range d.parts {
			if h := d.slots[d.parts[i].slot()]; h != nil {
				if err := s.rows(d.dayRows, h.rows); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rows hands over rows whose endpoints are known.
func (s *scan) rows(d *dayRows, rows []model.Observation) error {
	for i := range rows {
		o := &rows[i]
		o.Src, o.Dst = s.ids[d.ids[o.Src]], s.ids[d.ids[o.Dst]]
		if o.Verdict > model.Translated || o.Observer > model.Elsewhere || o.Fate > model.Undecided ||
			int(o.Reason) >= model.NumReasons {
			return fmt.Errorf("%s: a row has a verdict, observer, fate or reason of a newer version: %w", s.store.db.text,
				store.ErrDamaged)
		}
	}
	for part := range slices.Chunk(rows, handed) {
		if err := s.fn(s.tables, part); err != nil {
			return err
		}
	}
	return nil
}

// askedAtOnce is how many endpoints are asked for at once.
const askedAtOnce = 1 << 15

// endpoints reads those of rows that are not known yet.
func (s *scan) endpoints(ctx context.Context, of []heldRows) error {
	var lacks []endpointID
	asked := map[endpointID]bool{}
	for _, d := range of {
		for _, id := range d.ids {
			if _, ok := s.ids[id]; !ok && !asked[id] {
				asked[id] = true
				lacks = append(lacks, id)
			}
		}
	}
	for part := range slices.Chunk(lacks, askedAtOnce) {
		names := make([]string, len(part))
		for i, id := range part {
			names[i] = quote(string(id[:]))
		}
		if err := s.ask(ctx, strings.Join(names, ", ")); err != nil {
			return err
		}
		for _, id := range part {
			if _, ok := s.ids[id]; !ok {
				return fmt.Errorf("%s: a row refers to an endpoint that is not there: %w", s.store.db.text, store.ErrDamaged)
			}
		}
	}
	return nil
}

func (s *scan) ask(ctx context.Context, names string) error {
	result, err := s.store.db.conn.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE id IN (%s)", endpointColumns,
		s.store.db.table("endpoints"), names))
	if err != nil {
		return s.store.db.say(err)
	}
	defer result.Close()
	for result.Next() {
		var id []byte
		var texts [numTexts]string
		var lists [numLists][]string
		var marks uint16
		into := []any{&id}
		for i := range texts {
			into = append(into, &texts[i])
		}
		for i := range lists {
			into = append(into, &lists[i])
		}
		if err := result.Scan(append(into, &marks)...); err != nil {
			return s.store.db.say(err)
		}
		for i := range lists {
			if len(lists[i]) == 0 {
				lists[i] = nil
			}
		}
		e, err := store.EndpointOf(texts, lists, model.Marks(marks))
		if err == nil && idOf(e.Key()) != endpointID(id) {
			err = store.ErrDamaged
		}
		if err != nil {
			return fmt.Errorf("%s: an endpoint is not what it is named after: %w", s.store.db.text, err)
		}
		s.ids[endpointID(id)] = s.tables.Endpoints.Intern(e)
	}
	return s.store.db.say(result.Err())
}
