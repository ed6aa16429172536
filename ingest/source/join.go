package source

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"

	"sluice/ingest"
)

// piece is a line of a container's log as its runtime keeps it: long lines come in several.
type piece struct {
	text   []byte // of the container: as it wrote it, or escaped once
	stderr bool
	more   bool // the line goes on with the next piece of the same stream
	// unended: the text has no line break where its runtime keeps them. It goes on, or the pipeline cut the break off.
	unended bool
	// escaped says that text is the inside of a JSON string.
	escaped bool
	// sure says that parts of longer lines look so: that the log has lines of objects, each of which is a line.
	sure bool
}

// pieceOf reads a line of CRI (time, stream, P for a part or F, text), of Docker's json-file, whose parts lack their
// line break, or of a pipeline that keeps such lines in objects, or their mark beside the text.
func pieceOf(line []byte) (p piece, ok bool) {
	if len(line) == 0 {
		return p, false
	}
	if line[0] == '{' {
		return jsonPiece(line)
	}
	p, ok = criPiece(line)
	p.sure = ok
	return p, ok
}

// criPiece reads a line of CRI.
func criPiece(line []byte) (p piece, ok bool) {
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

	partMarks = [][]byte{[]byte(`"logtag"`), []byte(`"_p"`), []byte(`"_partial"`), []byte(`"partial_message"`)}
)

func jsonPiece(line []byte) (p piece, ok bool) {
	text, rest := []byte(nil), line // a mark may stand in the rest: in the text quotes are escaped
	if inner, docker := bytes.CutPrefix(line, dockerLog); docker {
		if i, stderr := dockerEnd(inner); i >= 0 {
			return piece{text: inner[:i], stderr: stderr, escaped: true, sure: true}, true
		}
		if n, whole := strEnd(line[len(dockerLog)-1:], 1); whole {
			text, rest = inner[:n-2], inner[n-2:]
		}
	}
	if stream, docker := bytes.CutPrefix(rest, streamKey); docker && !hasMark(rest) {
		if _, cri := criPiece(text); !cri {
			p = piece{text: text, stderr: bytes.HasPrefix(stream, stderr), escaped: true, sure: true}
			p.unended = !bytes.HasSuffix(text, escapedNL)
			return p, true
		}
	}
	return keyedPiece(line)
}

// texts are what pipelines call the line that they read. Records of Hubble and Calico have no such member.
var texts = map[string]bool{
	"log":         true,
	"message":     true,
	"MESSAGE":     true,
	"msg":         true,
	"line":        true,
	"event":       true,
	"textPayload": true,
	"LogEntry":    true,
}

// pieceKeys are the members that tell of a piece.
var pieceKeys = func() map[string]bool {
	keys := maps.Clone(texts)
	for _, k := range []string{"stream", "source", "logtag", "_p", "_partial", "partial_message", "partial_last"} {
		keys[k] = true
	}
	return keys
}()

// keyedPiece reads an object with a line of CRI, or with a line and a mark or the name of its stream.
func keyedPiece(line []byte) (p piece, ok bool) {
	last := false
	for k, v := range ingest.Keys(line) {
		if !pieceKeys[string(k)] {
			continue
		}
		is := v[:max(ingest.End(v), 1)]
		s := bytes.Trim(is, `"`)
		switch string(k) {
		case "stream", "source":
			p.stderr = p.stderr || string(s) == "stderr"
			ok = ok || string(s) == "stderr" || string(s) == "stdout"
		case "logtag", "_p":
			p.more, p.sure, ok = string(s) == "P", true, true
		case "_partial", "partial_message":
			p.more, p.sure, ok = string(s) == "true", true, true
		case "partial_last":
			last = string(s) == "true"
		default:
			if !texts[string(k)] || p.text != nil || len(is) < len(`""`) || is[0] != '"' {
				continue
			}
			p.text, p.escaped = is[1:len(is)-1], true
			if cri, is := criPiece(p.text); is {
				p.text, p.stderr, p.more, ok = cri.text, cri.stderr, cri.more, true
				p.sure = p.sure || p.more
			}
		}
	}
	if p.more = p.more && !last; p.more {
		p.text = bytes.TrimSuffix(p.text, escapedNL) // the pipeline's: the line goes on
	}
	if !ok || p.text == nil {
		return piece{}, false
	}
	return p, true
}

// origins are members that tell the containers of a log apart whose pieces stand among each other.
var origins = map[string]bool{
	"kubernetes":     true,
	"docker":         true,
	"k8s":            true,
	"labels":         true,
	"file":           true,
	"path":           true,
	"filename":       true,
	"filepath":       true,
	"log_path":       true,
	"source":         true,
	"tag":            true,
	"host":           true,
	"hostname":       true,
	"pod":            true,
	"pod_name":       true,
	"container":      true,
	"container_id":   true,
	"container_name": true,
	"partial_id":     true,
}

// origin tells where a piece comes from: the stream, and what a pipeline has put beside it.
func (p *piece) origin(line []byte) uint64 {
	h := uint64(0)
	if p.stderr {
		h = 1
	}
	if line[0] != '{' {
		return h
	}
	for k, v := range ingest.Keys(line) {
		if n := ingest.End(v); n > 0 && origins[string(k)] {
			h = bits.RotateLeft64(h, 1) ^ xxh3.Hash(v[:n])
		}
	}
	return h
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
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	if text, docker := bytes.CutPrefix(line, dockerLog); docker {
		const head = 64 // of a line of CRI
		p, cri := criPiece(text[:min(len(text), head)])
		return cri && !p.more
	}
	for i := 1; i < len(line)-1; i++ {
		n := bytes.IndexByte(line[i:], 'P')
		if n < 0 {
			break
		}
		if i += n; i+1 < len(line) && (line[i-1] == '"' && line[i+1] == '"' ||
			line[i-1] == ' ' && (line[i+1] == ' ' || line[i+1] == ':')) {
			return false
		}
	}
	// Vector sorts its keys, and Docker's driver puts little behind the text: the whole would take long.
	const first, last = 64, 256
	return !bytes.Contains(line[:min(len(line), first)], partial) &&
		!bytes.Contains(line[max(0, len(line)-last):], partial)
}

var partial = []byte("partial")

func hasMark(line []byte) bool {
	for _, m := range partMarks {
		if bytes.Contains(line, m) {
			return true
		}
	}
	return false
}

// braces follows the objects in the pieces of a line, which are escaped once: a line that the pipeline cut the break
// off is whole where all are closed.
type braces struct {
	depth         int
	inside, slash bool // of a string of the line; behind a backslash of it
}

func (b *braces) add(text []byte) {
	for i := 0; i < len(text); i++ {
		if i+8 <= len(text) && !b.slash {
			m := ingest.Marks(binary.LittleEndian.Uint64(text[i:]), '\\', '{', '}')
			if m == 0 {
				i += 7
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			if i++; text[i] == '"' || text[i] == '\\' {
				c = text[i]
			} else {
				c = ' '
			}
		}
		switch {
		case b.slash:
			b.slash = false
		case c == '"':
			b.inside = !b.inside
		case c == '\\':
			b.slash = b.inside
		case b.inside:
		case c == '{':
			b.depth++
		case c == '}':
			b.depth--
		}
	}
}

func (b *braces) open() bool { return b.depth > 0 }

// pieces are those of a line so far.
type pieces struct {
	origin  uint64
	text    []byte
	size    int // of text, also where nobody keeps it
	line    int64
	escaped bool
	braces  braces
}

// joiner joins the pieces of lines, of which several may be open at once.
type joiner struct {
	lines []pieces // that are open, the one that began first before others
	keeps bool     // their text too
}

const (
	// maxApart is how many lines behind the first piece of a line its last one may stand: where the end was lost, others
	// would wait for it.
	maxApart = 1 << 12
	// maxOpenLines is how many lines may be open at once.
	maxOpenLines = 64
)

// late reports whether the line that began first is not waited for any longer.
func (j *joiner) late(line int64) bool {
	return len(j.lines) > 0 && (len(j.lines) > maxOpenLines || line-j.lines[0].line > maxApart)
}

// add takes a piece that stands in a line, and returns the line that it ends. Alone it is a line of its own.
func (j *joiner) add(line int64, text []byte, p *piece) (whole *pieces, alone bool) {
	var begun braces
	if p.unended {
		begun.add(p.text)
	}
	more := p.more || begun.open()
	if !more && len(j.lines) == 0 {
		return nil, true
	}
	origin := p.origin(text)
	i := slices.IndexFunc(j.lines, func(s pieces) bool { return s.origin == origin })
	if i < 0 {
		if !more {
			return nil, true
		}
		s := pieces{origin: origin, line: line, escaped: p.escaped, braces: begun}
		i = len(j.lines)
		if i < cap(j.lines) {
			s.text = j.lines[:i+1][i].text[:0]
		}
		j.lines = append(j.lines, s)
	} else if p.unended {
		j.lines[i].braces.add(p.text)
	}
	s := &j.lines[i]
	s.size += len(p.text)
	if j.keeps {
		s.text = append(s.text, p.text...)
	}
	if (p.more || p.unended && s.braces.open()) && s.size <= maxLine {
		return nil, false
	}
	return j.end(i), false
}

// end takes a line off those that are open. It is valid until the next piece is added.
func (j *joiner) end(i int) *pieces {
	s := j.lines[i]
	last := len(j.lines) - 1
	copy(j.lines[i:], j.lines[i+1:])
	j.lines[last] = s
	j.lines = j.lines[:last]
	return &j.lines[:last+1][last]
}

// trimPart removes the end of a line, and blanks before it. Those behind it may belong to a string that goes on.
func trimPart(line []byte) []byte {
	return bytes.TrimRight(bytes.TrimLeft(line, blankBytes), "\r\n")
}

// container decodes a line of a container's log, or keeps it until the rest has come.
func (w *worker) container(source string, line int64, text []byte) {
	for w.joiner.late(line) {
		w.whole(source, w.joiner.end(0))
	}
	if len(w.joiner.lines) == 0 && isNoPart(text) {
		w.item(source, line, bytes.TrimSpace(text), false)
		return
	}
	p, ok := pieceOf(text)
	if !ok {
		w.item(source, line, bytes.TrimSpace(text), false)
		return
	}
	switch s, alone := w.joiner.add(line, text, &p); {
	case s != nil:
		w.whole(source, s)
	case alone && p.escaped:
		w.item(source, line, bytes.TrimSpace(text), false)
	case alone:
		w.item(source, line, bytes.TrimSpace(p.text), false)
	}
}

// whole decodes the line that pieces make.
func (w *worker) whole(source string, s *pieces) {
	if s.escaped {
		w.joined = unescape(w.joined[:0], s.text)
	} else {
		w.joined = append(w.joined[:0], s.text...)
	}
	w.item(source, s.line, bytes.TrimSpace(w.joined), false)
}

// endOfContainer decodes what is left of lines whose rest never came.
func (w *worker) endOfContainer(source string) {
	for len(w.joiner.lines) > 0 {
		w.whole(source, w.joiner.end(0))
	}
}

// wholeLines returns how much of text, which are lines of a container's log, ends with a line of which nothing is
// missing.
func wholeLines(text []byte) (end int) {
	var open joiner
	for from, n := 0, int64(0); from < len(text); n++ {
		next := len(text)
		if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
			next = from + i + 1
		}
		line := trimPart(text[from:next])
		for open.late(n) {
			open.end(0)
		}
		if len(open.lines) > 0 || !isNoPart(line) {
			if p, ok := pieceOf(line); ok {
				open.add(n, line, &p)
			}
		}
		if from = next; len(open.lines) == 0 {
			end = from
		}
	}
	return end
}
