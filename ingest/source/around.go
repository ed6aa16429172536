package source

import "bytes"

// around is where in a text of JSON a record stands that is a string. What stands behind it may be another text in
// each line, such as the attributes of OpenTelemetry, so that it is looked through for another record.
type around struct {
	open  string  // the brackets that are open there, "" where that is not known
	level int     // of a list of such records how many brackets are open between its elements, else 0
	lead  pattern // what an element begins with, up to its record
}

// newAround tells where a text leads to in which no record is.
func newAround(before []byte) around {
	open := brackets(nil)
	for i := 0; i < len(before); {
		if i = open.pass(before, i); i < 0 {
			return around{}
		}
	}
	return around{open: string(open)}
}

// list takes what stands between two records of a list: the end of one element, and what the next one begins with, up
// to the quote before its record.
func (a *around) list(between []byte) {
	open, level, at := brackets(a.open), len(a.open), -1
	for i := 0; i < len(between)-1; {
		comma := between[i] == ','
		if i = open.pass(between, i); i < 0 {
			return
		}
		switch {
		case len(open) < level:
			level, at = len(open), -1
		case comma && len(open) == level && at < 0:
			at = i
		}
	}
	if at > 0 && level > 0 && string(open) == a.open {
		a.level, a.lead = level, newPattern(between[at:], &repeat{})
	}
}

// next returns where the next record of a list begins, behind the one that ends at i; the length of the text where none
// does, and -1 where that is not sure.
func (w *worker) next(a *around, text []byte, i int) int {
	if a.level == 0 {
		return -1
	}
	i = w.beyond(a, text, i)
	if i < 0 || i == len(text) {
		return i
	}
	n := a.lead.begins(text[i:], &repeat{})
	if n < 0 {
		return -1
	}
	return i + n
}

// beyond passes over what stands behind a record that ends at i and holds no other one: up to behind the comma before
// the next element of its list, or to the end of the text. It is -1 where another may stand there, and where brackets
// do not close.
func (w *worker) beyond(a *around, text []byte, i int) int {
	w.brackets = append(w.brackets[:0], a.open...)
	i, w.brackets = w.pass(a, text, i, w.brackets)
	if i == len(text) && len(w.brackets) > 0 {
		return -1
	}
	return i
}

// pass is beyond, with the brackets that are open before and behind. It calls little: such texts are long.
func (w *worker) pass(a *around, text []byte, i int, open brackets) (int, brackets) {
	for i < len(text) {
		c := text[i]
		if c == ',' && a.level > 0 && len(open) == a.level {
			return i + 1, open
		}
		if c != '"' {
			if !open.take(c) {
				return -1, open
			}
			i++
			continue
		}
		end, plain := plainEnd(text, i)
		if end < 0 {
			return -1, open
		}
		inside := text[i+1 : end-1]
		switch i = end; {
		case i < len(text) && (text[i] == ':' || text[i] <= ' ' && isKey(text[i:])):
			if !plain || w.finder.signs.has(inside) {
				return -1, open
			}
		case plain && !bytes.HasPrefix(inside, encodedObject):
		case !holdsNoObject(inside):
			return -1, open
		}
	}
	return i, open
}

// plainEnd returns the index behind the string at i, -1 where it has no end, and whether it has no escapes and braces.
func plainEnd(text []byte, i int) (end int, plain bool) {
	plain = true
	for i = nextMark(text, i+1); i < len(text); i = nextMark(text, i+1) {
		switch text[i] {
		case '"':
			return i + 1, plain
		case '\\':
			plain = false
			i++
		case '{':
			plain = false
		}
	}
	return -1, false
}

// brackets are those that are open.
type brackets []byte

// pass passes over the string, the bracket or the one other byte that begins at i. It is -1 where that does not fit.
func (b *brackets) pass(text []byte, i int) int {
	if text[i] == '"' {
		n, whole := strEnd(text[i:], 1)
		if !whole {
			return -1
		}
		return i + n
	}
	if !b.take(text[i]) {
		return -1
	}
	return i + 1
}

// take opens or closes a bracket, and reports whether it fits. Other bytes do.
func (b *brackets) take(c byte) bool {
	switch c {
	case '{', '[':
		*b = append(*b, c)
	case '}', ']':
		last := len(*b) - 1
		if last < 0 || (*b)[last] != c-2 { // '[' and ']', '{' and '}' are two apart
			return false
		}
		*b = (*b)[:last]
	}
	return true
}
