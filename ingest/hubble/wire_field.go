package hubble

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message: a number where its wire type is one, else bytes.
type field struct {
	num  uint32 // 0: of a type that no field which counts has
	text bool   // length-delimited
	n    uint64 // of a number; 0 where num is 0
	b    []byte // where it is text
}

// varint reads a number as binary.Uvarint does; most have one byte or two.
func varint(b []byte) (uint64, int) {
	if len(b) > 1 {
		if b[0] < 0x80 {
			return uint64(b[0]), 1
		}
		if b[1] < 0x80 {
			return uint64(b[0]&0x7f) | uint64(b[1])<<7, 2
		}
	}
	return binary.Uvarint(b)
}

// next takes the first field off b, which is not empty; nil where b is no message. Tags and sizes of one byte, which
// are most, are read without a call.
func (f *field) next(b []byte) []byte {
	tag, n := uint64(b[0]), 1
	if tag >= 0x80 {
		tag, n = varint(b)
	}
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return nil
	}
	f.num, b = uint32(tag>>3), b[n:]
	if tag&7 == 2 {
		var size uint64
		if len(b) > 0 && b[0] < 0x80 {
			size, n = uint64(b[0]), 1
		} else {
			size, n = varint(b)
		}
		if n <= 0 || size > uint64(len(b)-n) {
			return nil
		}
		end := n + int(size)
		f.text, f.b = true, b[n:end]
		return b[end:]
	}
	f.text = false
	if tag&7 == 0 {
		if f.n, n = varint(b); n <= 0 {
			return nil
		}
		return b[n:]
	}
	return f.pass(b, tag&7)
}

// pass takes a value of one of the other types off b.
func (f *field) pass(b []byte, typ uint64) []byte {
	n := -1
	switch typ {
	case 1:
		n = 8
	case 5:
		n = 4
	case 3:
		n = protowire.ConsumeFieldValue(protowire.Number(f.num), protowire.StartGroupType, b)
	}
	if n < 0 || n > len(b) {
		return nil
	}
	f.num, f.n = 0, 0
	return b[n:]
}

// each calls fn for all fields of a message.
func each(b []byte, fn func(*field)) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		fn(&f)
	}
	return nil
}
