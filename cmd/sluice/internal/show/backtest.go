package show

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/readiness"
)

// Backtest prints what would have been lost, had the rest been denied earlier: a row with a bar for each time.
func Backtest(w io.Writer, format string, b *readiness.Backtest) error {
	if format != Table {
		return printObject(w, format, viewBacktest(b))
	}
	head := []string{"DENIED FROM", "KNOWN", "LOST"}
	for c := range readiness.NumCauses {
		head = append(head, strings.ToUpper(c.String()))
	}
	t := newTable(w, append(head, "CONNECTIONS", "STABLE", "SURPRISED", "")...)
	most := 0
	for i := range b.Cuts {
		most = max(most, b.Cuts[i].Total())
	}
	for i := range b.Cuts {
		c := &b.Cuts[i]
		row := []any{model.StampSecond(c.At), c.Known, c.Total()}
		for _, n := range c.Edges {
			row = append(row, dash(n))
		}
		surprised := "-"
		if c.Surprised >= 0 {
			surprised = fmt.Sprint(c.Surprised)
		}
		t.row(append(row, c.Connections, c.Stable, surprised, bar(c.Total(), most))...)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(
		w,
		"LOST: edges that were first seen after the rest is denied. SURPRISED: workloads and directions called STABLE then that saw a new edge within 7 days.",
	)
	if r := b.Record.Text(); r != "" {
		fmt.Fprintln(w, r)
	}
	fmt.Fprintln(w, b.Quiet())
	return nil
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// bar is a number as a length: any that is not 0 shows.
func bar(n, most int) string {
	const width = 24
	if n == 0 {
		return ""
	}
	return strings.Repeat("█", max(1, n*width/most))
}

// backtestView is a backtest as printed.
type backtestView struct {
	header
	First  string          `json:"first"`
	AsOf   string          `json:"asOf"`
	Cuts   []cutView       `json:"cuts"`
	Lost   []lostEdgeView  `json:"lost"`
	Record readyRecordView `json:"record"`
}

type cutView struct {
	From        string         `json:"deniedFrom"`
	Known       int            `json:"known"`
	Lost        int            `json:"lost"`
	Causes      map[string]int `json:"causes"`
	Connections int            `json:"connections"`
	Records     uint64         `json:"records"`
	Stable      int            `json:"stable"`
	Surprised   *int           `json:"surprised,omitempty"` // absent where the week after is not over
}

type lostEdgeView struct {
	Edge  string `json:"edge"`
	First string `json:"first"`
	Cause string `json:"cause"`
}

func viewBacktest(b *readiness.Backtest) backtestView {
	v := backtestView{
		header: newHeader("BacktestResult"),
		First:  model.StampSecond(b.First),
		AsOf:   model.StampSecond(b.AsOf),
		Cuts:   []cutView{},
		Lost:   []lostEdgeView{},
		Record: readyRecordView{b.Record.Days, b.Record.Surprised},
	}
	for i := range b.Cuts {
		c := &b.Cuts[i]
		o := cutView{
			From:        model.StampSecond(c.At),
			Known:       c.Known,
			Lost:        c.Total(),
			Causes:      map[string]int{},
			Connections: c.Connections,
			Records:     c.Records,
			Stable:      c.Stable,
		}
		for k, n := range c.Edges {
			if n > 0 {
				o.Causes[readiness.Cause(k).String()] = n
			}
		}
		if c.Surprised >= 0 {
			o.Surprised = &c.Surprised
		}
		v.Cuts = append(v.Cuts, o)
	}
	for _, l := range b.Lost {
		v.Lost = append(v.Lost, lostEdgeView{l.Name, model.StampSecond(l.First), l.Cause.String()})
	}
	return v
}

// deniedView is what policies would have denied on a day.
type deniedView struct {
	Day   string   `json:"day"`
	Edges []string `json:"edges"`
}

// Denied prints what policies would have denied on each day.
func Denied(w io.Writer, format string, days []readiness.Denied) error {
	if format != Table {
		views := []deniedView{}
		for _, d := range days {
			views = append(views, deniedView{model.StampSecond(d.Day), append([]string{}, d.Edges...)})
		}
		h := newHeader("PolicyBacktestResult")
		return printObject(w, format, object{{"apiVersion", h.APIVersion}, {"kind", h.Kind}, {"days", views}})
	}
	most := 0
	for _, d := range days {
		most = max(most, len(d.Edges))
	}
	t := newTable(w, "DAY", "EDGES DENIED", "", "WHICH")
	for _, d := range days {
		which := ""
		if len(d.Edges) > 0 {
			which = d.Edges[0]
		}
		if len(d.Edges) > 1 {
			which += ", and " + text.Plural(len(d.Edges)-1, "more", "more")
		}
		t.row(time.UnixMicro(d.Day).UTC().Format(time.DateOnly), len(d.Edges), bar(len(d.Edges), most), which)
	}
	return t.flush()
}

// causeColors are the colours of the causes in a drawing, in their order.
var causeColors = [readiness.NumCauses]string{"#7b3294", "#c2a5cf", "#5e81ac", "#d08770", "#a3be8c", "#bf616a"}

// BacktestSVG draws the curve of a backtest: a bar for each time, by cause.
func BacktestSVG(w io.Writer, b *readiness.Backtest) error {
	const width, height, left, bottom = 800, 300, 50, 40
	out := bufio.NewWriter(w)
	most := 1
	for i := range b.Cuts {
		most = max(most, b.Cuts[i].Total())
	}
	fmt.Fprintf(
		out,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		width+left+10,
		height+bottom+50,
	)
	fmt.Fprintf(out, `<text x="%d" y="16">edges lost if the rest had been denied from this time on</text>`+"\n", left)
	fmt.Fprintf(
		out,
		`<text x="%d" y="38" text-anchor="end">%d</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
		left-6,
		most,
		left-6,
		height+30,
	)
	fmt.Fprintf(out, `<path d="M%d 30V%dH%d" fill="none" stroke="#444"/>`+"\n", left, height+30, width+left)
	step := float64(width) / float64(max(1, len(b.Cuts)))
	for i := range b.Cuts {
		y := float64(height + 30)
		for k, n := range b.Cuts[i].Edges {
			if n > 0 {
				h := float64(n) * height / float64(most)
				y -= h
				fmt.Fprintf(
					out,
					`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s: %d %s</title></rect>`+"\n",
					float64(
						left,
					)+float64(
						i,
					)*step,
					y,
					step*0.85,
					h,
					causeColors[k],
					model.StampSecond(b.Cuts[i].At),
					n,
					readiness.Cause(k),
				)
			}
		}
	}
	if n := len(b.Cuts); n > 0 {
		fmt.Fprintf(
			out,
			`<text x="%d" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
			left,
			height+48,
			model.StampSecond(b.Cuts[0].At),
			width+left,
			height+48,
			model.StampSecond(b.Cuts[n-1].At),
		)
	}
	for k, color := range causeColors {
		fmt.Fprintf(
			out,
			`<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			left+k*125,
			height+62,
			color,
			left+k*125+14,
			height+71,
			readiness.Cause(k),
		)
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}
