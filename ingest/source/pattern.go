package source

import "bytes"

// pattern is a text but for what holds no record, whatever it says: numbers, and strings of JSON that are no keys. It
// is the texts between them, each with the kind of what stands before it.
type pattern []patternPart

type patternPart struct {
	// hole is 'n' for a number, 's' for a string, 'q' and 'o' for a repeat, 'x' for an excerpt of the record behind, 0 for
	// nothing.
	hole byte
	text string
}

// repeat is a record that was a string, which pipelines keep more than once: its bytes with its quotes, and what they
// stand for, which is an object. Its zero is no record.
type repeat struct {
	quoted, object []byte
	// excerpt is the inside of a string before a record that has what the record begins with: the record's own inside
	// where a pattern is made.
	excerpt []byte
}

// begins returns the length of the record that a text begins with once more, and the kind of its hole; 0 for none.
func (r *repeat) begins(text []byte) (n int, hole byte) {
	switch {
	case len(r.quoted) > 0 && bytes.HasPrefix(text, r.quoted):
		return len(r.quoted), 'q'
	case len(r.object) > 0 && bytes.HasPrefix(text, r.object):
		return len(r.object), 'o'
	}
	return 0, 0
}

// newPattern makes a pattern of what stood around a record.
func newPattern(text []byte, r *repeat) pattern {
	var p pattern
	from, hole := 0, byte(0)
	part := func(to, next int, kind byte) {
		p = append(p, patternPart{hole, string(text[from:to])})
		from, hole = next, kind
	}
	for i := 0; i < len(text); {
		again, kind := r.begins(text[i:])
		switch {
		case again > 0:
			part(i, i+again, kind)
			i += again
		case isDigit(text[i]):
			n := i
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			part(n, i, 'n')
		case text[i] == '"':
			n, whole := strEnd(text[i:], 1)
			switch {
			case !whole || isKey(text[i+n:]):
			case holdsNoObject(text[i+1 : i+n-1]):
				part(i, i+n, 's')
			case bytes.HasPrefix(r.excerpt, text[i+1:i+n-1]):
				part(i, i+n, 'x')
			}
			i += max(n, 1)
		default:
			i++
		}
	}
	part(len(text), len(text), 0)
	return p
}

// newDigits makes a pattern of a text but for its numbers, nil where a record may depend on these.
func newDigits(text []byte) pattern {
	if bytes.IndexByte(text, '\\') >= 0 || bytes.Contains(text, encodedObject) {
		return nil
	}
	var p pattern
	for from, hole := 0, byte(0); ; hole = 'n' {
		to := from
		for to < len(text) && !isDigit(text[to]) {
			to++
		}
		p = append(p, patternPart{hole, string(text[from:to])})
		if to == len(text) {
			return p
		}
		for from = to; from < len(text) && isDigit(text[from]); {
			from++
		}
	}
}

// holdsNothing reports whether the inside of a string holds no record.
func holdsNothing(text []byte) bool {
	return bytes.IndexByte(text, '\\') < 0 && bytes.IndexByte(text, '{') < 0 && !bytes.HasPrefix(text, encodedObject)
}

// holdsNoObject reports whether the inside of a string holds no object in any spelling: it may have braces behind which
// none can begin, such as those of a selector, and escapes of single characters.
func holdsNoObject(text []byte) bool {
	if holdsNothing(text) {
		return true
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i == len(text) || text[i] == 'u' {
				return false
			}
		case c == '{':
			if i+1 == len(text) || !isNameByte(text[i+1]) && text[i+1] != '}' {
				return false
			}
		}
	}
	return !bytes.HasPrefix(text, encodedObject)
}

// isNameByte reports whether a byte may begin a name that stands without quotes.
func isNameByte(c byte) bool { return c == '_' || c-'0' <= 9 || (c|0x20)-'a' <= 'z'-'a' }

// isKey reports whether a string is a key by what stands behind it.
func isKey(behind []byte) bool {
	behind = bytes.TrimLeft(behind, blankBytes)
	return len(behind) == 0 || behind[0] == ':'
}

// begins returns the length of what a text begins with that is like the pattern, -1 where it begins otherwise.
func (p pattern) begins(text []byte, r *repeat) int {
	i := 0
	for n := range p {
		switch from := i; p[n].hole {
		case 'n':
			for i < len(text) && isDigit(text[i]) {
				i++
			}
			if i == from {
				return -1
			}
		case 's':
			if i == len(text) || text[i] != '"' {
				return -1
			}
			end, whole := strEnd(text[i:], 1)
			if !whole || !holdsNoObject(text[i+1:i+end-1]) {
				return -1
			}
			i += end
		case 'x':
			if i == len(text) || text[i] != '"' {
				return -1
			}
			end, whole := strEnd(text[i:], 1)
			if !whole || len(r.excerpt) > 0 {
				return -1
			}
			r.excerpt = text[i+1 : i+end-1]
			i += end
		case 'q', 'o':
			again, kind := r.begins(text[i:])
			if kind != p[n].hole {
				return -1
			}
			i += again
		}
		end := i + len(p[n].text)
		if end > len(text) || string(text[i:end]) != p[n].text {
			return -1
		}
		i = end
	}
	return i
}

// ends returns where what a text ends with begins that is like the pattern, -1 where it ends otherwise.
func (p pattern) ends(text []byte) int {
	i := len(text)
	for n := len(p) - 1; n >= 0; n-- {
		if i < len(p[n].text) || string(text[i-len(p[n].text):i]) != p[n].text {
			return -1
		}
		i -= len(p[n].text)
		switch to := i; p[n].hole {
		case 'n':
			for i > 0 && isDigit(text[i-1]) {
				i--
			}
			if i == to {
				return -1
			}
		case 's':
			if i == 0 || text[i-1] != '"' {
				return -1
			}
			if i = bytes.LastIndexByte(text[:i-1], '"'); i < 0 || !holdsNothing(text[i+1:to-1]) {
				return -1
			}
		}
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }
