package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/verify"
)

// changeView is a connection that two sets decide differently.
type changeView struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	From        string `json:"from"`
	To          string `json:"to"`
	Seen        string `json:"seen,omitempty"` // how the flows have it: allowed, denied, mixed, pending
	Records     uint64 `json:"records,omitempty"`
	LastSeen    string `json:"lastSeen,omitempty"`
	Before      string `json:"before"`
	After       string `json:"after"`
}

type isolationView struct {
	End       string `json:"end"`
	Direction string `json:"direction"`
	Isolated  bool   `json:"isolated"`
}

type moveView struct {
	Rule string `json:"rule"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Difference prints what two sets decide differently.
func Difference(w io.Writer, format string, l *run.Log, d *verify.Difference) error {
	changes := []changeView{}
	for _, c := range d.Changes {
		v := changeView{Source: c.Src, Destination: c.Dst, Port: c.Port, From: c.From.String(), To: c.To.String(),
			Before: c.Before, After: c.After}
		if c.Edge >= 0 {
			e := &l.Graph.Edges[c.Edge]
			v.Seen, v.Records, v.LastSeen = e.State.String(), e.Records(), model.StampSecond(e.Last)
		}
		changes = append(changes, v)
	}
	isolation, moved := []isolationView{}, []moveView{}
	for _, i := range d.Isolation {
		isolation = append(isolation, isolationView{i.End, i.Direction.String(), i.Isolated})
	}
	for _, m := range d.Moved {
		moved = append(moved, moveView{m.ID, m.From, m.To})
	}
	if format != Table {
		return printObject(w, format, object{{"apiVersion", "sluice/v1"}, {"kind", "Difference"}, {"changes", changes},
			{"isolation", isolation}, {"moved", moved}, {"alike", d.Alike}, {"compared", d.Universe}})
	}
	printDifference(w, changes, isolation, moved, d)
	return nil
}

func printDifference(
	w io.Writer,
	changes []changeView,
	isolation []isolationView,
	moved []moveView,
	d *verify.Difference,
) {
	if d.Same() {
		fmt.Fprintln(w, "Nothing is decided differently.")
	}
	for _, i := range isolation {
		word := map[bool]string{true: "is isolated now", false: "is isolated no more"}[i.Isolated]
		fmt.Fprintf(w, "%s of %s %s\n", i.Direction, text.Printable(i.End, 80), word)
	}
	slices.SortStableFunc(changes, func(a, b changeView) int { return strings.Compare(b.Seen, a.Seen) })
	folded := verify.Sweeps(changes, func(c *changeView) (src, dst, port, rest string) {
		return c.Source, c.Destination, c.Port, strings.Join([]string{c.From, c.To, c.Seen, c.After}, "|")
	})
	const most = 40
	for i := range folded {
		c := folded[i].Items[0]
		c.Port = folded[i].Port
		for _, o := range folded[i].Items[1:] {
			c.Records += o.Records
		}
		if i == most {
			fmt.Fprintf(
				w,
				"... and %s (-o json lists all)\n",
				text.Plural(len(folded)-most, "more change", "more changes"),
			)
			break
		}
		seen := "never seen"
		if c.Seen != "" {
			seen = fmt.Sprintf("seen %s, %s", c.Seen, text.Plural(c.Records, "record", "records"))
		}
		why := c.After
		if c.To == "allowed" {
			why = strings.TrimPrefix(why, "allowed: ")
		}
		fmt.Fprintf(
			w,
			"%s: %s -> %s %s (%s, was %s): %s\n",
			c.To,
			text.Printable(c.Source, 80),
			text.Printable(c.Destination, 80),
			c.Port,
			seen,
			c.From,
			text.Printable(why, 300),
		)
	}
	for _, m := range moved {
		fmt.Fprintf(w, "moved: rule %s from %s to %s\n", m.Rule, m.From, m.To)
	}
	if len(d.Alike) > 0 {
		fmt.Fprintf(w, "The same in other words: %s\n", text.Printable(strings.Join(d.Alike, ", "), 300))
	}
}
