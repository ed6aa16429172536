package source

import (
	"bytes"
	"slices"

	"sluice/ingest"
)

// head is what the start of an input tells.
type head struct {
	format int  // number of the format of its first record
	lines  bool // no record takes more than a line
	joins  bool // lines of a container's log, which may be parts of longer ones
	events bool // server-sent events
}

// head looks for the first record, wherever it stands. It is false where there is none; whole says that the start is
// all of the input.
func (r *reader) head(start []byte, whole bool) (h head, ok bool) {
	text := bytes.TrimSpace(start)
	s := r.newSearch()
	first, _, several := bytes.Cut(text, newline)
	some, parts := false, false // a line holds a whole record; lines may be parts of longer ones
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		h.events = h.events || bytes.HasPrefix(line, []byte("data:"))
		if p, piece := pieceOf(line); piece {
			h.joins, parts = h.joins || p.sure, true
		}
		if some = some || s.holds(line); some && h.joins {
			break
		}
	}
	switch {
	case opensList(text):
		h.lines = (several || whole) && s.isRow(first)
	case !several:
		h.lines = whole || h.joins
	case text[0] == '{' && bytes.IndexByte([]byte("{[,:"), last(first)) >= 0:
	default:
		h.lines = some || h.joins
	}
	h.joins = h.joins || parts && h.lines
	if !some && !s.holds(text) && s.format < 0 {
		s.format = slices.IndexFunc(
			r.options.Formats,
			func(f ingest.Format) bool { return f.Empty != nil && f.Empty(text) },
		)
	}
	h.format = s.format
	return h, s.format >= 0
}

// opensList reports whether an array begins a text, and no name in brackets.
func opensList(text []byte) bool {
	if text[0] != '[' {
		return false
	}
	i := ingest.Blanks(text, 1)
	return i == len(text) || text[i] == '{' || text[i] == '[' || text[i] == '"' || text[i] == ']'
}

// last returns the last byte of a line that is no blank.
func last(line []byte) byte {
	line = bytes.TrimSpace(line)
	return line[len(line)-1]
}

// search looks for records and tells of which format the first one is.
type search struct {
	finder finder
	format int // -1: none yet
}

func (r *reader) newSearch() *search {
	s := &search{format: -1}
	is := func(object []byte) bool {
		n := slices.IndexFunc(r.options.Formats, func(f ingest.Format) bool { return f.Sniff(object) })
		if s.format < 0 {
			s.format = n
		}
		return n >= 0
	}
	s.finder = finder{sniff: is, signs: r.signs, claim: func(text []byte, _ int) bool { return is(text) }}
	return s
}

// holds reports whether a whole record stands in a text or is it.
func (s *search) holds(text []byte) bool {
	return s.finder.find(text) > 0 || s.finder.single && s.finder.sniff(text)
}

// isRow reports whether a line is an array that is a row of a table, and no list of records.
func (s *search) isRow(line []byte) bool {
	line = bytes.TrimSpace(line)
	if ingest.End(line) != len(line) {
		return false
	}
	s.finder.nodes = s.finder.nodes[:0]
	s.finder.scan(line)
	return len(s.finder.nodes) > 0 && s.finder.isRow(line, 0)
}

// first returns the first whole record in a text, which may be cut off, nil where there is none.
func (s *search) first(text []byte) (record []byte) {
	f := s.finder
	f.claim = func(text []byte, _ int) bool {
		if record != nil {
			return true
		}
		if ingest.End(text) != len(text) || !f.sniff(text) {
			return false
		}
		record = bytes.Clone(text)
		return true
	}
	if n := ingest.End(text); n > 0 && text[0] == '{' && f.claim(text[:n], 0) {
		return record
	}
	f.find(text)
	return record
}

// records returns the meanings of the first whole records in a text, which may be cut off, at most so many, and whether
// they are strings of it.
func (s *search) records(text []byte, most int) (meanings []string, texts bool) {
	f := s.finder
	f.claim = func(text []byte, _ int) bool {
		if ingest.End(text) != len(text) || !f.sniff(text) {
			return false
		}
		if len(meanings) < most {
			meanings = append(meanings, meaning(text))
		}
		return true
	}
	if f.claim(text, 0) {
		return meanings, false
	}
	f.find(text)
	return meanings, len(f.hits) == 0 || f.hits[0].kind != '{'
}
