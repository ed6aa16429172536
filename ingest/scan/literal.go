package scan

import "encoding/binary"

// Words are a text that is looked for, up to MaxWords bytes of it, as words of which the masks say how much counts: to
// compare all of them at once takes no branch.
type Words struct{ words, masks [MaxWords / 8]uint64 }

// MaxWords is how many bytes of a text Words have.
const MaxWords = 32

// NewWords makes Words of what a text begins with.
func NewWords(text string) (w Words) {
	var bytes, mask [MaxWords]byte
	for i := range copy(bytes[:], text) {
		mask[i] = 0xff
	}
	for i := range w.words {
		w.words[i], w.masks[i] = Word(bytes[:], 8*i), Word(mask[:], 8*i)
	}
	return w
}

// Nowhere are Words that stand nowhere.
func Nowhere() (w Words) {
	w.words[0] = 1 // under a mask of zero
	return w
}

// Head returns the first eight bytes, those that do not count as 0.
func (w *Words) Head() uint64 { return w.words[0] }

// Begins reports whether the text may stand where the first eight bytes are these, the first one lowest.
func (w *Words) Begins(first uint64) bool { return first&w.masks[0] == w.words[0] }

// Differs is 0 where the text stands at b.
func (w *Words) Differs(b *[MaxWords]byte) uint64 {
	return (binary.LittleEndian.Uint64(b[:])&w.masks[0] ^ w.words[0]) |
		(binary.LittleEndian.Uint64(b[8:])&w.masks[1] ^ w.words[1]) |
		(binary.LittleEndian.Uint64(b[16:])&w.masks[2] ^ w.words[2]) |
		(binary.LittleEndian.Uint64(b[24:])&w.masks[3] ^ w.words[3])
}

// Literal is a text of any length that is looked for.
type Literal struct {
	Words
	Text string
}

// NewLiteral makes a Literal.
func NewLiteral(text string) Literal { return Literal{NewWords(text), text} }

// Stands reports whether the text stands at b[i:], which has to be a place in a record or right behind it.
func (l *Literal) Stands(b []byte, i int) bool {
	return l.Differs((*[MaxWords]byte)(b[i:i+MaxWords:i+MaxWords])) == 0 &&
		(len(l.Text) <= MaxWords || Has(b, i+MaxWords, l.Text[MaxWords:]))
}
