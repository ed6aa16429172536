package show

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/text"
	"sluice/ingest/live"
	"sluice/model"
)

// Live shows what collectors do: on a terminal a block of lines that changes, below the edges that are new; piped, a
// line for each source when its counts have changed, at most one a second. All that is printed goes through it.
type Live struct {
	out, err io.Writer
	format   string
	quiet    bool
	screen   bool
	every    time.Duration

	mu     sync.Mutex
	shown  []shownSource
	block  int            // lines of the block on the screen
	spaces map[string]int // new edges by namespace
	second int64          // in which the last new edge came
	edges  int            // new ones in that second
}

// maxEdgeLines is how many new edges a second have a line of their own: whoever scans makes thousands.
const maxEdgeLines = 50

// maxSpaces is how many namespaces are counted by name: whoever makes up names makes more.
const (
	maxSpaces   = 1000
	otherSpaces = "others"
)

// shownSource is a source and what was printed of it.
type shownSource struct {
	name      string
	stats     func() live.Stats
	printed   ProgressView
	lastTotal uint64
	rate      float64 // records a second, smoothed
}

// ProgressView is a line of progress as JSON.
type ProgressView struct {
	header
	Source    string `json:"source"`
	Watermark string `json:"watermark,omitempty"` // all that was received up to then is stored
	Records   uint64 `json:"records"`             // stored since the start
	Lost      uint64 `json:"lost"`
	Gaps      uint64 `json:"gaps"`
	Resent    uint64 `json:"resent"`
	Jumps     uint64 `json:"clockJumps,omitempty"` // times that our clock was found set to another time
}

// newEdgeView is a new edge as JSON.
type newEdgeView struct {
	header
	collect.FoundEdge
}

// NewLive returns a view that prints to out, and the log to errw.
func NewLive(out, errw io.Writer, format string, quiet bool) *Live {
	v := &Live{out: out, err: errw, format: format, quiet: quiet, every: time.Second, spaces: map[string]int{}}
	if f := text.Behind(out); f != nil && !quiet && format != "json" && term.IsTerminal(int(f.Fd())) {
		v.screen, v.every = true, 500*time.Millisecond
	}
	return v
}

// Source adds a source to what is shown.
func (v *Live) Source(name string, stats func() live.Stats) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown = append(v.shown, shownSource{name: name, stats: stats})
}

// Write is for the log: what it prints stands above the block.
func (v *Live) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	return v.err.Write(b)
}

// Edge shows a new edge.
func (v *Live) Edge(e collect.FoundEdge) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, end := range []string{e.Source, e.Destination} {
		if ns, _, ok := strings.Cut(end, "/"); ok {
			if _, ok := v.spaces[ns]; !ok && len(v.spaces) >= maxSpaces {
				ns = otherSpaces
			}
			v.spaces[ns]++
		}
	}
	if now := time.Now().Unix(); now != v.second {
		v.moreEdges()
		v.second, v.edges = now, 0
	}
	if v.edges++; v.edges > maxEdgeLines {
		return
	}
	switch {
	case v.quiet:
	case v.format == "json":
		_ = printLine(v.out, newEdgeView{newHeader("NewEdge"), e})
	default:
		v.erase()
		fmt.Fprintf(
			v.out,
			"new edge: %s -> %s %s\n",
			text.Printable(e.Source, 80),
			text.Printable(e.Destination, 80),
			e.Port,
		)
	}
}

// moreEdges tells how many new edges of the last second had no line of their own; show edges lists them.
func (v *Live) moreEdges() {
	n := v.edges - maxEdgeLines
	v.edges = 0
	switch {
	case v.quiet || n <= 0:
	case v.format == "json":
		_ = printLine(v.out, struct {
			header
			Count int `json:"count"`
		}{newHeader("MoreNewEdges"), n})
	default:
		v.erase()
		fmt.Fprintf(v.out, "new edges: %d more in that second\n", n)
	}
}

// During shows what changes while f runs.
func (v *Live) During(f func() error) error {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); v.run(done) }()
	err := f()
	close(done)
	<-ended
	return err
}

// run shows what changes until done is closed, and then the last state.
func (v *Live) run(done <-chan struct{}) {
	t := time.NewTicker(v.every)
	defer t.Stop()
	for {
		select {
		case <-done:
			v.mu.Lock()
			v.erase()
			v.moreEdges()
			v.lines(true)
			v.mu.Unlock()
			return
		case <-t.C:
		}
		v.mu.Lock()
		if time.Now().Unix() != v.second {
			v.moreEdges()
		}
		if v.screen {
			v.redraw()
		} else {
			v.lines(false)
		}
		v.mu.Unlock()
	}
}

// lines prints a line for each source that has changed, and at the end for one that answered and had nothing.
func (v *Live) lines(end bool) {
	if v.quiet {
		return
	}
	for i := range v.shown {
		s := &v.shown[i]
		st := s.stats()
		now := ProgressView{
			header:    newHeader("IngestProgress"),
			Source:    s.name,
			Watermark: model.Stamp(st.Watermark),
			Records:   st.Total(),
			Lost:      st.Lost,
			Gaps:      st.Gaps,
			Resent:    st.Resent,
			Jumps:     st.Jumps,
		}
		if now == s.printed || !(end && st.Streams > 0) && now.Watermark == "" && now.Records == 0 && now.Lost == 0 {
			continue
		}
		s.printed = now
		if v.format == "json" {
			_ = printLine(v.out, now)
			continue
		}
		to := ""
		if now.Watermark != "" {
			to = "stored to " + now.Watermark + ", "
		}
		fmt.Fprintf(v.out, "%s: %s%s%s\n", now.Source, to, text.Plural(now.Records, "record", "records"), troubles(&st))
	}
}

// troubles lists what is not as it should be.
func troubles(st *live.Stats) string {
	var b strings.Builder
	for _, c := range []struct {
		n    uint64
		what string
	}{{st.Lost, "lost by the server"}, {st.Gaps, "possible gaps"}, {st.Resent, "sent again"},
		{st.Jumps, "jumps of our clock"}} {
		if c.n > 0 {
			fmt.Fprintf(&b, ", %s %s", text.Count(c.n), c.what)
		}
	}
	return b.String()
}

// erase takes the block off the screen.
func (v *Live) erase() {
	if v.block > 0 {
		fmt.Fprintf(text.Behind(v.out), "\x1b[%dA\x1b[J", v.block)
		v.block = 0
	}
}

func (v *Live) redraw() {
	var b bytes.Buffer
	for i := range v.shown {
		s := &v.shown[i]
		st := s.stats()
		s.rate = 0.7*s.rate + 0.3*float64(st.Total()-s.lastTotal)/v.every.Seconds()
		s.lastTotal = st.Total()
		state := "connected"
		if !st.Connected {
			state = "not connected"
		}
		fmt.Fprintf(
			&b,
			"%s: %s, %s records/s, %s, %s%s\n",
			text.Printable(s.name, 60),
			state,
			text.Count(int64(s.rate)),
			text.Plural(st.Total(), "record", "records"),
			lag(&st),
			troubles(&st),
		)
		for _, n := range st.Nodes {
			if n.State != live.NodeConnected {
				fmt.Fprintf(
					&b,
					"  node %s is %s: %s\n",
					text.Printable(n.Name, 60),
					n.State,
					text.Printable(n.Message, 100),
				)
			}
		}
		for _, e := range []string{st.LastError, st.StoreError} {
			if e != "" {
				fmt.Fprintf(&b, "  %s\n", text.Printable(e, 200))
			}
		}
	}
	if len(v.spaces) > 0 {
		fmt.Fprintf(&b, "new edges: %s\n", topSpaces(v.spaces))
	}
	v.erase()
	width, height := v.size()
	for _, line := range fit(b.String(), width-1, height-1) {
		fmt.Fprintln(v.out, line)
		v.block++
	}
}

// size is that of the terminal, in characters.
func (v *Live) size() (width, height int) {
	if f := text.Behind(v.out); f != nil {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 1 && h > 1 {
			return w, h
		}
	}
	return 80, 24
}

// fit cuts a text to what can be erased again: a line that wraps would be two, and what has left the screen stays.
func fit(block string, width, height int) []string {
	lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
	if n := len(lines) - height; n > 0 {
		lines = append(lines[:height-1], fmt.Sprintf("  and %d more", n+1))
	}
	for i := range lines {
		lines[i] = text.Printable(lines[i], width)
	}
	return lines
}

// lag says how old the newest record is that is stored.
func lag(st *live.Stats) string {
	if st.Watermark == 0 {
		return "nothing stored"
	}
	return "newest stored " + max(
		0,
		time.Since(time.UnixMicro(st.Watermark)),
	).Round(100*time.Millisecond).
		String() +
		" ago"
}

func topSpaces(spaces map[string]int) string {
	var names []string
	for ns := range spaces {
		names = append(names, ns)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(spaces[b]-spaces[a], strings.Compare(a, b)) })
	var out []string
	for _, ns := range names[:min(8, len(names))] {
		out = append(out, fmt.Sprintf("%s %s", text.Printable(ns, 40), text.Count(spaces[ns])))
	}
	return strings.Join(out, ", ")
}
