package text

import "bytes"

// What a line begins with, and the colour it gets on a terminal. A stranger begins no line: Printable leaves none of
// his text a line break.
var paints = map[string]string{
	"lost": red, "escaped": red, "dropped": red, "denied": red, "worse": red, "not": red, "disputed": red,
	"unproven": yellow, "over": yellow, "over-permitted": yellow, "inexpressible": yellow, "unisolated": yellow,
	"left-open": yellow, "unrecorded": yellow, "missing": yellow, "edited": yellow,
	"permitted": green, "allowed": green, "Done": green,
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

// paint colours the words that lines begin with. begins reports whether the text begins a line; it returns whether what
// follows it does.
func paint(b []byte, begins bool) (out []byte, next bool) {
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line = b[:i+1]
		}
		b = b[len(line):]
		if begins {
			out = paintLine(out, line)
		} else {
			out = append(out, line...)
		}
		begins = bytes.HasSuffix(line, []byte("\n"))
	}
	return out, begins
}

func paintLine(out, line []byte) []byte {
	start := len(line) - len(bytes.TrimLeft(line, " "))
	end := start
	for end < len(line) && line[end] != ' ' && line[end] != ':' && line[end] != '\n' && line[end] != ',' {
		end++
	}
	colour := paints[string(line[start:end])]
	if colour == "" {
		return append(out, line...)
	}
	out = append(append(out, line[:start]...), colour...)
	out = append(append(out, line[start:end]...), plain...)
	return append(out, line[end:]...)
}
