package text

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"sluice/model"
)

// Gate stands before standard output and the log: nothing that a stranger wrote passes it and moves the cursor, changes
// the direction or hides. In JSON the escapes mean what was there.
type Gate struct {
	w    io.Writer
	mu   sync.Mutex
	lost error  // the first time that the text could not be written
	held []byte // the beginning of a character whose end was not written yet
	// paints says that the first words of lines are coloured, mid that the next text does not begin a line.
	paints, mid bool
}

// NewGate returns a gate before w.
func NewGate(w io.Writer) *Gate { return &Gate{w: w} }

// Write writes the text, except the beginning of a character at its end, which waits for the rest.
func (g *Gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := b
	if len(g.held) > 0 {
		all = append(g.held, b...)
	}
	whole := len(all) - unfinished(all)
	_, err := g.w.Write(g.colour(model.PrintableText(all[:whole])))
	g.held, g.lost = bytes.Clone(all[whole:]), cmp.Or(g.lost, err)
	return len(b), err
}

// Paint makes the gate colour the words that tell good from bad, where they begin a line.
func (g *Gate) Paint() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paints = true
}

func (g *Gate) colour(b []byte) []byte {
	if !g.paints || len(b) == 0 {
		return b
	}
	out, begins := paint(b, !g.mid)
	g.mid = !begins
	return out
}

// Close lets go what still waited, and returns the first error of all that was written: who prints a table looks at
// none. It does not close what stands behind the gate.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) > 0 {
		_, err := g.w.Write(model.PrintableText(g.held))
		g.held, g.lost = nil, cmp.Or(g.lost, err)
	}
	return g.lost
}

// Behind returns the file that a gate stands before, nil where w is none. Who draws on a terminal writes there what
// moves the cursor, and nothing else.
func Behind(w io.Writer) *os.File {
	if g, ok := w.(*Gate); ok {
		w = g.w
	}
	f, _ := w.(*os.File)
	return f
}

// unfinished is the length of the beginning of a character at the end of a text.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
