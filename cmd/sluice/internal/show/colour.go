package show

import (
	"io"
	"os"

	"golang.org/x/term"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
)

// The values of --color.
const (
	ColourAuto   = "auto" // on a terminal, unless NO_COLOR is set
	ColourAlways = "always"
	ColourNever  = "never"
)

// Colours are all values of --color, the default first.
func Colours() []string { return []string{ColourAuto, ColourAlways, ColourNever} }

// Colour makes what is printed for people coloured, where it is asked for or a person sees it.
func Colour(w io.Writer, when string) error {
	gate, ok := w.(*text.Gate)
	switch when {
	case ColourNever:
	case ColourAlways:
		if ok {
			gate.Paint()
		}
	case ColourAuto:
		f := text.Behind(w)
		if ok && f != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())) {
			gate.Paint()
		}
	default:
		return run.Usagef("--color %s: use auto, always or never", when)
	}
	return nil
}
