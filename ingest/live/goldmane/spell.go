package goldmane

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// errWire is what bytes get that are no protobuf message, or not of the expected kind.
var errWire = errors.New("not a message of Goldmane")

// shape says how a message is spelled in JSON: its fields by number. Fields that are not named are passed over, so
// newer servers are understood.
type shape map[protowire.Number]field

type field struct {
	name string
	kind kind
	of   shape // message, messages
}

type kind uint8

const (
	text kind = iota
	number
	texts
	message
	messages
)

// The shapes of Goldmane's messages, with the names that its emitter writes.
var (
	hitShape = shape{
		1: {name: "kind", kind: number},
		2: {name: "namespace"},
		3: {name: "name"},
		4: {name: "tier"},
		5: {name: "action", kind: number},
		6: {name: "policy_index", kind: number},
		7: {name: "rule_index", kind: number},
	}
	traceShape = shape{1: {"enforced_policies", messages, hitShape}, 2: {"pending_policies", messages, hitShape}}
	keyShape   = shape{
		1: {name: "source_name"}, 2: {name: "source_namespace"}, 3: {name: "source_type", kind: number},
		4: {
			name: "dest_name",
		}, 5: {name: "dest_namespace"}, 6: {name: "dest_type", kind: number}, 7: {name: "dest_port", kind: number},
		8: {
			name: "dest_service_name",
		}, 9: {name: "dest_service_namespace"}, 10: {name: "dest_service_port_name"}, 11: {name: "dest_service_port", kind: number},
		12: {
			name: "proto",
		}, 13: {name: "reporter", kind: number}, 14: {name: "action", kind: number}, 15: {"policies", message, traceShape},
	}
	flowShape = shape{
		1: {"Key", message, keyShape}, 2: {name: "start_time", kind: number}, 3: {name: "end_time", kind: number},
		4: {name: "source_labels", kind: texts}, 5: {name: "dest_labels", kind: texts},
		6: {
			name: "packets_in",
			kind: number,
		}, 7: {name: "packets_out", kind: number}, 8: {name: "bytes_in", kind: number}, 9: {name: "bytes_out", kind: number},
		10: {
			name: "num_connections_started",
			kind: number,
		}, 11: {name: "num_connections_completed", kind: number}, 12: {name: "num_connections_live", kind: number},
	}
)

// spell appends a message as JSON, as Goldmane's emitter writes a Flow: the rules that read flows read that.
func spell(out, msg []byte, s shape) ([]byte, error) {
	out = append(out, '{')
	var done uint64 // lists and messages written, by number
	for rest := msg; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return out, errWire
		}
		size := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if size < 0 {
			return out, errWire
		}
		value := rest[n : n+size]
		f, ok := s[num]
		list := ok && (f.kind == texts || f.kind == messages)
		once := list || ok && f.kind == message
		switch {
		case !ok || once && done&(1<<num) != 0:
		case once:
			done |= 1 << num
			var err error
			if list {
				out, err = spellList(appendName(out, f.name), rest, num, f)
			} else {
				out, err = spellPieces(appendName(out, f.name), rest, num, f)
			}
			if err != nil {
				return out, err
			}
		default:
			var err error
			if out, err = spellValue(appendName(out, f.name), value, typ, f); err != nil {
				return out, err
			}
		}
		rest = rest[n+size:]
	}
	return append(out, '}'), nil
}

// spellList appends all values of a field.
func spellList(out, rest []byte, list protowire.Number, f field) ([]byte, error) {
	out = append(out, '[')
	err := values(rest, list, func(value []byte, typ protowire.Type) (err error) {
		if out[len(out)-1] != '[' {
			out = append(out, ',')
		}
		out, err = spellValue(out, value, typ, f)
		return err
	})
	return append(out, ']'), err
}

// spellPieces appends a message, which may come in several pieces: they are one as they stand behind each other.
func spellPieces(out, rest []byte, message protowire.Number, f field) ([]byte, error) {
	var whole []byte
	n := 0
	err := values(rest, message, func(value []byte, typ protowire.Type) error {
		if typ != protowire.BytesType {
			return errWire
		}
		piece, _ := protowire.ConsumeBytes(value)
		switch n++; n {
		case 1:
			whole = piece
		case 2:
			whole = slices.Concat(whole, piece) // not into what stands behind it in the message
		default:
			whole = append(whole, piece...)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	return spell(out, whole, f.of)
}

// values calls fn for all values of a field: a message may have others between them.
func values(rest []byte, of protowire.Number, fn func(value []byte, typ protowire.Type) error) error {
	for len(rest) > 0 {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return errWire
		}
		size := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if size < 0 {
			return errWire
		}
		if num == of {
			if err := fn(rest[n:n+size], typ); err != nil {
				return err
			}
		}
		rest = rest[n+size:]
	}
	return nil
}

func spellValue(out, value []byte, typ protowire.Type, f field) ([]byte, error) {
	if f.kind == number {
		if typ != protowire.VarintType {
			return out, errWire
		}
		v, _ := protowire.ConsumeVarint(value)
		return strconv.AppendInt(out, int64(v), 10), nil
	}
	if typ != protowire.BytesType {
		return out, errWire
	}
	b, _ := protowire.ConsumeBytes(value)
	if f.kind == message || f.kind == messages {
		return spell(out, b, f.of)
	}
	return appendText(out, b), nil
}

func appendName(out []byte, name string) []byte {
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	return append(append(append(out, '"'), name...), `":`...)
}

func appendText(out, s []byte) []byte {
	plain := utf8.Valid(s)
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			plain = false
		}
	}
	if plain {
		return append(append(append(out, '"'), s...), '"')
	}
	quoted, _ := json.Marshal(string(s)) // a string can always be written
	return append(out, quoted...)
}
