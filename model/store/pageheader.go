package store

import "encoding/binary"

// pageHeader is what stands before a page of values, in the compact protocol of Thrift.
type pageHeader struct {
	kind, size, packed                  int64 // size is that of the page before it was packed
	values, encoding, defined, repeated int64
}

// readPageHeader takes a header away from data. It is not ok where data has none, or one with what ours never have.
func readPageHeader(data []byte) (h pageHeader, rest []byte, ok bool) {
	c := compact{data: data}
	c.fields(func(id int64, kind byte) {
		switch {
		case id == 5 && kind == thriftStruct:
			c.numbers([]*int64{1: &h.values, &h.encoding, &h.defined, &h.repeated})
		case id >= 1 && id <= 3 && kind == thriftInt32:
			*[]*int64{1: &h.kind, &h.size, &h.packed}[id] = c.number()
		default:
			c.skip(kind)
		}
	})
	return h, c.data, !c.bad
}

// The kinds of fields that are read.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftInt32  = 5
	thriftInt64  = 6
	thriftBinary = 8
	thriftStruct = 12
)

// compact reads Thrift's compact protocol.
type compact struct {
	data []byte
	bad  bool // it ended, or is another than ours
	deep int
}

// fields has each field of a struct read.
func (c *compact) fields(read func(id int64, kind byte)) {
	const deepest = 4
	if c.deep++; c.deep > deepest {
		c.bad = true
	}
	for id := int64(0); !c.bad; {
		if len(c.data) == 0 {
			c.bad = true
			return
		}
		head := c.data[0]
		c.data = c.data[1:]
		if head == 0 {
			break
		}
		if step := int64(head >> 4); step != 0 {
			id += step
		} else {
			id = c.number()
		}
		read(id, head&0xf)
	}
	c.deep--
}

// numbers reads a struct of which the fields with these ids are numbers.
func (c *compact) numbers(of []*int64) {
	c.fields(func(id int64, kind byte) {
		if id > 0 && id < int64(len(of)) && kind == thriftInt32 {
			*of[id] = c.number()
		} else {
			c.skip(kind)
		}
	})
}

// number reads a number.
func (c *compact) number() int64 {
	v, n := binary.Varint(c.data)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.data = c.data[n:]
	return v
}

// skip reads what is not needed, statistics of a page among it.
func (c *compact) skip(kind byte) {
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftInt32, thriftInt64:
		c.number()
	case thriftBinary:
		size, n := binary.Uvarint(c.data)
		if n <= 0 || size > uint64(len(c.data)-n) {
			c.bad = true
			return
		}
		c.data = c.data[n+int(size):]
	case thriftStruct:
		c.fields(func(_ int64, kind byte) { c.skip(kind) })
	default:
		c.bad = true
	}
}
