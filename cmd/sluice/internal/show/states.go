package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
)

// States prints a judgement that goes on: the namespaces whose state has changed since the last time.
type States struct {
	w      io.Writer
	format string
	last   map[string]string
}

// NewStates returns one that has printed nothing yet.
func NewStates(w io.Writer, format string) *States {
	return &States{w: w, format: format, last: map[string]string{}}
}

// Print tells of the next judgement.
func (s *States) Print(r *run.Ready) error {
	changed := false
	for i := range r.Namespaces {
		n := &r.Namespaces[i]
		was, is := s.last[n.Name], n.State.String()
		s.last[n.Name] = is
		if was == is {
			continue
		}
		changed = true
		if s.format != Table {
			continue
		}
		if was != "" {
			is = was + " -> " + is
		}
		fmt.Fprintf(s.w, "%s %s: %s\n", model.StampSecond(r.AsOf), n.Name, is)
		for _, line := range r.Lines(n, r.Schedules) {
			fmt.Fprintf(s.w, "  %s\n", text.Printable(line, 600))
		}
	}
	if changed && s.format == JSON {
		return printLine(s.w, viewReady(r))
	}
	return nil
}
