package hubble

import (
	"encoding/binary"

	"sluice/ingest/scan"
)

// words are a text that is looked for, up to maxWords bytes of it, as words of which the masks say how much counts: to
// compare all of them at once takes no branch.
type words struct{ words, masks [maxWords / 8]uint64 }

const maxWords = 32

func newWords(text string) (w words) {
	var bytes, mask [maxWords]byte
	for i := range copy(bytes[:], text) {
		mask[i] = 0xff
	}
	for i := range w.words {
		w.words[i], w.masks[i] = scan.Word(bytes[:], 8*i), scan.Word(mask[:], 8*i)
	}
	return w
}

// differs is 0 where the text stands at b.
func (w *words) differs(b *[maxWords]byte) uint64 {
	return (binary.LittleEndian.Uint64(b[:])&w.masks[0] ^ w.words[0]) |
		(binary.LittleEndian.Uint64(b[8:])&w.masks[1] ^ w.words[1]) |
		(binary.LittleEndian.Uint64(b[16:])&w.masks[2] ^ w.words[2]) |
		(binary.LittleEndian.Uint64(b[24:])&w.masks[3] ^ w.words[3])
}

// literal is a text of any length that is looked for.
type literal struct {
	words
	text string
}

func newLiteral(text string) literal { return literal{newWords(text), text} }

// stands reports whether the text stands at b[i:], which has to be a place in a record.
func (l *literal) stands(b []byte, i int) bool {
	return l.differs((*[maxWords]byte)(b[i:i+maxWords:i+maxWords])) == 0 &&
		(len(l.text) <= maxWords || scan.Has(b, i+maxWords, l.text[maxWords:]))
}
