package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model/store"
)

// storeCheckView is what a check of a store found, as printed.
type storeCheckView struct {
	header
	Store    string   `json:"store"`
	Commits  int      `json:"commits"`
	Replaced int      `json:"replaced"` // commits that others replaced and that are still there
	Segments int      `json:"segments"`
	Sources  int      `json:"sources"`
	Rows     int64    `json:"rows"`
	Records  int64    `json:"records"`
	Bytes    int64    `json:"bytes"`
	Unnamed  []string `json:"unnamed"` // files that no commit names
	Problems []string `json:"problems"`
}

// Checked prints what a check of a store found. In the table problems are not listed: they are the command's error.
func Checked(w io.Writer, format, dir string, c *store.Checked) error {
	v := storeCheckView{header: newHeader("StoreCheck"), Store: dir, Commits: c.Commits, Replaced: c.Replaced,
		Segments: c.Segments, Sources: c.Sources, Rows: c.Rows, Records: c.Records, Bytes: c.Bytes,
		Unnamed: append([]string{}, c.Unnamed...), Problems: []string{}}
	for _, p := range c.Problems {
		v.Problems = append(v.Problems, p.Error())
	}
	if format != Table {
		return printObject(w, format, v)
	}
	fmt.Fprintf(w, "Checked %s: %s of %s in %s and %s, %s.\n", text.Printable(dir, 200),
		text.Plural(c.Rows, "row", "rows"), text.Plural(c.Records, "record", "records"),
		text.Plural(c.Segments, "segment", "segments"),
		text.Plural(c.Commits, "commit", "commits"), text.Size(c.Bytes))
	if n := len(v.Unnamed); n > 0 {
		fmt.Fprintf(w, "No commit names %s: a writer was killed, or is at work; in a bucket they may be of a commit that was lost, too.\n",
			text.Plural(n, "file", "files"))
	}
	return nil
}

// Scanned says what reading a store at a service took; quiet: nothing.
func Scanned(w io.Writer, l *run.Log, quiet bool) {
	if n := &l.Scanned; n.Requests > 0 && !quiet {
		cached := ""
		if n.Saved > 0 {
			cached = fmt.Sprintf("; %s, %s, from the cache", text.Plural(n.Saved, "file", "files"), text.Size(n.SavedBytes))
		}
		fmt.Fprintf(w, "Read %s of %s: %s, %s%s.\n", text.Count(n.Segments), text.Plural(n.Of, "segment", "segments"),
			text.Plural(n.Requests, "request", "requests"), text.Size(n.Bytes), cached)
		if n.CacheErr != nil {
			fmt.Fprintf(w, "The cache keeps no more: %s\n", text.Printable(n.CacheErr.Error(), 2000))
		}
	}
}

// Unpacked says what a pack was.
func Unpacked(w io.Writer, dir string, st *store.Store) {
	rows, bytes := int64(0), int64(0)
	segments := st.Segments()
	for i := range segments {
		rows += segments[i].Rows
		bytes += segments[i].Bytes
	}
	fmt.Fprintf(w, "Unpacked %s in %s (%s) into %s.\n", text.Plural(rows, "row", "rows"),
		text.Plural(len(segments), "segment", "segments"), text.Size(bytes), text.Printable(dir, 200))
	partial := 0
	for _, src := range st.Sources() {
		if src.Partial {
			partial++
		}
	}
	if partial > 0 {
		fmt.Fprintf(w, "Of %s only a part may be in it, and ingest adds nothing of the rest: pack all of the store where that is needed.\n",
			text.Plural(partial, "file", "files"))
	}
}

// Initialized says what was done to the schema of a store.
func Initialized(w io.Writer, at string, was, is int) {
	switch at = text.Printable(at, 200); was {
	case 0:
		fmt.Fprintf(w, "Made the tables of %s, version %d.\n", at, is)
	case is:
		fmt.Fprintf(w, "The tables of %s are there, version %d.\n", at, is)
	default:
		fmt.Fprintf(w, "Brought the tables of %s from version %d to %d.\n", at, was, is)
	}
}
