package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/go-faster/city"
)

// Lines is a column of a table that is no store's: other programs have put a record into each row, as JSON.
// clickhouse://HOST/DATABASE?table=NAME&column=NAME names it; time=NAME with since=TIME and until=TIME reads those
// rows alone whose time lies between, which a table that is sorted by it finds without reading the others.
type Lines struct {
	at           string
	table        string
	column, time string
	since, until time.Time
	err          error // what is wrong with the URL
}

// rowsAtOnce is how many rows a server sends at once, at most: that many are in memory.
const rowsAtOnce = 1024

// LinesOf returns the lines that a URL names; nil: it names a store, or nothing in ClickHouse.
func LinesOf(at string) *Lines {
	if !IsURL(at) {
		return nil
	}
	a, err := parseAddress(at)
	if err != nil || a.rest.Get("table") == "" {
		return nil // who opens it as a store says what is wrong
	}
	l := &Lines{at: at, table: a.rest.Get("table"), column: a.rest.Get("column"), time: a.rest.Get("time")}
	for i, to := range []*time.Time{&l.since, &l.until} {
		name := []string{"since", "until"}[i]
		if text := a.rest.Get(name); text != "" {
			if *to, err = parseTime(text); err != nil {
				l.err = fmt.Errorf("%s: %s=%s is no time: write 2006-01-02T15:04:05Z, or a date", a.text, name, text)
			}
		}
		a.rest.Del(name)
	}
	for _, name := range []string{"table", "column", "time"} {
		if v := a.rest.Get(name); v != "" && !isQuotable(v) {
			l.err = fmt.Errorf("%s: %s=%s is no name", a.text, name, v)
		}
		a.rest.Del(name)
	}
	switch {
	case l.err != nil:
	case l.column == "":
		l.err = fmt.Errorf("%s: in which column of %s are the records: ?table=%[2]s&column=NAME", a.text, l.table)
	case l.time == "" && !(l.since.IsZero() && l.until.IsZero()):
		l.err = fmt.Errorf("%s: which column has the time that since and until mean: &time=NAME", a.text)
	case len(a.rest) > 0:
		name := slices.Min(slices.Collect(maps.Keys(a.rest)))
		l.err = fmt.Errorf("%s has no parameter %s: of a table there are table, column, time, since, until and ca", a.text, name)
	}
	return l
}

// isQuotable reports whether a text may be named between backquotes.
func isQuotable(text string) bool {
	return text != "" && utf8.RuneCountInString(text) <= 200 &&
		!strings.ContainsFunc(text, func(c rune) bool { return c == '`' || c == '\\' || c < ' ' })
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

func (l *Lines) connect() (*database, error) {
	if l.err != nil {
		return nil, l.err
	}
	return connect(l.at)
}

// from is the text of a row, and where the rows are.
func (l *Lines) from(d *database) (text, from string) {
	text = "ifNull(toString(`" + l.column + "`), '')"
	from = d.database + ".`" + l.table + "`"
	var where []string
	if !l.since.IsZero() {
		where = append(where, fmt.Sprintf("`%s` >= toDateTime(%d)", l.time, l.since.Unix()))
	}
	if !l.until.IsZero() {
		where = append(where, fmt.Sprintf("`%s` < toDateTime(%d)", l.time, l.until.Unix()))
	}
	if len(where) > 0 {
		from += " WHERE " + strings.Join(where, " AND ")
	}
	return text, from
}

// Sum asks the server how many bytes there are to read, and for their digest.
func (l *Lines) Sum(ctx context.Context) (bytes int64, digest string, err error) {
	d, err := l.connect()
	if err != nil {
		return 0, "", err
	}
	defer d.conn.Close()
	var s lineSum
	text, from := l.from(d)
	row := d.conn.QueryRow(ctx, fmt.Sprintf("SELECT count(), sum(length(%s)), sum(cityHash64(%[1]s)), "+
		"groupBitXor(cityHash64(%[1]s)) FROM %s", text, from))
	if err := row.Scan(&s.rows, &s.bytes, &s.sum, &s.xor); err != nil {
		return 0, "", l.say(d, err)
	}
	return int64(s.bytes), s.String(), nil
}

// say adds what helps where a table or a column is not there.
func (l *Lines) say(d *database, err error) error {
	var e *ch.Exception
	if !errors.As(err, &e) {
		return d.say(err)
	}
	switch e.Code {
	case noTable, noDatabase:
		return fmt.Errorf("%s has no table %s: %w", d.text, l.table, firstLine{err, e.Message})
	case noColumn, unknownName:
		return fmt.Errorf("%s: table %s has no such column: %w", d.text, l.table, firstLine{err, e.Message})
	}
	return d.say(err)
}

// lineSum tells a set of rows from others, in whatever order they come.
type lineSum struct{ rows, bytes, sum, xor uint64 }

func (s *lineSum) add(text string) {
	h := city.CH64([]byte(text))
	s.rows, s.bytes, s.sum, s.xor = s.rows+1, s.bytes+uint64(len(text)), s.sum+h, s.xor^h
}

// String is the digest.
func (s *lineSum) String() string { return fmt.Sprintf("rows-%x-%016x%016x", s.rows, s.sum, s.xor) }

// Open begins to read: a line a row, in whatever order the servers send them.
func (l *Lines) Open(ctx context.Context) (*LineReader, error) {
	d, err := l.connect()
	if err != nil {
		return nil, err
	}
	text, from := l.from(d)
	rows, err := d.conn.Query(ch.Context(ctx, ch.WithSettings(ch.Settings{"max_block_size": rowsAtOnce,
		"skip_unavailable_shards": 0})), fmt.Sprintf("SELECT %s FROM %s", text, from))
	if err != nil {
		return nil, l.say(d, errors.Join(err, d.conn.Close()))
	}
	return &LineReader{lines: l, db: d, rows: rows}, nil
}

// LineReader reads rows as lines.
type LineReader struct {
	lines *Lines
	db    *database
	rows  driver.Rows
	sum   lineSum
	text  string
	rest  string // of the line that is read
	err   error
}

// Read reads on. What breaks a line in a row is a blank of JSON.
func (r *LineReader) Read(b []byte) (int, error) {
	for r.rest == "" {
		if r.err != nil {
			return 0, r.err
		}
		if !r.rows.Next() {
			if r.err = r.lines.say(r.db, r.rows.Err()); r.err == nil {
				r.err = io.EOF
			}
			continue
		}
		if r.err = r.rows.Scan(&r.text); r.err != nil {
			continue
		}
		r.sum.add(r.text)
		r.rest = strings.ReplaceAll(r.text, "\n", " ") + "\n"
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Digest is that of what was read, and bytes how many there were.
func (r *LineReader) Digest() (bytes int64, digest string) { return int64(r.sum.bytes), r.sum.String() }

// Close ends the reading.
func (r *LineReader) Close() error { return errors.Join(r.rows.Close(), r.db.conn.Close()) }
