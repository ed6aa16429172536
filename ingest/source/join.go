package source

import (
	"bytes"

	"sluice/ingest"
)

// piece is a line of a container's log as its runtime keeps it: long lines come in several.
type piece struct {
	text   []byte // of the container: as it wrote it, or escaped once
	stderr bool
	more   bool // the line goes on with the next piece of the same stream
	// escaped says that text is the inside of a JSON string.
	escaped bool
}

// pieceOf reads a line of CRI (time, stream, P for a part or F, text), of Docker's json-file, whose parts lack their
// line break, or of a pipeline that keeps CRI's mark as logtag or _p.
func pieceOf(line []byte) (p piece, ok bool) {
	if len(line) == 0 {
		return p, false
	}
	if line[0] == '{' {
		return jsonPiece(line)
	}
	at, rest, _ := bytes.Cut(line, blank)
	stream, rest, _ := bytes.Cut(rest, blank)
	tag, text, ok := bytes.Cut(rest, blank)
	if !ok || len(at) < 20 || at[4] != '-' || at[10] != 'T' {
		return p, false
	}
	if p.stderr = string(stream) == "stderr"; !p.stderr && string(stream) != "stdout" {
		return p, false
	}
	mark, _, _ := bytes.Cut(tag, []byte(":")) // more tags may follow
	p.text, p.more = text, string(mark) == "P"
	return p, p.more || string(mark) == "F"
}

var (
	blank     = []byte(" ")
	dockerLog = []byte(`{"log":"`)
	streamKey = []byte(`","stream":"`)
	stderr    = []byte(`stderr"`)
	escapedNL = []byte(`\n`)
	timeKey   = []byte(`","time":"`)
	// stringAndObject ends a string that is the last member of an object.
	stringAndObject = []byte(`"}`)

	partMarks = [][]byte{[]byte(`"logtag"`), []byte(`"_p"`)}
)

func jsonPiece(line []byte) (p piece, ok bool) {
	p.escaped = true
	text, rest := []byte(nil), line // a mark may stand in the rest: in the text quotes are escaped
	if inner, docker := bytes.CutPrefix(line, dockerLog); docker {
		if i, stderr := dockerEnd(inner); i >= 0 {
			return piece{text: inner[:i], stderr: stderr, escaped: true}, true
		}
		if n, whole := strEnd(line[len(dockerLog)-1:], 1); whole {
			text, rest = inner[:n-2], inner[n-2:]
		}
	}
	if !hasMark(rest) {
		stream, ok := bytes.CutPrefix(rest, streamKey)
		if !ok {
			return p, false
		}
		p.text, p.more, p.stderr = text, !bytes.HasSuffix(text, escapedNL), bytes.HasPrefix(stream, stderr)
		return p, true
	}
	for k, v := range ingest.Keys(line) {
		if v[0] != '"' {
			continue
		}
		n, whole := strEnd(v, 1)
		if !whole {
			n = 1
		}
		s := v[:n]
		switch string(k) {
		case "log", "message":
			p.text, ok = s[1:max(len(s)-1, 1)], true
		case "stream":
			p.stderr = string(s) == `"stderr"`
		case "logtag", "_p":
			p.more = string(s) == `"P"`
		}
	}
	return p, ok
}

// maxDockerEnd is how long stream and time may be.
const maxDockerEnd = 256

// dockerEnd returns where the text of Docker's line ends that lacks nothing, and whether it went to stderr: behind the
// last escape, that of its line break, stand stream and time alone. -1: it is another line.
func dockerEnd(line []byte) (end int, isStderr bool) {
	from := max(0, len(line)-maxDockerEnd)
	i := bytes.LastIndexByte(line[from:], '\\')
	if i < 0 {
		return -1, false
	}
	i += from
	rest, ok := bytes.CutPrefix(line[i:], escapedNL)
	if !ok {
		return -1, false
	}
	if rest, ok = bytes.CutPrefix(rest, streamKey); !ok {
		return -1, false
	}
	stream, rest, _ := bytes.Cut(rest, timeKey)
	at, ok := bytes.CutSuffix(rest, stringAndObject)
	if !ok || bytes.IndexByte(stream, '"') >= 0 || bytes.IndexByte(at, '"') >= 0 {
		return -1, false
	}
	return i + len(escapedNL), string(stream) == "stderr"
}

// isNoPart reports whether a line is an object that is no part of a longer line, by what it lacks; false: that is not
// sure.
func isNoPart(line []byte) bool {
	if len(line) == 0 || line[0] != '{' || bytes.HasPrefix(line, dockerLog) {
		return false
	}
	for i := 1; i < len(line)-1; i++ {
		n := bytes.IndexByte(line[i:], 'P')
		if n < 0 {
			return true
		}
		if i += n; line[i-1] == '"' && i+1 < len(line) && line[i+1] == '"' {
			return false
		}
	}
	return true
}

func hasMark(line []byte) bool {
	for _, m := range partMarks {
		if bytes.Contains(line, m) {
			return true
		}
	}
	return false
}

// pieces are those of a line so far.
type pieces struct {
	text    []byte
	line    int64
	escaped bool
	open    bool
}

// container decodes a line of a container's log, or keeps it until the rest has come.
func (w *worker) container(source string, line int64, text []byte) {
	if !w.pending[0].open && !w.pending[1].open && isNoPart(text) {
		w.item(source, line, text, false)
		return
	}
	p, ok := pieceOf(text)
	if !ok {
		w.item(source, line, text, false)
		return
	}
	s := &w.pending[0]
	if p.stderr {
		s = &w.pending[1]
	}
	switch {
	case !p.more && !s.open && p.escaped:
		w.item(source, line, text, false)
		return
	case !p.more && !s.open:
		w.item(source, line, bytes.TrimSpace(p.text), false)
		return
	case !s.open:
		*s = pieces{text: s.text[:0], line: line, escaped: p.escaped, open: true}
	}
	s.text = append(s.text, p.text...)
	if !p.more || len(s.text) > maxLine {
		w.whole(source, s)
	}
}

// whole decodes the line that pieces make.
func (w *worker) whole(source string, s *pieces) {
	s.open = false
	if s.escaped {
		w.joined = unescape(w.joined[:0], s.text)
	} else {
		w.joined = append(w.joined[:0], s.text...)
	}
	w.item(source, s.line, bytes.TrimSpace(w.joined), false)
}

// endOfContainer decodes what is left of lines whose rest never came.
func (w *worker) endOfContainer(source string) {
	for i := range w.pending {
		if s := &w.pending[i]; s.open {
			w.whole(source, s)
		}
	}
}

// wholeLines returns how much of text, which are lines of a container's log, ends with a line of which nothing is
// missing.
func wholeLines(text []byte) (end int) {
	var open [2]bool
	for from := 0; from < len(text); {
		next := len(text)
		if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
			next = from + i + 1
		}
		line := bytes.TrimSpace(text[from:next])
		if !open[0] && !open[1] && isNoPart(line) {
			from, end = next, next
			continue
		}
		if p, ok := pieceOf(line); ok {
			open[map[bool]int{true: 1}[p.stderr]] = p.more
		}
		if from = next; !open[0] && !open[1] {
			end = from
		}
	}
	return end
}
