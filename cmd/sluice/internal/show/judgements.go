package show

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"sluice/synth/verify"
)

// Judgements prints what the data plane does and says of policies while it goes on: what is new since the last time.
type Judgements struct {
	w      io.Writer
	format string
	told   map[string]bool // edges, with what was said of them
	last   any             // the view, or with Table the text of the counts
}

// NewJudgements returns one that has printed nothing yet.
func NewJudgements(w io.Writer, format string) *Judgements {
	return &Judgements{w: w, format: format, told: map[string]bool{}}
}

// Enforcement tells of policies that are in force.
func (j *Judgements) Enforcement(e *verify.Enforcement) error {
	if j.format != Table {
		return j.object(viewEnforcement(e))
	}
	v := viewEnforcement(e.Folded())
	news := v
	drop := func(d dropView) dropView {
		d.Records, d.Port = 0, steady(d.Port)
		if d.Port == sweep {
			d.Missing = nil
		}
		return d
	}
	news.Drops, news.News = newOf(j, "dropped", v.Drops, drop), newOf(j, "new", v.News, drop)
	news.Passes = newOf(j, "passed", v.Passes, func(p passView) passView {
		p.Records, p.Port = 0, steady(p.Port)
		return p
	})
	j.table(news.lines(), strings.Join(v.summary(), "\n"))
	return nil
}

// Staging tells of policies that are only watched.
func (j *Judgements) Staging(s *verify.Staging) error {
	if j.format != Table {
		return j.object(viewStaging(s))
	}
	v := viewStaging(s.Folded())
	counts := func(d disputedView) disputedView { d.Records, d.WouldDeny, d.Port = 0, 0, steady(d.Port); return d }
	news := v
	news.Silent = newOf(j, "silent", v.Silent, counts)
	news.Disputed = newOf(j, "disputed", v.Disputed, counts)
	news.Doubtful = newOf(j, "doubtful", v.Doubtful, counts)
	news.Defects = newOf(j, "defect", v.Defects, func(d defectView) defectView { return d })
	news.Nothing = v.Nothing && !j.told["nothing"]
	j.told["nothing"] = v.Nothing
	j.table(news.lines(), v.summary())
	return nil
}

// sweep stands for the ports of a sweep, which grow as it goes on.
const sweep = "sweep"

// steady is a port, or the one word for those of a sweep.
func steady(port string) string {
	if strings.ContainsAny(port, ",-") {
		return sweep
	}
	return port
}

// newOf returns what of a list was not told yet under its word; still is an item without what grows as records come.
func newOf[T any](j *Judgements, word string, list []T, still func(T) T) []T {
	var out []T
	for _, x := range list {
		if k := fmt.Sprintf("%s %v", word, still(x)); !j.told[k] {
			j.told[k] = true
			out = append(out, x)
		}
	}
	return out
}

// table prints lines that are new, and the counts where they are.
func (j *Judgements) table(lines []string, counts string) {
	if counts != j.last {
		lines = append(lines, counts)
	}
	j.last = counts
	for _, line := range lines {
		fmt.Fprintln(j.w, line)
	}
}

// object prints a view that is not the last.
func (j *Judgements) object(v any) error {
	if reflect.DeepEqual(v, j.last) {
		return nil
	}
	j.last = v
	return printLine(j.w, v)
}
