package scan

import "encoding/binary"

// Words are a text that is looked for, up to MaxWords bytes of it, as words, those behind it 0: to compare all of them
// at once takes no branch.
type Words [MaxWords / 8]uint64

// MaxWords is how many bytes of a text Words have.
const MaxWords = 32

// masks are, by the number of bytes that count, the bits of Words that do.
var masks = func() (masks [MaxWords + 1]Words) {
	for n := range masks {
		for i := range n {
			masks[n][i/8] |= 0xff << (i % 8 * 8)
		}
	}
	return masks
}()

// NewWords makes Words of what a text begins with.
func NewWords(text string) (w Words) {
	var bytes [MaxWords]byte
	copy(bytes[:], text)
	for i := range w {
		w[i] = Word(bytes[:], 8*i)
	}
	return w
}

// Differs is 0 where the first n bytes of the text stand at b.
func (w *Words) Differs(b *[MaxWords]byte, n int) uint64 {
	m := &masks[n]
	return (binary.LittleEndian.Uint64(b[:])&m[0] ^ w[0]) |
		(binary.LittleEndian.Uint64(b[8:])&m[1] ^ w[1]) |
		(binary.LittleEndian.Uint64(b[16:])&m[2] ^ w[2]) |
		(binary.LittleEndian.Uint64(b[24:])&m[3] ^ w[3])
}

// Literal is a text of any length that is looked for.
type Literal struct {
	Words
	Text string
}

// NewLiteral makes a Literal.
func NewLiteral(text string) Literal { return Literal{NewWords(text), text} }

// Begins reports whether the text may stand where the first eight bytes are these, the first one lowest.
func (l *Literal) Begins(first uint64) bool { return first&masks[min(len(l.Text), 8)][0] == l.Words[0] }

// Differs is 0 where what the text has in Words stands at b.
func (l *Literal) Differs(b *[MaxWords]byte) uint64 {
	return l.Words.Differs(b, min(len(l.Text), MaxWords))
}

// Stands reports whether the text stands at b[i:], which has to be a place in a record or right behind it.
func (l *Literal) Stands(b []byte, i int) bool {
	return l.Differs((*[MaxWords]byte)(b[i:i+MaxWords:i+MaxWords])) == 0 &&
		(len(l.Text) <= MaxWords || Has(b, i+MaxWords, l.Text[MaxWords:]))
}
