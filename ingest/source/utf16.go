package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Order tells by the start of a text in what order UTF-16 has its bytes, false where it is none: by its mark, or
// by the zero bytes of plain characters.
func utf16Order(head []byte) (order binary.ByteOrder, ok bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return binary.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return binary.BigEndian, true
	case len(head) < 4:
		return nil, false
	}
	zeros := [2]int{}
	for i, c := range head[:len(head)&^1] {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch [2]int{0, len(head) / 2} {
	case zeros:
		return binary.LittleEndian, true
	case [2]int{zeros[1], zeros[0]}:
		return binary.BigEndian, true
	}
	return nil, false
}

// utf16Reader turns UTF-16, which Windows writes, into UTF-8. Marks are left out.
type utf16Reader struct {
	in    io.Reader
	order binary.ByteOrder
	raw   []byte // what was read and is not turned yet
	text  []byte // what was turned and is not read yet
	buf   []byte
	err   error
}

func (u *utf16Reader) Read(b []byte) (int, error) {
	for len(u.text) == 0 {
		if u.err != nil {
			if errors.Is(u.err, io.EOF) && len(u.raw) > 0 {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, u.err
		}
		u.turn()
	}
	n := copy(b, u.text)
	u.text = u.text[n:]
	return n, nil
}

// turn reads on, and turns what is whole.
func (u *utf16Reader) turn() {
	u.raw = slices.Grow(u.raw, bufSize-len(u.raw))
	n, err := u.in.Read(u.raw[len(u.raw):bufSize])
	u.raw, u.err = u.raw[:len(u.raw)+n], err
	u.buf = u.buf[:0]
	i := 0
	for ; i+2 <= len(u.raw); i += 2 {
		r := rune(u.order.Uint16(u.raw[i:]))
		switch {
		case r < utf8.RuneSelf:
			u.buf = append(u.buf, byte(r))
			continue
		case r == '\uFEFF':
			continue
		case !utf16.IsSurrogate(r):
		case i+4 <= len(u.raw):
			if pair := utf16.DecodeRune(r, rune(u.order.Uint16(u.raw[i+2:]))); pair != utf8.RuneError {
				r = pair
				i += 2
			}
		case err == nil: // its other half is to come
			u.text, u.raw = u.buf, append(u.raw[:0], u.raw[i:]...)
			return
		}
		u.buf = utf8.AppendRune(u.buf, r)
	}
	u.text, u.raw = u.buf, append(u.raw[:0], u.raw[i:]...)
}
