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
			{"isolation", isolation}, {"moved", moved}, {"alike", append([]string{}, d.Alike...)}, {"lifted", append([]string{}, d.Lifted...)},
			{"requests", append([]string{}, d.Requests...)},
			{"unenforced", append([]string{}, d.Unenforced...)}, {"compared", d.Universe}})
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
	for _, name := range d.Requests {
		fmt.Fprintf(w, "requests: %s lets other requests pass: their rules differ\n", text.Printable(name, 200))
	}
	printLifted(w, d.Lifted)
	printUnenforced(w, d.Unenforced, d.Semantics)
	const most = 40
	lines := changeLines(changes)
	for i, line := range lines {
		if i == most {
			more := text.Plural(len(lines)-most, "more line", "more lines")
			fmt.Fprintf(w, "... and %s (-o json lists each connection)\n", more)
			break
		}
		fmt.Fprintln(w, line)
	}
	for _, m := range moved {
		fmt.Fprintf(w, "moved: rule %s from %s to %s\n", m.Rule, m.From, m.To)
	}
	if len(d.Alike) > 0 {
		fmt.Fprintf(w, "The same in other words: %s\n", text.Printable(strings.Join(d.Alike, ", "), 300))
	}
}

// changeLines are a line for each connection that was seen, a sweep counting as one, and after them one for all that
// were never seen and are decided alike for one reason.
func changeLines(changes []changeView) []string {
	var seen, unseen []changeView
	for _, c := range changes {
		if c.Seen != "" {
			seen = append(seen, c)
		} else {
			unseen = append(unseen, c)
		}
	}
	slices.SortStableFunc(seen, func(a, b changeView) int { return strings.Compare(b.Seen, a.Seen) })
	folded := verify.Sweeps(seen, func(c *changeView) (src, dst, port, rest string) {
		return c.Source, c.Destination, c.Port, strings.Join([]string{c.From, c.To, c.Seen, c.After}, "|")
	})
	var lines []string
	for i := range folded {
		c := folded[i].Items[0]
		for _, o := range folded[i].Items[1:] {
			c.Records += o.Records
		}
		lines = append(lines, fmt.Sprintf("%s: %s -> %s %s (seen %s, %s, was %s): %s", c.To, text.Printable(c.Source, 80),
			text.Printable(c.Destination, 80), folded[i].Port, c.Seen, text.Plural(c.Records, "record", "records"), c.From,
			c.why()))
	}
	type reason struct{ from, to, after string }
	var order []reason
	groups := map[reason][]changeView{}
	for _, c := range unseen {
		r := reason{c.From, c.To, c.After}
		if groups[r] == nil {
			order = append(order, r)
		}
		groups[r] = append(groups[r], c)
	}
	for _, r := range order {
		lines = append(lines, unseenLine(groups[r]))
	}
	return lines
}

func (c *changeView) why() string {
	why := c.After
	if c.To == "allowed" {
		why = strings.TrimPrefix(why, "allowed: ")
	}
	return text.Printable(why, 300)
}

// unseenLine tells of connections that nobody has seen.
func unseenLine(group []changeView) string {
	c := &group[0]
	if len(group) == 1 {
		return fmt.Sprintf("%s: %s -> %s %s (never seen, was %s): %s", c.To, text.Printable(c.Source, 80),
			text.Printable(c.Destination, 80), c.Port, c.From, c.why())
	}
	some := func(of func(c *changeView) string) string {
		const most = 4
		var names []string
		met := map[string]bool{}
		for i := range group {
			if name := of(&group[i]); !met[name] {
				met[name] = true
				names = append(names, text.Printable(name, 80))
			}
		}
		if len(names) > most {
			names = append(names[:most-1:most-1], fmt.Sprintf("%d more", len(names)-most+1))
		}
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s: %s (never seen, were %s) from %s to %s, %s: %s", c.To,
		text.Plural(len(group), "connection", "connections"), c.From,
		some(func(c *changeView) string { return c.Source }), some(func(c *changeView) string { return c.Destination }),
		some(func(c *changeView) string { return c.Port }), c.why())
}
